"""Training rows: the log folded in its order, or a table's rows, as a `Dataset`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.features.plan import Plan
from crivo.flows.cells import label_text, parse_label, parse_number, parse_time, parse_weight
from crivo.flows.mapping import Label, Mapping
from crivo.flows.ports import LogReader, Table, TableReader
from crivo.flows.training_set import Progress, Rules, no_part, training_parts
from crivo.model.artifact import names_hash
from crivo.model.dataset import Dataset
from crivo.model.labels import NEVER

Float64s = npt.NDArray[np.float64]

#: Rows of a table that are looked at together.
SLICE_ROWS: Final = 10_000


def dataset_of_log(
    log: LogReader, plan: Plan, *, labels_as_of: int, label_delay: int, progress: Progress
) -> Dataset:
    """Every mature transfer that the log knew at `labels_as_of`, with its vector and its label.

    The rows are those of `training_set`: the log is folded in its order up to the end read at the
    start, and each transfer's vector is read before the transfer is folded. A transfer is positive
    iff an accepted report about it was received by `labels_as_of`. Left out and counted:
    `immature` (younger than the label delay), `returns`, `behind` (vectors read at another instant
    than their own).
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
        payer_ids=np.concatenate([part.payer_ids for part in parts]),
        names=plan.names,
        set_hash=plan.set_hash,
        plan_hash=plan.plan_hash,
        cut=end,
        labels_as_of=labels_as_of,
        label_delay=label_delay,
        left_out=dict(left_out),
    )


def dataset_of_table(
    reader: TableReader, mapping: Mapping, *, progress: Progress, now: int = NEVER
) -> Dataset:
    """A table's rows in the order of their times; rows that cannot be read are counted by code.

    A label is known `known_after_days` after its row, or at once where the mapping names no delay.
    A row whose label is not known by `now` is counted as `immature`.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING (a column, or all that is in one), FIELD_UNKNOWN (a
            column that the mapping does not know), IMPORT_TOO_LARGE; TIME_RANGE for a table that
            reaches beyond `now`.
    """
    names, label = mapping.feature_columns, label_of(mapping)
    _check_known(reader.columns(), mapping)
    table = reader.read(mapping.columns())
    left_out: Counter[str] = Counter({Code.ROW_MALFORMED.value: len(table.malformed)})
    parsed: list[tuple[int, int, bool, float, list[float]]] = []
    for start in range(0, table.row_count, SLICE_ROWS):
        rows = range(start, min(start + SLICE_ROWS, table.row_count))
        parsed += _parsed(table, rows, mapping, label, names, left_out)
        progress("read the table", rows.stop, table.row_count)
    parsed.sort(key=lambda row: row[:2])
    delay = mapping.known_after or 0
    newest = parsed[-1][0] if parsed else 0
    if newest > now:
        raise Refused(
            Code.TIME_RANGE,
            "the table reaches into the future",
            hint="Look at [time] in the mapping: its unit, epoch and zone.",
            field=mapping.time.column,
            expected=f"nothing after {format_rfc3339(now)}",
            found=format_rfc3339(newest),
        )
    mature = [row for row in parsed if row[0] + delay <= now]
    left_out["immature"] = len(parsed) - len(mature)
    at = np.array([row[0] for row in mature], np.int64)
    fraud = np.array([row[2] for row in mature], np.bool_)
    vectors = np.array([row[4] for row in mature], np.float64).reshape(-1, len(names))
    _check_columns(names, vectors)
    numbers = np.array([[0, row[1]] for row in mature], np.uint64).reshape(-1, 2)
    return Dataset(
        vectors=vectors,
        weights=np.array([row[3] for row in mature], np.float64),
        occurred_at=at,
        received_at=at,
        known_at=np.where(fraud, at + delay, NEVER),
        amounts=np.zeros_like(at),
        ids=numbers,
        payer_ids=np.zeros_like(numbers),
        names=names,
        set_hash=names_hash(names),
        plan_hash="",
        cut=0,
        labels_as_of=int(at.max(initial=0)) + delay,
        label_delay=delay,
        left_out=dict(left_out),
    )


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
            f"the table has {len(extra)} columns that the mapping does not name, {extra[0]} among "
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
            f"{len(empty)} inputs hold nothing in any row, {empty[0]} among them",
            hint="Take them out of [features], or look at how the table was written.",
            field=empty[0],
            expected="a number in some row",
            found="nothing",
        )


def _parsed(
    table: Table,
    rows: range,
    mapping: Mapping,
    label: Label,
    names: Sequence[str],
    left_out: Counter[str],
) -> list[tuple[int, int, bool, float, list[float]]]:
    """(instant, row number, fraud, weight, inputs) of the rows that can be read."""
    weight, time = mapping.weight, mapping.time
    columns = {name: table.cells(name, rows) for name in mapping.columns()}
    unit = None if time.unit is None else time.unit.microseconds
    positive = label_text(label.positive)
    numbers = table.row_numbers(rows)
    found = []
    for place, number in enumerate(numbers):
        try:
            at = parse_time(
                columns[time.column][place],
                field=time.column,
                zone=mapping.zone,
                unit=unit,
                epoch=mapping.epoch,
            )
            fraud = parse_label(columns[label.column][place], field=label.column, positive=positive)
            counts = 1.0
            if weight is not None:
                counts = parse_weight(columns[weight.column][place], field=weight.column)
            inputs = [parse_number(columns[name][place], field=name) for name in names]
        except Refused as refused:
            left_out[refused.code.value] += 1
            continue
        found.append((at, number, fraud, counts, inputs))
    return found
