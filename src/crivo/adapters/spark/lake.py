"""Refining by Spark: the same declared tables, days of bronze into silver and gold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from crivo.flows.gold import QUALITY
from crivo.flows.refine import gold_days
from crivo.lake.column import Kind
from crivo.lake.measure import Gold, Measure, Part, Statistic, Where
from crivo.lake.table import BRONZE, DAY, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_TYPES: Final = {
    Kind.INTEGER: "bigint",
    Kind.TEXT: "string",
    Kind.BYTES: "binary",
    Kind.FLAG: "boolean",
    Kind.DATE: "date",
    Kind.NUMBER: "double",
}

#: What a day of bronze gives: pieces of tables in Arrow's own format, with the days that each of
#: their columns of dates holds.
_PIECES: Final = "name string, dates map<string,array<date>>, rows binary"
_PIECES_ARROW: Final = pa.schema(
    [
        ("name", pa.string()),
        ("dates", pa.map_(pa.string(), pa.list_(pa.date32()))),
        ("rows", pa.binary()),
    ]
)
#: Rows of one piece: a cell holds at most 2 GiB.
_PIECE_ROWS: Final = 100_000
#: Tables that are written at a time: a commit of Delta is waiting for the most part.
_WRITERS: Final = 4

#: The rows of each table, `gold.quality` among them, that a day's rows of bronze give.
Refine = Callable[[pa.Table], Mapping[str, pa.Table]]


def spark_schema(table: Table) -> str:
    """The columns of a table, in Spark's words."""
    return ", ".join(f"`{each.name}` {_TYPES[each.kind]}" for each in table.columns)


