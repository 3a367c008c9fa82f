"""Training rows: the log folded in its order, or a table's rows, as a `Dataset`."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, abc
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import format_rfc3339
from crivo.features.plan import Plan
from crivo.features.row import words
from crivo.flows.cells import (
    NUMBER_MAX,
    label_text,
    missing,
    parse_amount,
    parse_label,
    parse_number,
    parse_text,
    parse_time,
    parse_weight,
)
from crivo.flows.feature_columns import columns_of
from crivo.flows.ingest import malformed_row, origin_of, quarantined_row
from crivo.flows.mapping import Amount, AmountUnit, Label, Mapping, Time
from crivo.flows.ports import Cell, LogReader, QuarantinedRow, Table, TableReader
from crivo.flows.training_set import Progress, Rules, no_part, training_parts
from crivo.flows.unreadable import (
    Unreadable,
    check_labels,
    check_readable,
    columns_about,
    count_unreadable,
)
from crivo.model.artifact import names_hash
from crivo.model.dataset import Dataset
from crivo.model.groups import numbered
from crivo.model.labels import NEVER
from crivo.model.order import Order, drawn_order

Float64s = npt.NDArray[np.float64]

#: Whose a row is that names nobody.
NOBODY: Final = (0, 0)

#: Rows of a table that are looked at together.
SLICE_ROWS: Final = 10_000

#: Keeps rows that were refused.
Keep = abc.Callable[[Sequence[QuarantinedRow]], None]


def dataset_of_log(
    log: LogReader,
    plan: Plan,
    *,
    labels_as_of: int,
    label_delay: int,
    progress: Progress,
    mapping: Mapping | None = None,
) -> Dataset:
    """Every mature transfer that the log knew at `labels_as_of`, with its vector and its label.

    The rows are those of `training_set`: the log is folded in its order up to the end read at the
    start, and each transfer's vector is read before the transfer is folded. A transfer is positive
    iff an accepted report about it was received by `labels_as_of`. Left out and counted:
    `immature` (younger than the label delay), `returns`, `behind` (vectors read at another instant
    than their own). The mapping of the table that the log was made of, where it was one, says by
    which columns the features are called.
    """
    rules = Rules(labels_as_of=labels_as_of, label_delay=label_delay, with_immature=False)
    end = log.end()
    made = training_parts(log, plan, rules, end=end, shards=1, progress=progress)
    parts = list(made) or [no_part(plan)]
    left_out: Counter[str] = Counter(immature=0, returns=0, behind=0)
    for part in parts:
        left_out.update(part.left_out)
    return Dataset(
        vectors=np.concatenate([part.vectors for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
        occurred_at=np.concatenate([part.occurred_at for part in parts]),
        received_at=np.concatenate([part.received_at for part in parts]),
        known_at=np.concatenate([part.accepted_at for part in parts]),
        amounts=np.concatenate([part.amounts for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
        payers=numbered(np.concatenate([part.payer_ids for part in parts])),
        names=plan.names,
        set_hash=plan.set_hash,
        plan_hash=plan.plan_hash,
        cut=end,
        labels_as_of=labels_as_of,
        label_delay=label_delay,
        left_out=dict(left_out),
        made_of={each.name: columns_of(each, mapping) for each in plan.feature_set.features},
    )


def dataset_of_table(
    reader: TableReader,
    mapping: Mapping,
    *,
    progress: Progress,
    now: int = NEVER,
    keep: Keep = lambda _rows: None,
) -> Dataset:
    """A table's rows in the order of their times; rows that cannot be read are counted by code, and
    given to `keep`. Where the mapping names no time, places in the file stand for it, or in an
    order that is drawn.

    A label is known `known_after_days` after its row, or at once where the mapping names no delay.
    A row whose label is not known by `now` is counted as `immature`.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING (a column, or all that is in one), FIELD_UNKNOWN (a
            column that the mapping does not know), IMPORT_TOO_LARGE; FIELD_TYPE, FIELD_VALUE,
            TIME_INVALID, AMOUNT_INVALID and the like for a column that cannot be read in more than
            a hundredth of the rows, or a label in more than a hundredth as many as are called
            fraud; TIME_RANGE for a table that reaches beyond `now`.
    """
    names, label = mapping.feature_columns, label_of(mapping)
    _check_known(reader.columns(), mapping)
    table = reader.read(mapping.columns())
    parsed, causes = _parsed(table, mapping, label, names, progress, keep, now)
    left_out = Counter({Code.ROW_MALFORMED.value: 0, **causes})
    delay = mapping.known_after or 0
    if mapping.ordered_by is Order.DRAWN:
        parsed = parsed._replace(at=drawn_order(parsed.fraud))
    newest = int(parsed.at.max(initial=0))
    if newest > now:
        raise Refused(
            Code.TIME_RANGE,
            "the table reaches into the future",
            hint="Look at [time] in the mapping: its unit, epoch and zone.",
            field=mapping.time.column,
            expected=f"nothing after {format_rfc3339(now)}",
            found=format_rfc3339(newest),
        )
    # By instant, then by number.
    order = np.lexsort((parsed.number, parsed.at))
    mature = order[parsed.at[order] <= now - delay]
    left_out["immature"] = len(order) - len(mature)
    at, vectors = parsed.at[mature], parsed.vectors[mature]
    _check_columns(names, vectors)
    numbers = parsed.number[mature].astype(np.uint64)
    return Dataset(
        vectors=vectors,
        weights=parsed.weight[mature],
        occurred_at=at,
        received_at=at,
        known_at=np.where(parsed.fraud[mature], at + delay, NEVER),
        amounts=parsed.centavos[mature],
        ids=np.stack([np.zeros_like(numbers), numbers], axis=1),
        payers=numbered(parsed.entity[mature]),
        names=names,
        set_hash=names_hash(names),
        plan_hash="",
        cut=0,
        labels_as_of=int(at.max(initial=0)) + delay,
        label_delay=delay,
        left_out=dict(left_out),
        order=mapping.ordered_by,
    )


class _Row(NamedTuple):
    """What a row of a table says besides its inputs; `at` is its number where it has no time.

    `entity` are the two words of the id of whose it is, zeros where the mapping names none.
    """

    at: int
    number: int
    fraud: bool
    weight: float
    entity: tuple[int, int]
    centavos: int


class _Rows(NamedTuple):
    """The same of n rows, column by column, `entity` uint64[n, 2]; and their inputs float64[n, F].

    In the order of the table.
    """

    at: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    fraud: npt.NDArray[np.bool_]
    weight: Float64s
    entity: npt.NDArray[np.uint64]
    centavos: npt.NDArray[np.int64]
    vectors: Float64s


def label_of(mapping: Mapping) -> Label:
    """What says which rows were fraud.

    Raises:
        Refused: FIELD_MISSING.
    """
    if mapping.label is None:
        raise Refused(
            Code.FIELD_MISSING,
            "the mapping names no label, so there is nothing to learn",
            hint="Add a [label] section.",
            field="label",
            expected="a section",
            found="none",
        )
    return mapping.label


def _check_known(found: Sequence[str], mapping: Mapping) -> None:
    """Nothing, where the mapping knows every column: another may be an input that was forgotten.

    Raises:
        Refused: FIELD_UNKNOWN.
    """
    known = {*mapping.columns(), *mapping.ignored_columns}
    extra = [name for name in found if name not in known]
    if extra:
        raise Refused(
            Code.FIELD_UNKNOWN,
            f"columns of the table that the mapping does not name: {len(extra)}, {extra[0]} among "
            "them",
            hint="Name them in [features]: in `columns` to learn from them, in `ignored` not to.",
            field=extra[0],
            expected="columns that the mapping names",
            found=", ".join(extra[:10]),
        )


def _check_columns(names: Sequence[str], vectors: Float64s) -> None:
    """Nothing, where every input has a number in some row.

    Raises:
        Refused: FIELD_MISSING.
    """
    is_empty = np.isnan(vectors).all(axis=0)
    empty = [names[place] for place in np.flatnonzero(is_empty).tolist()]
    if empty and len(vectors):
        raise Refused(
            Code.FIELD_MISSING,
            f"inputs that hold nothing in any row: {len(empty)}, {empty[0]} among them",
            hint="Take them out of [features], or look at how the table was written.",
            field=empty[0],
            expected="a number in some row",
            found="nothing",
        )


def _parsed(
    table: Table,
    mapping: Mapping,
    label: Label,
    names: Sequence[str],
    progress: Progress,
    keep: Keep,
    now: int,
) -> tuple[_Rows, Counter[str]]:
    """The rows that can be read, and how many cannot by code; those are kept."""
    origin = origin_of(table.name, table.sha256)
    found: list[_Row] = []
    vectors = [np.empty((0, len(names)))]
    causes: Counter[str] = Counter()
    unreadable: dict[str, Unreadable] = {}
    about = columns_about(mapping, label)

    def refuse(rows: list[QuarantinedRow]) -> None:
        causes.update(row.code.value for row in rows)
        if rows:
            keep(rows)

    refuse([malformed_row(origin, row, now) for row in table.malformed])
    for start in range(0, table.row_count, SLICE_ROWS):
        rows = range(start, min(start + SLICE_ROWS, table.row_count))
        block, odd = _numbers(table, names, rows)
        columns = {name: table.cells(name, rows) for name in {*about, *odd}}
        refused, kept = [], np.ones(len(rows), np.bool_)
        for place, number in enumerate(table.row_numbers(rows)):
            cells = {name: column[place] for name, column in columns.items()}
            try:
                row = _row(cells, number, mapping, label)
                for name, index in odd.items():
                    block[place, index] = parse_number(cells[name], field=name)
            except Refused as refusal:
                kept[place] = False
                whole = {name: table.cells(name, [rows[place]])[0] for name in mapping.columns()}
                refused.append(quarantined_row(origin, number, refusal, whole, now, {}))
                count_unreadable(unreadable, refusal)
            else:
                found.append(row)
        refuse(refused)
        check_readable(unreadable, mapping, table.row_count, read=rows.stop)
        vectors.append(block[kept])
        progress("read the table", rows.stop, table.row_count)
    frauds = sum(row.fraud for row in found)
    check_labels(unreadable, mapping, label, frauds, table.row_count)
    return _by_column(found, np.concatenate(vectors)), causes


def _numbers(table: Table, names: Sequence[str], rows: range) -> tuple[Float64s, dict[str, int]]:
    """The inputs float64[n, F] of some rows, and the places of those columns that must be read
    cell by cell: the file keeps them as something else, or one cell may be refused.
    """
    block = np.empty((len(rows), len(names)))
    odd = {}
    for index, name in enumerate(names):
        column = table.numbers(name, rows)
        if column is None or (np.abs(column) > NUMBER_MAX).any():
            odd[name] = index
        else:
            block[:, index] = column
    return block, odd


def _by_column(rows: Sequence[_Row], vectors: Float64s) -> _Rows:
    return _Rows(
        at=np.array([row.at for row in rows], np.int64),
        number=np.array([row.number for row in rows], np.int64),
        fraud=np.array([row.fraud for row in rows], np.bool_),
        weight=np.array([row.weight for row in rows], np.float64),
        entity=np.array([row.entity for row in rows], np.uint64).reshape(-1, 2),
        centavos=np.array([row.centavos for row in rows], np.int64),
        vectors=vectors,
    )


def _row(cells: abc.Mapping[str, Cell], number: int, mapping: Mapping, label: Label) -> _Row:
    """What a row says besides its inputs.

    Raises:
        Refused: for a cell that is not what its column holds, or lacks what it must hold.
    """
    weight, amount, entity = mapping.weight, mapping.amount, mapping.entity
    return _Row(
        at=number if mapping.timed is None else _instant(cells, mapping, mapping.timed),
        number=number,
        fraud=parse_label(
            cells[label.column], field=label.column, positive=label_text(label.positive)
        ),
        weight=1.0 if weight is None else parse_weight(cells[weight.column], field=weight.column),
        entity=NOBODY if entity is None else _entity_id(cells[entity.column], entity.column),
        centavos=0 if amount is None else _centavos(cells[amount.column], amount),
    )


def _instant(cells: abc.Mapping[str, Cell], mapping: Mapping, time: Time) -> int:
    return parse_time(
        cells[time.column],
        field=time.column,
        zone=mapping.zone,
        unit=None if time.unit is None else time.unit.microseconds,
        epoch=mapping.epoch,
    )


def _entity_id(cell: Cell, field: str) -> tuple[int, int]:
    """The first 128 bits of the text's SHA-256: it tells entities apart, and leaves this process
    nowhere.
    """
    text = parse_text(cell, field=field)
    if text is None:
        raise missing(field)
    return words(hashlib.sha256(text.encode()).digest()[:16])


def _centavos(cell: Cell, amount: Amount) -> int:
    if amount.unit is AmountUnit.REAIS_ROUNDED and isinstance(cell, float) and math.isfinite(cell):
        cell = round(cell, 2)
    in_centavos = amount.unit is AmountUnit.CENTAVOS
    centavos = parse_amount(cell, field=amount.column, in_centavos=in_centavos)
    if centavos < 0:
        raise invalid(Code.AMOUNT_INVALID, field=amount.column, expected="0 or above", found=cell)
    return centavos
