"""Gold by Arrow: the declared groups of other tables, and what is told of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.flows.arrow import arrow_schema
from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Measure, Part, Statistic, Where
from crivo.lake.table import QUARANTINE, Table

#: The code of rows that are in a silver table.
REFINED: Final = "REFINED"

#: How many events of a day and schema were refined, and how many were quarantined by which code. It
#: is written last: a day that is counted otherwise here than in bronze is still to be refined.
QUALITY: Final = Table(
    "gold.quality",
    (
        Column("day", Kind.DATE, is_nullable=False),
        Column("schema", Kind.TEXT, is_nullable=False),
        Column("code", Kind.TEXT, is_nullable=False),
        Column("events", Kind.INTEGER, is_nullable=False),
    ),
    key=("day", "schema", "code"),
)

#: Gives the rows of a part's source in these columns.
Read = Callable[[Part, Sequence[str]], pa.Table]

_BEFORE: Final = {
    Statistic.COUNT: "sum",
    Statistic.SUM: "sum",
    Statistic.MIN: "min",
    Statistic.MAX: "max",
}


def columns_read(part: Part) -> list[str]:
    """The columns of its source that a part reads."""
    names = [*part.keys.values(), *part.where]
    for measure in part.measures:
        names += [*measure.where, *([measure.column] if measure.column else [])]
    return list(dict.fromkeys(names))


def aggregate(gold: Gold, read: Read) -> pa.Table:
    """The rows of a gold table, in the order of its keys."""
    schema = arrow_schema(gold.table)
    keys = [column.name for column in gold.keys]
    pieces = [_piece(part, read(part, columns_read(part)), schema) for part in gold.parts]
    measured = [column.name for column in gold.measured]
    functions = [(name, _BEFORE[gold.statistic(name)]) for name in measured]
    grouped = _grouped(pa.concat_tables(pieces), keys, functions)
    columns = {name: grouped[name] for name in keys}
    for name, function in functions:
        columns[name] = pc.fill_null(grouped[name], 0) if function == "sum" else grouped[name]
    made = pa.table([columns[name] for name in schema.names], names=schema.names)
    return made.cast(schema).sort_by([(name, "ascending") for name in keys])


def _piece(part: Part, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """One source's groups, in the columns of the table; what it does not tell is null."""
    rows = _where(rows, part.where)
    for source in part.keys.values():
        rows = rows.filter(pc.is_valid(rows[source]))
    keys = list(part.keys)
    columns = {key: rows[source] for key, source in part.keys.items()}
    for measure in part.measures:
        columns[measure.name] = _measured(rows, measure)
    functions = [(measure.name, _BEFORE[measure.statistic]) for measure in part.measures]
    grouped = _grouped(pa.table(columns), keys, functions)
    return pa.table(
        [
            grouped[field.name].cast(field.type)
            if field.name in grouped.column_names
            else pa.nulls(grouped.num_rows, field.type)
            for field in schema
        ],
        names=schema.names,
    )


def _grouped(rows: pa.Table, keys: Sequence[str], functions: Sequence[tuple[str, str]]) -> pa.Table:
    """The groups of equal keys, a row each; columns keep their names.

    A row that is alone in its group is what its group tells: to look for the greatest text of one
    costs fifty times as much as to see that it is one.
    """
    names = [*keys, *(name for name, _ in functions)]
    numbered = rows.select(keys).append_column("row", pa.array(np.arange(rows.num_rows)))
    counted = numbered.group_by(list(keys)).aggregate([("row", "min"), ("row", "count")])
    alone = counted.filter(pc.equal(counted["row_count"], 1))["row_min"].to_numpy()
    is_alone = np.zeros(rows.num_rows, dtype=np.bool_)
    is_alone[alone] = True
    if is_alone.all():
        return rows.select(names)
    others = rows.filter(pa.array(~is_alone)).group_by(list(keys)).aggregate(list(functions))
    told = [others[name] for name in keys]
    told += [others[f"{name}_{function}"] for name, function in functions]
    kept = rows.filter(pa.array(is_alone)).select(names)
    return pa.concat_tables([kept, pa.table(told, names=names).cast(kept.schema)])


def _measured(rows: pa.Table, measure: Measure) -> pa.ChunkedArray:
    """What a measure takes of each row: nothing where its condition does not hold."""
    if measure.column is None:
        ones = pa.array(np.ones(rows.num_rows, np.int64))
        if not measure.where:
            return ones
        return pc.if_else(_condition(rows, measure.where), ones, 0)
    column = rows[measure.column]
    if not measure.where:
        return column
    return pc.if_else(_condition(rows, measure.where), column, pa.scalar(None, column.type))


def _condition(rows: pa.Table, where: Where) -> pa.ChunkedArray:
    condition = None
    for name, value in where.items():
        one = pc.fill_null(pc.equal(rows[name], value), False)
        condition = one if condition is None else pc.and_(condition, one)
    return condition


def _where(rows: pa.Table, where: Where) -> pa.Table:
    return rows.filter(_condition(rows, where)) if where else rows


def quality_rows(refined: Mapping[str, pa.Table]) -> pa.Table:
    """The rows of `QUALITY` that these refined rows give: together they are all rows of bronze."""
    pieces = []
    for name, rows in refined.items():
        code = (
            rows["code"]
            if name == QUARANTINE.name
            else pa.array([REFINED] * rows.num_rows, pa.string())
        )
        table = pa.table({"day": rows["day"], "schema": rows["schema"], "code": code})
        pieces.append(table)
    keys = list(QUALITY.key)
    if not pieces:
        return arrow_schema(QUALITY).empty_table()
    counted = pa.concat_tables(pieces).group_by(keys).aggregate([([], "count_all")])
    named = counted.rename_columns([*keys, "events"]).cast(arrow_schema(QUALITY))
    return named.sort_by([(key, "ascending") for key in keys])
