"""Silver: what each event of bronze says, in the columns of its schema; or why it says nothing.

A silver table is a function of the rows of bronze, whichever engine refines it: every row goes to
the table of its schema or to quarantine, and of a day's rows with one event id the first is taken
(a log has an id once; only what a worker answered twice comes again, with the same instant).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crivo.decision import record
from crivo.domain import transfer
from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.errors import Code, Refused
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.instant import BRASILIA_OFFSET, DAY, EARLIEST, HOUR, LATEST
from crivo.domain.money import CENTAVOS_MAX
from crivo.flows.arrow import arrow_schema, cells_of, days_of, id_words
from crivo.flows.codec import TransferFields
from crivo.flows.decision_cells import DecisionCells, decision_cells
from crivo.flows.groups import order_of
from crivo.flows.payload import array_type, read_array
from crivo.flows.schemas import SCHEMAS, EventSchema
from crivo.lake.column import Column, Kind, columns_of
from crivo.lake.rule import Between, LongAs, NotAfter, Rule
from crivo.lake.table import (
    PLACE,
    QUARANTINE,
    RECEIVED_DAY,
    TRANSFER_DAY,
    TRANSFER_HOUR,
    Table,
    silver_table,
)

#: The payload of an event in clear, of its stored payload and its id.
Open = Callable[[bytes, bytes], bytes]

_ENVELOPE: Final = tuple(column.name for column in QUARANTINE.columns[:10])

#: The columns of bronze that are refined.
REFINED_COLUMNS: Final = (*_ENVELOPE, "payload")

#: Rows whose payloads are read together: their values stay in the processor's caches.
_READ_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Silver:
    """How the events of a schema become rows: their table, and what reads many payloads at once."""

    schema: str
    table: Table
    columns: tuple[Column, ...]
    read: Callable[[bytes], Any]
    read_many: Callable[[Sequence[bytes]], Sequence[Any]]
    #: Columns that follow from others, by name.
    derived: Mapping[str, Callable[[Any], Any]]


def _payer(each: TransferFields) -> bytes | None:
    return each.payer_account_id or each.payer_person_id


def _payee(each: TransferFields) -> bytes | None:
    return each.payee_account_id or each.payee_person_id or each.payee_key_id


_PARTIES: Final = {"payer_id": _payer, "payee_id": _payee}


def _rules(columns: Sequence[Column]) -> tuple[Rule, ...]:
    """What every row must be, by the names of its columns."""
    names = {column.name for column in columns}
    rules: list[Rule] = [NotAfter(Code.CLOCK_AHEAD, "occurred_at", "received_at", CLOCK_AHEAD_MAX)]
    if "amount_centavos" in names:
        rules.append(Between(Code.AMOUNT_RANGE, "amount_centavos", 1, CENTAVOS_MAX))
    if "transfer_occurred_at" in names:
        rules.append(Between(Code.TIME_RANGE, "transfer_occurred_at", EARLIEST, LATEST - 1))
    rules += [
        LongAs(Code.ID_INVALID, name, ENTITY_ID_BYTES)
        for name in ("payer_id", "payee_id")
        if name in names
    ]
    return tuple(rules)


def _silver(schema: EventSchema) -> Silver:
    name = f"silver.{schema.family}"
    if schema.name == record.SCHEMA:
        columns = columns_of(DecisionCells)
        return Silver(
            schema.name,
            silver_table(name, columns, _rules(columns)),
            columns,
            decision_cells,
            lambda payloads: [decision_cells(each) for each in payloads],
            {},
        )
    columns = columns_of(schema.value)
    derived: dict[str, Callable[[Any], Any]] = {}
    array = array_type(schema.value)
    if schema.name == transfer.SCHEMA:
        # The instant stands under the name that all events about a transfer have for it.
        derived = {**_PARTIES, "transfer_occurred_at": lambda each: each.occurred_at}
        extra = [Column(each, Kind.BYTES) for each in _PARTIES]
        columns = (*columns, *extra, Column("transfer_occurred_at", Kind.INTEGER))
    one = msgspec.msgpack.Decoder(array)
    many = msgspec.msgpack.Decoder(list[array])  # type: ignore[valid-type]
    return Silver(
        schema.name,
        silver_table(name, columns, _rules(columns)),
        columns,
        lambda payload: read_array(one, payload, schema.name),
        lambda payloads: many.decode(_joined(payloads)),
        derived,
    )


def silver_tables() -> dict[str, Silver]:
    """How each schema is refined, by its name: every schema has a table."""
    return {schema.name: _silver(schema) for schema in SCHEMAS}


def _joined(payloads: Sequence[bytes]) -> bytes:
    """The payloads as the elements of one array of MessagePack (a 32-bit count before them)."""
    return b"\xdd" + len(payloads).to_bytes(4, "big") + b"".join(payloads)


def refine_rows(
    bronze: pa.Table, silvers: Mapping[str, Silver], open_payload: Open
) -> dict[str, pa.Table]:
    """The rows of each silver table, and of quarantine, that rows of bronze give.

    All rows of a day that share an event id must be among them. Each result is in the order of its
    places.

    Raises:
        Misconfigured: KEY_MISSING, SEAL_BROKEN where a payload does not open.
    """
    order, _ = order_of(bronze, PLACE)
    is_first = _is_first(bronze, order)
    kept = [_quarantined(bronze.take(pa.array(order[~is_first])), Code.DUPLICATE)]
    order = order[is_first]
    schemas = bronze["schema"].combine_chunks().dictionary_encode()
    numbers = schemas.indices.to_numpy()[order]
    found: dict[str, pa.Table] = {}
    for name, number in sorted(
        (name, at) for at, name in enumerate(schemas.dictionary.to_pylist())
    ):
        rows = bronze.take(pa.array(order[numbers == number]))
        silver = silvers.get(name)
        if silver is None:
            kept.append(_quarantined(rows, Code.SCHEMA_UNKNOWN))
            continue
        good = []
        for start in range(0, rows.num_rows, _READ_ROWS):
            made, refused = _refine(rows.slice(start, _READ_ROWS), silver, open_payload)
            good.append(made)
            kept += refused
        if any(each.num_rows for each in good):
            found[silver.table.name] = pa.concat_tables(good)
    aside = pa.concat_tables(kept)
    if aside.num_rows:
        found[QUARANTINE.name] = aside.sort_by([(name, "ascending") for name in PLACE])
    return found


def _is_first(rows: pa.Table, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of the rows in that order, which are the first of their day with their event's id."""
    is_first = np.ones(len(order), dtype=np.bool_)
    words = id_words(rows["event_id"])[order]
    halves = np.sort(words[:, 0])
    again = halves[1:][halves[1:] == halves[:-1]]
    if again.size:
        asked = np.flatnonzero(np.isin(words[:, 0], again))
        days = rows["day"].cast(pa.int32()).to_numpy()[order[asked]]
        keys = np.column_stack([words[asked], days.astype(np.uint64)])
        is_first[asked] = False
        is_first[asked[np.unique(keys, axis=0, return_index=True)[1]]] = True
    return is_first


