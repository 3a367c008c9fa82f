"""The Fraud Detection Handbook's transactions as a data set: the log's rows, folded by the engine.

What a log of them would hold, column by column: a transfer each, and seven days later an accepted
report of each fraud. Customers and terminals are apart, as accounts of two banks would be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.load.rows import spread
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.features.engine import Engine
from crivo.features.plan import Plan
from crivo.features.row import ABSENT, EVENT_ROW, FACTS_MAX, RowKind
from crivo.model.dataset import Dataset
from crivo.model.groups import numbered
from crivo.model.labels import NEVER
from crivo.model.prequential import FoldOptions

FILE: Final = "handbook/simulated_raw.parquet"
LABEL_DELAY: Final = 7 * DAY

#: The book's protocol. Its reference start, 2018-07-25, begins the training of the first test fold
#: (chapter 5: `start_date_training_for_test` is three weeks later, and folds go back from there).
PROTOCOL: Final = FoldOptions(end=parse_rfc3339("2018-09-05T00:00:00Z"))

#: Vectors are made from this day on; a week before it gives the windows something to hold.
FIRST_DAY: Final = parse_rfc3339("2018-04-08T00:00:00Z")

_CHUNK_ROWS: Final = 8_192
_TERMINALS: Final = 10**6
_REPORTS: Final = 10**8
_OTHER_WORD: Final = 10**9


def handbook_dataset(data: Path, plan: Plan, *, until: int = PROTOCOL.end) -> Dataset:
    """Every transaction from `FIRST_DAY` to `until` with its vector; two without an amount are out.

    Raises:
        FileNotFoundError: `data` holds no such file.
    """
    rows, fraud = event_rows(data / FILE)
    wanted = (rows["kind"] == RowKind.TRANSFER.value) & (rows["occurred_at"] >= FIRST_DAY)
    wanted &= rows["occurred_at"] < until
    engine = Engine(plan)
    starts = range(0, int(np.flatnonzero(wanted)[-1]) + 1, _CHUNK_ROWS)
    chunks = [slice(start, start + _CHUNK_ROWS) for start in starts]
    vectors = np.concatenate([engine.vectors(rows[each], wanted[each])[0] for each in chunks])
    kept, fraud = rows[wanted], fraud[wanted]
    return Dataset(
        vectors=vectors,
        weights=np.ones(len(kept)),
        occurred_at=kept["occurred_at"],
        received_at=kept["received_at"],
        known_at=np.where(fraud, kept["received_at"] + LABEL_DELAY, NEVER),
        amounts=kept["amount_centavos"],
        ids=np.stack([kept["event_0"], kept["event_1"]], axis=1),
        payers=numbered(np.stack([kept["payer_0"], kept["payer_1"]], axis=1)),
        names=plan.names,
        set_hash=plan.set_hash,
        plan_hash=plan.plan_hash,
        cut=0,
        labels_as_of=until + LABEL_DELAY,
        label_delay=LABEL_DELAY,
        left_out={},
    )


def event_rows(path: Path) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
    """The rows of the file's transfers and reports, by receipt; and which are about a fraud."""
    table = pyarrow.parquet.read_table(path)
    fraud = table["TX_FRAUD"].to_numpy() == 1
    amount = np.rint(table["TX_AMOUNT"].to_numpy() * 100).astype(np.int64)
    paid, reported = np.flatnonzero(amount > 0), np.flatnonzero((amount > 0) & fraud)
    places = np.concatenate([paid, reported])
    is_report = np.arange(len(places)) >= len(paid)
    rows = np.zeros(len(places), EVENT_ROW)
    facts = [f"fact_{place}" for place in range(FACTS_MAX)]
    for name in ("initiation", "purpose", "payer_ispb", "payee_ispb", *facts):
        rows[name] = ABSENT
    rows["accepted"] = np.where(is_report, 1, ABSENT)
    rows["kind"] = np.where(is_report, RowKind.REPORT.value, RowKind.TRANSFER.value)
    at = table["TX_DATETIME"].to_numpy().astype("datetime64[us]").astype(np.int64)[places]
    rows["occurred_at"] = rows["received_at"] = at + is_report * LABEL_DELAY
    rows["amount_centavos"] = amount[places]
    number, payer, payee = (
        table[name].to_numpy().astype(np.int64)[places]
        for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID")
    )
    ids = {"payer": payer, "payee": payee + _TERMINALS, "event": number + is_report * _REPORTS}
    for name, of_rows in ids.items():
        rows[f"{name}_0"], rows[f"{name}_1"] = spread(of_rows), spread(of_rows + _OTHER_WORD)
    order = np.argsort(rows["received_at"], kind="stable")
    return rows[order], fraud[places][order]
