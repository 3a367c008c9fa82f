"""Tables as JSON lines and CSV: the same bytes on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from crivo.simulator.tables import Column, Columns, Kind

_UNIX: Final = "datetime64[us]"


class JsonLinesTable:
    """One JSON object a line, keys in the order of the columns, nulls written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="\n")

    def write(self, columns: Columns) -> None:
        """Appends rows."""
        fields = [_fragments(column, quote='"', null="null") for column in columns]
        template = ",".join(f'"{column.name}":%s' for column in columns)
        rows = zip(*fields, strict=True)
        self._file.writelines("{" + template % row + "}\n" for row in rows)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class CsvTable:
    """Comma-separated with a header; nulls are empty, and no value needs a quote."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="\n")
        self._has_header = False

    def write(self, columns: Columns) -> None:
        """Appends rows, after the header where these are the first."""
        if not self._has_header:
            self._file.write(",".join(column.name for column in columns) + "\n")
            self._has_header = True
        fields = [_fragments(column, quote="", null="") for column in columns]
        self._file.writelines(",".join(row) + "\n" for row in zip(*fields, strict=True))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _fragments(column: Column, *, quote: str, null: str) -> list[str]:
    values = column.values
    found: list[str]
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            found = [f"{quote}{text}{quote}" for text in values.astype(np.str_).tolist()]
        case Kind.INTEGER:
            found = [str(value) for value in values.tolist()]
        case Kind.FLAG:
            found = ["true" if value else "false" for value in values.tolist()]
        case Kind.INSTANT:
            times = np.datetime_as_string(values.astype(np.int64).view(_UNIX), unit="us")
            found = [f"{quote}{text}Z{quote}" for text in times.tolist()]
    if column.missing is not None:
        for place in np.flatnonzero(column.missing).tolist():
            found[place] = null
    return found
