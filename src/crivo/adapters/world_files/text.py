"""Tables as JSON lines and CSV in UTF-8: the same bytes on every machine, compression aside."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from crivo.adapters.world_files.layout import Compression
from crivo.simulator.columns import Column, Columns, Kind

_UNIX: Final = "datetime64[us]"


class JsonLinesTable:
    """One JSON object a line, keys in the order of the columns, nulls written."""

    def __init__(self, path: Path, compression: Compression = Compression.NONE) -> None:
        self._file = _opened(path, compression)

    def write(self, columns: Columns) -> None:
        """Appends rows."""
        self._file.write(_lines(json_lines(columns)))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def json_lines(columns: Columns) -> list[str]:
    """Each row as a JSON object without blanks, keys in the order of the columns."""
    fields = [_fragments(column, quote='"', null="null") for column in columns]
    template = "{" + ",".join(f'"{column.name}":%s' for column in columns) + "}"
    return [template % row for row in zip(*fields, strict=True)]


class CsvTable:
    """Comma-separated with a header; nulls are empty, and no value needs a quote."""

    def __init__(self, path: Path, compression: Compression = Compression.NONE) -> None:
        self._file = _opened(path, compression)
        self._has_header = False

    def write(self, columns: Columns) -> None:
        """Appends rows, after the header where these are the first."""
        if not self._has_header:
            self._file.write(_lines([",".join(column.name for column in columns)]))
            self._has_header = True
        fields = [_fragments(column, quote="", null="") for column in columns]
        self._file.write(_lines([",".join(row) for row in zip(*fields, strict=True)]))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _opened(path: Path, compression: Compression) -> BinaryIO:
    match compression:
        case Compression.NONE:
            return path.open("wb")
        case Compression.GZIP:
            # No name and no time inside, so that equal tables are equal files.
            return cast("BinaryIO", _Gzip(path))
        case Compression.ZSTD | Compression.SNAPPY:
            # pyarrow is imported by whoever needs it, and by nobody else.
            import pyarrow as pa

            return cast("BinaryIO", pa.CompressedOutputStream(str(path), str(compression)))


class _Gzip(gzip.GzipFile):
    """A gzip file that also closes what it writes to."""

    def __init__(self, path: Path) -> None:
        self._under = path.open("wb")
        super().__init__("", "wb", compresslevel=6, fileobj=self._under, mtime=0)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._under.close()


def _lines(texts: list[str]) -> bytes:
    return ("\n".join(texts) + "\n").encode() if texts else b""


def _fragments(column: Column, *, quote: str, null: str) -> list[str]:
    values = column.values
    found: list[str]
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            found = [f"{quote}{text.decode()}{quote}" for text in values.tolist()]
        case Kind.INTEGER:
            found = [str(value) for value in values.tolist()]
        case Kind.MONEY:
            found = [f"{value // 100}.{value % 100:02d}" for value in values.tolist()]
        case Kind.FLAG:
            found = ["true" if value else "false" for value in values.tolist()]
        case Kind.INSTANT:
            times = np.datetime_as_string(values.astype(np.int64).view(_UNIX), unit="us")
            found = [f"{quote}{text}Z{quote}" for text in times.tolist()]
    if column.missing is not None:
        for place in np.flatnonzero(column.missing).tolist():
            found[place] = null
    return found
