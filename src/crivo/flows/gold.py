"""Gold by Arrow: the declared groups of other tables, and what is told of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.flows.arrow import arrow_schema
from crivo.flows.groups import grouped
from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Measure, Part, Where
from crivo.lake.table import QUARANTINE, Table

#: The code of rows that are in a silver table.
REFINED: Final = "REFINED"

#: How many events of a day, source and schema were refined, and how many were quarantined by which
#: code. It is written last: a day that is counted otherwise here than in bronze is to be refined.
QUALITY: Final = Table(
    "gold.quality",
    (
        Column("day", Kind.DATE, is_nullable=False),
        Column("source", Kind.TEXT, is_nullable=False),
        Column("schema", Kind.TEXT, is_nullable=False),
        Column("code", Kind.TEXT, is_nullable=False),
        Column("events", Kind.INTEGER, is_nullable=False),
    ),
    key=("day", "source", "schema", "code"),
)

#: Gives the rows of a part's source in these columns.
Read = Callable[[Part, Sequence[str]], pa.Table]


def columns_read(part: Part) -> list[str]:
    """The columns of its source that a part reads."""
    names = [*part.keys.values(), *part.where]
    for measure in part.measures:
        names += [*measure.where, *([measure.column] if measure.column else [])]
    return list(dict.fromkeys(names))


def aggregate(gold: Gold, read: Read) -> pa.Table:
    """The rows of a gold table, in the order of its keys."""
    schema = arrow_schema(gold.table)
    pieces = [_piece(part, read(part, columns_read(part)), schema) for part in gold.parts]
    told = {column.name: gold.statistic(column.name) for column in gold.measured}
    found = grouped(pa.concat_tables(pieces), [column.name for column in gold.keys], told)
    return found.select(schema.names).cast(schema)


def _piece(part: Part, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """What each row of one source tells, in the columns of the table; what it does not is null."""
    rows = _where(rows, part.where)
    for source in part.keys.values():
        if rows[source].null_count:
            rows = rows.filter(pc.is_valid(rows[source]))
    columns = {key: rows[source] for key, source in part.keys.items()}
    columns |= {measure.name: _measured(rows, measure) for measure in part.measures}
    return pa.table(
        [
            columns[field.name].cast(field.type)
            if field.name in columns
            else pa.nulls(rows.num_rows, field.type)
            for field in schema
        ],
        names=schema.names,
    )


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
        names = ("day", "source", "schema")
        pieces.append(pa.table([*(rows[name] for name in names), code], names=[*names, "code"]))
    keys = list(QUALITY.key)
    if not pieces:
        return arrow_schema(QUALITY).empty_table()
    counted = pa.concat_tables(pieces).group_by(keys).aggregate([([], "count_all")])
    named = counted.rename_columns([*keys, "events"]).cast(arrow_schema(QUALITY))
    return named.sort_by([(key, "ascending") for key in keys])
