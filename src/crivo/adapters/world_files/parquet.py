"""Tables as Parquet: typed, timestamps in UTC, dictionary-encoded and compressed with zstd."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crivo.simulator.tables import Column, Columns, Kind

#: Days are gathered until a row group has so many rows.
ROW_GROUP_ROWS: Final = 131_072


class ParquetTable:
    """A Parquet file that grows by row groups; memory holds one group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def write(self, columns: Columns) -> None:
        """Appends rows."""
        arrays = [_array(column) for column in columns]
        table = pa.table(dict(zip((column.name for column in columns), arrays, strict=True)))
        self._waiting.append(table)
        if sum(waiting.num_rows for waiting in self._waiting) >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Writes the rows that wait, and the footer."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._waiting = []


def _array(column: Column) -> pa.Array:
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            return pa.array(column.values, mask=column.missing, type=pa.binary()).cast(pa.string())
        case Kind.INTEGER:
            return pa.array(column.values, mask=column.missing, type=pa.int64())
        case Kind.FLAG:
            return pa.array(column.values, mask=column.missing, type=pa.bool_())
        case Kind.INSTANT:
            times = np.ascontiguousarray(column.values).astype(np.int64)
            return pa.array(times, mask=column.missing, type=pa.timestamp("us", tz="UTC"))
