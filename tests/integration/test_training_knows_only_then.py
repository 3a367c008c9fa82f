"""A log worked out by hand: every row that is learnt from, its label, and when that was known."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.domain.event import transfer_event_id
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import DAY, HOUR
from crivo.domain.report import ReportStatus
from crivo.domain.transfer import Purpose, Transfer
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.mapping import parse_mapping
from crivo.flows.training_rows import dataset_of_log, dataset_of_table
from crivo.model.dataset import Dataset
from crivo.model.labels import NEVER
from tests.integration.pasts import START, account, in_order, kept, report_event, transfer_event

PLAN = compile_plan(default_feature_set())
AS_OF = START + 30 * DAY
DELAY = 7 * DAY
CLAIMED, ACCEPTED, REJECTED = ReportStatus.CLAIMED, ReportStatus.ACCEPTED, ReportStatus.REJECTED

#: name → (payer, payee, reais, occurred, received − occurred, purpose).
TRANSFERS = {
    "accepted": (1, 2, 100, START + 1 * DAY, 0, None),
    "claimed": (1, 2, 200, START + 3 * DAY + 12 * HOUR, 0, None),
    "accepted too late": (1, 2, 600, START + 6 * DAY, 0, None),
    "accepted just in time": (1, 3, 50, START + 8 * DAY, 0, None),
    "return": (1, 2, 10, START + 9 * DAY, 0, Purpose.REFU),
    "behind": (1, 2, 10, START + 9 * DAY - 2 * HOUR, 4 * HOUR, None),
    "rejected": (5, 6, 10, START + 10 * DAY, 0, None),
    "just mature": (4, 2, 40, AS_OF - DELAY, 0, None),
    "immature": (4, 2, 40, AS_OF - DELAY + 1, 0, None),
    "immature return": (4, 2, 40, AS_OF - DELAY + 2, 0, Purpose.REFU),
    "return of another kind": (7, 9, 10, START + 9 * DAY, 0, Purpose.IPRT),
    "late": (7, 8, 40, START + 20 * DAY, 12 * HOUR, None),
    "received at the last": (7, 8, 40, START + 20 * DAY, 10 * DAY, None),
    "not yet received": (4, 2, 40, START + 20 * DAY, 10 * DAY + 1, None),
}

#: (transfer, what was said of it, when).
REPORTS = (
    ("accepted", CLAIMED, START + 2 * DAY),
    ("accepted", ACCEPTED, START + 3 * DAY),
    ("claimed", CLAIMED, START + 5 * DAY),
    # What was accepted once stays a fraud, known since then, whatever is said of it later.
    ("accepted", REJECTED, START + 13 * DAY),
    ("accepted", ACCEPTED, START + 14 * DAY),
    ("rejected", CLAIMED, START + 11 * DAY),
    ("rejected", REJECTED, START + 12 * DAY),
    ("immature", ACCEPTED, AS_OF - DAY),
    ("accepted just in time", ACCEPTED, AS_OF),
    ("accepted too late", ACCEPTED, AS_OF + 1),
)

#: What training may know: transfer → (instant its fraud was known, the payee's transfers and
#: accepted reports of the 30 days before, those reports of the 24 h before, the payer's accepted
#: reports, the payer's mean in centavos).
KNOWN = {
    "accepted": (START + 3 * DAY, 0, 0, 0, 0, None),
    # The report is 12 h old; the transfer that it is about, 60 h.
    "claimed": (NEVER, 1, 1, 1, 1, 10_000.0),
    "accepted too late": (NEVER, 2, 1, 0, 1, 15_000.0),
    "accepted just in time": (AS_OF, 0, 0, 0, 1, 30_000.0),
    "rejected": (NEVER, 0, 0, 0, 0, None),
    # To its own instant the return counts for its payer, and is no row.
    "late": (NEVER, 0, 0, 0, 0, 1_000.0),
    # Three transfers and a return; the late one was put aside, a claim is no accepted report.
    "just mature": (NEVER, 4, 2, 0, 0, None),
}


def made(name: str) -> Transfer:
    payer, payee, reais, occurred_at, _, purpose = TRANSFERS[name]
    return Transfer(
        derived_end_to_end_id(occurred_at, "by hand", name),
        occurred_at=occurred_at,
        payer_account_id=account(payer),
        payee_account_id=account(payee),
        amount_centavos=100 * reais,
        purpose=purpose,
    )


def quiet(stage: str, done: int, total: int) -> None:
    assert 0 <= done <= total, stage


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    events = [
        transfer_event(made(name), facts[3] + facts[4]) for name, facts in TRANSFERS.items()
    ] + [
        report_event(made(name), status, known_at, f"{number} {status} {name}")
        for number, (name, status, known_at) in enumerate(REPORTS)
    ]
    with kept(tmp_path_factory.mktemp("by hand"), in_order(events)) as log:
        return dataset_of_log(log, PLAN, labels_as_of=AS_OF, label_delay=DELAY, progress=quiet)


def names_of(dataset: Dataset) -> list[str]:
    by_id = {transfer_event_id(made(name).end_to_end_id): name for name in TRANSFERS}
    return [by_id[row.tobytes()] for row in dataset.ids]


def test_the_rows_are_the_mature_transfers_that_the_log_knew_and_the_others_are_counted(dataset):
    assert names_of(dataset) == list(KNOWN)
    assert dataset.left_out["immature"] == 2
    assert dataset.left_out["returns"] == 2
    # The other was received at the last instant, ten days after it was made: a day is read back.
    assert dataset.left_out["behind"] == 2


def test_a_label_is_an_accepted_report_at_the_instant_it_was_known(dataset):
    found = dict(zip(names_of(dataset), dataset.known_at.tolist(), strict=True))
    assert found == {name: known[0] for name, known in KNOWN.items()}
    positive = {
        name for name, label in zip(names_of(dataset), dataset.labels(), strict=True) if label
    }
    assert positive == {"accepted", "accepted just in time"}


def test_a_label_is_unknown_until_its_instant(dataset):
    assert dataset.labels(START + 3 * DAY - 1).sum() == 0
    assert dataset.labels(START + 3 * DAY).sum() == 1
    assert dataset.labels(AS_OF - 1).sum() == 1
    # Nobody who asks for more than was known at `labels_as_of` is told more.
    assert dataset.labels(AS_OF + 365 * DAY).sum() == 2


def test_a_vector_knows_what_was_known_at_its_instant(dataset):
    columns = [
        PLAN.names.index(name)
        for name in (
            "payee_transfer_count_30d",
            "payee_report_count_30d_where_accepted",
            "payee_report_count_24h_where_accepted",
            "payer_report_count_30d_where_accepted",
            "payer_amount_mean_30d",
        )
    ]
    for name, vector in zip(names_of(dataset), dataset.vectors[:, columns], strict=True):
        expected = [np.nan if value is None else value for value in KNOWN[name][1:]]
        assert np.array_equal(vector, expected, equal_nan=True), (name, vector)


def test_a_label_of_a_table_is_known_after_its_delay_alone(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("when,V1,fraud\n0,1.5,1\n3600,2.5,0\n7200,,1\n")
    mapping = parse_mapping(
        """
        source = "small"
        kind = "rows"
        [time]
        column = "when"
        unit = "seconds"
        epoch = "2020-01-01"
        [features]
        columns = ["V1"]
        [label]
        column = "fraud"
        known_after_days = 7
        """,
        name="small.toml",
    )
    table = dataset_of_table(FileReader(path), mapping, progress=quiet)
    epoch = int(table.occurred_at[0])
    assert table.occurred_at.tolist() == [epoch, epoch + HOUR, epoch + 2 * HOUR]
    assert table.known_at.tolist() == [epoch + 7 * DAY, NEVER, epoch + 2 * HOUR + 7 * DAY]
    assert (table.label_delay, table.labels_as_of) == (7 * DAY, epoch + 2 * HOUR + 7 * DAY)
    assert table.labels(epoch + 7 * DAY - 1).tolist() == [False, False, False]
    assert table.labels().tolist() == [True, False, True]
