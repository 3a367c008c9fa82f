"""Tables as Parquet: typed, and each column encoded as its values deserve.

Words of few values are dictionaries, instants and whole numbers are deltas, money is a decimal of
two places, ids are plain text; timestamps are UTC.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crivo.adapters.world_files.layout import Compression
from crivo.simulator.columns import Column, Columns, Kind

#: Pieces are gathered until a row group has so many bytes, before it is encoded.
ROW_GROUP_BYTES: Final = 4 * 2**20
_MONEY: Final = pa.decimal128(18, 2)


class ParquetTable:
    """A Parquet file that grows by row groups; memory holds one group."""

    def __init__(self, path: Path, compression: Compression = Compression.ZSTD) -> None:
        # The default pool keeps what was freed: some 40 MiB more for as long as the process lives.
        pa.set_memory_pool(pa.system_memory_pool())
        self._path = path
        self._compression = str(compression)
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._dictionaries: list[str] = []
        self._encodings: dict[str, str] = {}

    def write(self, columns: Columns) -> None:
        """Appends rows."""
        self._dictionaries = [column.name for column in columns if column.kind is Kind.WORD]
        self._encodings = {
            column.name: "DELTA_BINARY_PACKED"
            for column in columns
            if column.kind in {Kind.INTEGER, Kind.INSTANT}
        }
        arrays = [_array(column) for column in columns]
        table = pa.table(dict(zip((column.name for column in columns), arrays, strict=True)))
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= ROW_GROUP_BYTES:
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
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression=self._compression,
                use_dictionary=self._dictionaries or False,
                column_encoding=self._encodings or None,
            )
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._waiting = []
        self._waiting_bytes = 0
        del table
        # What the allocator keeps for later would otherwise count for as long as the process lives.
        pa.system_memory_pool().release_unused()


def _array(column: Column) -> pa.Array:
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            return pa.array(column.values, mask=column.missing, type=pa.binary()).cast(pa.string())
        case Kind.INTEGER:
            return pa.array(column.values, mask=column.missing, type=pa.int64())
        case Kind.MONEY:
            return _money(column)
        case Kind.FLAG:
            return pa.array(column.values, mask=column.missing, type=pa.bool_())
        case Kind.INSTANT:
            times = np.ascontiguousarray(column.values).astype(np.int64)
            return pa.array(times, mask=column.missing, type=pa.timestamp("us", tz="UTC"))


def _money(column: Column) -> pa.Array:
    """Centavos as decimals of two places: the same integers, widened to 128 bits."""
    assert column.missing is None
    centavos = column.values.astype("<i8")
    wide = np.zeros((len(centavos), 2), dtype="<i8")
    wide[:, 0] = centavos
    wide[:, 1] = centavos >> 63
    return pa.Array.from_buffers(_MONEY, len(centavos), [None, pa.py_buffer(wide.tobytes())])
