"""Feature tables: a row a transfer with its vector as it was known then, a table a plan, and cards.

A table is named by the hash of its plan, so that a feature that comes to mean another number, or a
kernel that computes otherwise, begins a table of its own: that is the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crivo.features.card import Card
from crivo.features.engine import BEHIND, LATE, SATURATED, Rows
from crivo.features.plan import Plan
from crivo.features.row import ABSENT, EVENT_ROW, RowKind
from crivo.flows.arrow import arrow_schema, days_of
from crivo.flows.labels import Words
from crivo.flows.training_set import RETURNS
from crivo.lake.column import Column, Kind
from crivo.lake.table import DAY, Table
from crivo.model.labels import Int64s

#: So much of a hash tells plans apart in a name.
_NAME: Final = 12

_ABOUT: Final = (
    Column(DAY, Kind.DATE, is_nullable=False),
    Column("number", Kind.INTEGER, is_nullable=False),
    Column("event_id", Kind.BYTES, is_nullable=False),
    Column("payer_id", Kind.BYTES, is_nullable=False),
    Column("payee_id", Kind.BYTES, is_nullable=False),
    Column("occurred_at", Kind.INTEGER, is_nullable=False),
    Column("received_at", Kind.INTEGER, is_nullable=False),
    Column("amount_centavos", Kind.INTEGER, is_nullable=False),
    Column("is_return", Kind.FLAG, is_nullable=False),
    Column("is_late", Kind.FLAG, is_nullable=False),
    Column("is_behind", Kind.FLAG, is_nullable=False),
    Column("is_saturated", Kind.FLAG, is_nullable=False),
)
_FLAGS: Final = {"is_late": LATE, "is_behind": BEHIND, "is_saturated": SATURATED}
_IDS: Final = {"event_id": "event", "payer_id": "payer", "payee_id": "payee"}
_FACTS: Final = ("occurred_at", "received_at", "amount_centavos")

#: What people must know of each column of a feature table; a row a table and column.
CARDS: Final = Table(
    "features.cards",
    (
        Column("table", Kind.TEXT, is_nullable=False),
        Column("name", Kind.TEXT, is_nullable=False),
        Column("place", Kind.INTEGER, is_nullable=False),
        Column("hash", Kind.TEXT, is_nullable=False),
        *(
            Column(name, Kind.TEXT, is_nullable=False)
            for name in (
                "meaning", "unit", "null_meaning", "leakage", "rationale", "purpose", "reason",
                "owner", "visible_to",
            )
        ),
    ),
    key=("table", "name"),
    partition=None,
)  # fmt: skip


def vectors_table(plan: Plan) -> Table:
    """The feature table of a plan: a float64 a feature, null where the vector is."""
    numbers = (Column(name, Kind.NUMBER) for name in plan.names)
    name = f"features.vectors_{plan.plan_hash[:_NAME]}"
    return Table(name, (*_ABOUT, *numbers), key=("number",))


def vector_rows(
    plan: Plan, rows: Rows, seq: Int64s, vectors: npt.NDArray[np.float64], flags: npt.NDArray[Any]
) -> pa.Table:
    """Transfers (`EVENT_ROW`[n]), their numbers, vectors (float64[n, F]) and flags, as rows."""
    found: dict[str, Any] = {DAY: days_of(rows["occurred_at"]), "number": seq}
    found |= {name: id_bytes(words_of(rows, of)) for name, of in _IDS.items()}
    found |= {name: rows[name] for name in _FACTS}
    found["is_return"] = np.isin(rows["purpose"], RETURNS)
    found |= {name: (flags & bit) != 0 for name, bit in _FLAGS.items()}
    for place, name in enumerate(plan.names):
        found[name] = pa.array(vectors[:, place], mask=np.isnan(vectors[:, place]))
    schema = arrow_schema(vectors_table(plan))
    return pa.table({field.name: pa.array(found[field.name]) for field in schema}).cast(schema)


def rows_of(plan: Plan, table: pa.Table) -> tuple[Rows, Int64s, npt.NDArray[Any], npt.NDArray[Any]]:
    """What `vector_rows` was told, as far as training asks for it: of a return's purpose that it
    is one, of the other facts that the engine folded none.
    """
    rows = np.zeros(table.num_rows, dtype=EVENT_ROW)
    rows["kind"] = RowKind.TRANSFER.value
    for name, of in _IDS.items():
        words = id_words(table[name])
        rows[f"{of}_0"], rows[f"{of}_1"] = words[:, 0], words[:, 1]
    for name in _FACTS:
        rows[name] = table[name].to_numpy()
    rows["purpose"] = np.where(table["is_return"].to_numpy(), RETURNS[0], ABSENT)
    flags = np.zeros(table.num_rows, dtype=np.uint8)
    for name, bit in _FLAGS.items():
        flags |= np.where(table[name].to_numpy(), bit, 0).astype(np.uint8)
    vectors = np.empty((table.num_rows, len(plan.names)))
    for place, name in enumerate(plan.names):
        vectors[:, place] = table[name].to_numpy()
    return rows, table["number"].to_numpy(), vectors, flags


def card_rows(table: Table, cards: Iterable[tuple[str, str, Card]]) -> pa.Table:
    """Rows of `CARDS`: (name, hash, card) of each column, in the order of the vector."""
    made = [
        {"table": table.name, "name": name, "place": place, "hash": sha256, **_texts(card)}
        for place, (name, sha256, card) in enumerate(cards)
    ]
    return pa.Table.from_pylist(made, schema=arrow_schema(CARDS))


def id_bytes(words: Words) -> pa.Array:
    """Ids uint64[n, 2] as the 16 bytes they are."""
    data = pa.py_buffer(np.ascontiguousarray(words, dtype="<u8").tobytes())
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(words), [None, data])
    return fixed.cast(pa.binary())


def id_words(ids: pa.ChunkedArray) -> Words:
    """Ids of 16 bytes as uint64[n, 2]."""
    return np.frombuffer(b"".join(ids.to_pylist()), dtype="<u8").reshape(len(ids), 2)


def words_of(rows: Rows, name: str) -> Words:
    """The two words of an id of each row."""
    return np.stack([rows[f"{name}_0"], rows[f"{name}_1"]], axis=1)


def _texts(card: Card) -> Mapping[str, str]:
    names = [column.name for column in CARDS.columns[4:]]
    return {name: str(getattr(card, name)) for name in names}