class SparkLake:
    """Writes the tables of the lake. A write bears the stream of batches and the batch that made it
    (`txnAppId`, `txnVersion`), and Delta passes over one that a table has already.

    Args:
        session: Spark's.
        place: Makes a table where there is none, and says where it lies.
        has: Whether there is such a table.
        due: The days whose events gold counts otherwise than bronze.
        refine: What a day's rows of bronze give.
        tables: Every table by its name; `golds` the gold ones in the order in which they are made.
        application: The name of this stream of batches: a new checkpoint has a new one.
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        place: Callable[[Table], str],
        has: Callable[[Table], bool],
        due: Callable[[], Collection[date]],
        refine: Refine,
        tables: Mapping[str, Table],
        golds: Sequence[Gold],
        application: str,
    ) -> None:
        self._session = session
        self._place = place
        self._has = has
        self._due = due
        self._refine_rows = refine
        self._tables = tables
        self._golds = golds
        self._application = application

    def refine(self, batch: int) -> None:
        """Refines the days that are due, as of a batch; `gold.quality`, written last, says that it
        is done, so that one that was killed is made good by the next.
        """
        from pyspark.sql import functions as f

        days = sorted(self._due())
        if not days:
            return
        refine = self._refine_rows

        def pieces(rows: pa.Table) -> pa.Table:
            return _pieces(refine(rows))

        source = self._read(BRONZE).where(f.col(DAY).isin(days))
        made = source.groupBy(DAY).applyInArrow(pieces, _PIECES).persist()
        try:
            told = _dates(made)
            silvers = [self._tables[name] for name in sorted({name for name, _ in told})]
            self._each(
                lambda table: self._save(_unpacked(made, table), table, batch, days),
                [table for table in silvers if table.name != QUALITY.name],
            )
            self._make_gold(told, batch)
            self._save(_unpacked(made, QUALITY), QUALITY, batch, days)
        finally:
            made.unpersist()

    def _make_gold(self, told: Mapping[tuple[str, str], set[date]], batch: int) -> None:
        due: dict[str, set[date]] = {}

        def days_told(source: str, column: str) -> Collection[date]:
            return told.get((source, column), ())

        left = list(self._golds)
        while left:
            names = {gold.name for gold in left}
            ready = [each for each in left if not any(p.source in names for p in each.parts)]
            for gold in ready:
                due[gold.name] = gold_days(gold, days_told, due) if gold.is_daily else set()
            self._each(lambda gold: self._make(gold, sorted(due[gold.name]), batch), ready)
            left = [gold for gold in left if gold not in ready]

    def _make(self, gold: Gold, days: Sequence[date], batch: int) -> None:
        if days or not gold.is_daily:
            self._save(self.gold(gold, days), gold.table, batch, days)

    def gold(self, gold: Gold, days: Sequence[date]) -> DataFrame:
        """The rows of a gold table for these days (all of one without days)."""
        from pyspark.sql import functions as f

        pieces = [self._piece(gold, part, days) for part in gold.parts]
        together = reduce(lambda one, other: one.unionByName(other), pieces)
        measured = [
            _statistic(gold.statistic(column.name), f.col(column.name)).alias(column.name)
            for column in gold.measured
        ]
        return together.groupBy(*(column.name for column in gold.keys)).agg(*measured)

    def _piece(self, gold: Gold, part: Part, days: Sequence[date]) -> DataFrame:
        from pyspark.sql import functions as f

        rows = self._source(self._tables[part.source])
        if gold.is_daily:
            rows = rows.where(f.col(part.keys[DAY]).isin(list(days)))
        rows = rows.where(_condition(part.where)).dropna(subset=list(part.keys.values()))
        keys = [f.col(source).alias(key) for key, source in part.keys.items()]
        told = {measure.name for measure in part.measures}
        grouped = rows.groupBy(*keys).agg(
            *(_measured(measure).alias(measure.name) for measure in part.measures)
        )
        columns = [f.col(column.name) for column in gold.keys]
        for column in gold.measured:
            cell = f.col(column.name) if column.name in told else f.lit(None)
            columns.append(cell.cast(_TYPES[column.kind]).alias(column.name))
        return grouped.select(*columns)

    def _source(self, table: Table) -> DataFrame:
        if self._has(table):
            return self._read(table)
        return self._session.createDataFrame([], spark_schema(table))

    def _read(self, table: Table) -> DataFrame:
        return self._session.read.format("delta").load(self._place(table))

    def _save(
        self,
        rows: DataFrame,
        table: Table,
        batch: int,
        days: Sequence[date],
    ) -> None:
        where = self._place(table)
        writer = rows.select(*(f"`{each.name}`" for each in table.columns)).write.format("delta")
        writer = writer.option("txnAppId", self._application).option("txnVersion", batch)
        if days and table.partition is not None:
            listed = ", ".join(f"'{day.isoformat()}'" for day in days)
            writer = writer.option("replaceWhere", f"{DAY} IN ({listed})")
        writer.mode("overwrite").save(where)

    def _each(self, work: Callable[[Any], None], given: Sequence[Any]) -> None:
        """Does the work for each, some at a time; what the first failure raises is raised."""
        with ThreadPoolExecutor(_WRITERS) as pool:
            for _ in pool.map(work, given):
                pass


def _pieces(refined: Mapping[str, pa.Table]) -> pa.Table:
    made = []
    for name, table in refined.items():
        dates = [
            (field.name, table[field.name].unique().to_pylist())
            for field in table.schema
            if pa.types.is_date(field.type)
        ]
        for start in range(0, table.num_rows, _PIECE_ROWS):
            packed = _packed(table.slice(start, _PIECE_ROWS))
            made.append({"name": name, "dates": dates, "rows": packed})
    return pa.Table.from_pylist(made, schema=_PIECES_ARROW)


def _dates(made: DataFrame) -> dict[tuple[str, str], set[date]]:
    """The days in each column of dates of each table that was made."""
    found: dict[tuple[str, str], set[date]] = {}
    for row in made.select("name", "dates").collect():
        for column, days in row.dates.items():
            found.setdefault((row.name, column), set()).update(days)
    return found


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(made: DataFrame, table: Table) -> DataFrame:
    """The rows of a table that stand packed among what days gave."""
    from pyspark.sql import functions as f

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for packed in batch.column("rows").to_pylist():
                yield from pa.ipc.open_stream(packed)

    chosen = made.where(f.col("name") == table.name).select("rows")
    return chosen.mapInArrow(rows, spark_schema(table))


def _condition(where: Where) -> Column:
    from pyspark.sql import functions as f

    parts = [f.col(name).eqNullSafe(f.lit(value)) for name, value in where.items()]
    return reduce(lambda one, other: one & other, parts, f.lit(True))


def _measured(measure: Measure) -> Column:
    from pyspark.sql import functions as f

    cell = f.lit(1) if measure.column is None else f.col(measure.column)
    if measure.where:
        cell = f.when(_condition(measure.where), cell)
    return _statistic(measure.statistic, cell)


def _statistic(statistic: Statistic, cell: Column) -> Column:
    from pyspark.sql import functions as f

    match statistic:
        case Statistic.COUNT | Statistic.SUM:
            return f.coalesce(f.sum(cell), f.lit(0))
        case Statistic.MIN:
            return f.min(cell)
        case Statistic.MAX:
            return f.max(cell)