def _refine(rows: pa.Table, silver: Silver, open_payload: Open) -> tuple[pa.Table, list[pa.Table]]:
    """The rows of one schema that can be read and break no rule; and the others, set aside."""
    ids = rows["event_id"].to_pylist()
    stored = rows["payload"].to_pylist()
    payloads = [open_payload(each, id_) for each, id_ in zip(stored, ids, strict=True)]
    refused: list[pa.Table] = []
    try:
        values = silver.read_many(payloads)
    except (msgspec.DecodeError, Refused, UnicodeDecodeError):
        rows, values, refused = _read_each(rows, payloads, silver)
    made = _row_table(rows, values, silver)
    for rule in silver.table.rules:
        holds = pc.fill_null(_holds(rule, made), True)
        if not pc.all(holds, min_count=0).as_py():
            refused.append(
                _quarantined(made.filter(pc.invert(holds)), rule.code, rule.column, rule.words)
            )
            made = made.filter(holds)
    return made, refused


def _read_each(
    rows: pa.Table, payloads: Sequence[bytes], silver: Silver
) -> tuple[pa.Table, list[Any], list[pa.Table]]:
    """Reads payloads one by one: the slow way, which tells which of them are wrong, and how."""
    values: list[Any] = []
    is_read = np.zeros(len(payloads), dtype=np.bool_)
    refused = []
    for place, payload in enumerate(payloads):
        try:
            values.append(silver.read(payload))
        except Refused as refusal:
            said = refusal.context
            field, expected = str(said.get("field", "payload")), str(said.get("expected", ""))
            refused.append(_quarantined(rows.slice(place, 1), refusal.code, field, expected))
        except (msgspec.DecodeError, UnicodeDecodeError):
            refused.append(
                _quarantined(rows.slice(place, 1), Code.FIELD_TYPE, "payload", silver.schema)
            )
        else:
            is_read[place] = True
    return rows.filter(pa.array(is_read)), values, refused


def _row_table(rows: pa.Table, values: Sequence[Any], silver: Silver) -> pa.Table:
    columns = {name: rows[name] for name in _ENVELOPE}
    for column in silver.columns:
        if column.name not in columns:
            make = silver.derived.get(column.name)
            cells = (
                [getattr(each, column.name) for each in values]
                if make is None
                else [make(each) for each in values]
            )
            columns[column.name] = cells_of(cells, column.kind)
    about = columns.get("transfer_occurred_at", columns["occurred_at"])
    instants = _instants(about)
    columns[TRANSFER_DAY] = days_of(instants)
    hours = (instants + BRASILIA_OFFSET) % DAY // HOUR
    columns[TRANSFER_HOUR] = pa.array(hours, pa.int64())
    columns[RECEIVED_DAY] = days_of(_instants(columns["received_at"]))
    schema = arrow_schema(silver.table)
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _instants(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Instants, within what a date can be: those outside are refused by a rule."""
    found: NDArray[np.int64] = np.asarray(column.to_numpy(), dtype=np.int64)
    return np.clip(found, EARLIEST, LATEST)


def _holds(rule: Rule, rows: pa.Table) -> pa.Array:
    column = rows[rule.column]
    match rule:
        case Between():
            low = pc.greater_equal(column, rule.low)
            return pc.and_(low, pc.less_equal(column, rule.high))
        case NotAfter():
            # Compared as a difference, which cannot overflow: instants are of this century.
            return pc.less_equal(pc.subtract(column, rows[rule.other]), rule.slack)
        case LongAs():
            return pc.equal(pc.binary_length(column), rule.length)


def _quarantined(
    rows: pa.Table, code: Code, field: str | None = None, expected: str | None = None
) -> pa.Table:
    schema = arrow_schema(QUARANTINE)
    columns = [rows[name] for name in _ENVELOPE]
    texts = (code.value, field, expected)
    columns += [pa.array([text] * rows.num_rows, pa.string()) for text in texts]
    return pa.table(columns, names=schema.names).cast(schema)
