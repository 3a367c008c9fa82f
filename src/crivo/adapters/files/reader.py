"""CSV, JSON lines and Parquet as tables: only columns asked for, bad rows apart, a ceiling."""

from __future__ import annotations

import codecs
import csv
import io
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from crivo.adapters.files.csv_rows import (
    RAW_CHARACTERS_MAX,
    ROW_BYTES_MAX,
    CsvRows,
    csv_rows,
    is_whole,
    lines_of,
)
from crivo.adapters.files.digest import file_sha256
from crivo.adapters.files.json_rows import JSON_ROWS_PEEKED, json_columns, json_kind, json_row
from crivo.domain.errors import Code, Refused
from crivo.flows.cells import CELL_CHARACTERS_MAX
from crivo.flows.ports import Cell, MalformedRow, Timestamps

#: Rows of one file; a longer table is imported in parts.
IMPORT_ROWS_MAX: Final = 20_000_000

#: Bytes of a header.
HEADER_BYTES_MAX: Final = 100_000

#: Columns of a file that hold nothing but numbers.
_NUMBERS: Final = (pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)

_FORMATS: Final = ".csv, .jsonl (or .ndjson), .parquet"


class FileTable:
    """A `Table` over columns of pyarrow, or over lists of cells (JSON lines)."""

    def __init__(
        self,
        path: Path,
        columns: dict[str, Any],
        *,
        row_count: int,
        malformed: Sequence[MalformedRow] = (),
    ) -> None:
        _check_row_count(path, row_count + len(malformed))
        self.name: Final = path.name
        self.sha256: Final = file_sha256(path)
        self.row_count: Final = row_count
        self.malformed: Final = malformed
        self._columns = columns
        # How many malformed rows lie before each well-formed one gives its number in the file.
        bad = np.array([row.row_number for row in malformed], dtype=np.int64)
        self._good_before_bad: NDArray[np.int64] = bad - np.arange(1, len(bad) + 1)

    def row_numbers(self, rows: Sequence[int]) -> list[int]:
        """The number in the file of each of these rows, from 1, malformed ones counted."""
        positions = np.asarray(rows, dtype=np.int64)
        before = np.searchsorted(self._good_before_bad, positions, side="right")
        numbers: list[int] = (positions + before + 1).tolist()
        return numbers

    def cells(self, column: str, rows: Sequence[int]) -> list[Cell]:
        """The cells of one column in these rows."""
        data = self._columns[column]
        if isinstance(data, list):
            return [data[row] for row in rows]
        wanted = np.asarray(rows, dtype=np.int64)
        if (
            len(wanted)
            and wanted[-1] - wanted[0] == len(wanted) - 1
            and (np.diff(wanted) == 1).all()
        ):
            cells: list[Cell] = data.slice(int(wanted[0]), len(wanted)).to_pylist()
        else:
            cells = data.take(pa.array(wanted)).to_pylist()
        return cells

    def timestamps(self, column: str) -> Timestamps | None:
        """A column that the file itself keeps as times; None for any other."""
        data = self._columns[column]
        if isinstance(data, list) or not pa.types.is_timestamp(data.type):
            return None
        empty = np.iinfo(np.int64).min
        integers = data.cast(pa.int64()).fill_null(empty)
        return Timestamps(integers.to_numpy(), is_zoned=data.type.tz is not None)

    def numbers(self, column: str, rows: range) -> NDArray[np.float64] | None:
        """These rows of a column of numbers, an empty cell as NaN; None for any other."""
        data = self._columns[column]
        if isinstance(data, list):
            return None
        part = data.slice(rows.start, len(rows))
        if pa.types.is_large_binary(part.type):
            try:
                part = _text_numbers(part)
            except pa.ArrowInvalid:
                return None
        if not any(of_kind(part.type) for of_kind in _NUMBERS):
            return None
        numbers = part.cast(pa.float64(), safe=False).to_numpy()
        return np.asarray(numbers, np.float64)


class FileReader:
    """A `TableReader` over one file; its ending says what it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_dir():
            raise _unreadable(path, "it is a folder; name one file in it")
        if not path.is_file():
            raise _unreadable(path, "there is no such file")

    def columns(self) -> tuple[str, ...]:
        """The names of the file's columns (of JSON lines: those of the first lines).

        Raises:
            Refused: FILE_UNREADABLE.
        """
        try:
            match self._path.suffix.lower():
                case ".parquet":
                    names = pyarrow.parquet.read_schema(self._path).names
                case ".csv":
                    names = _csv_columns(self._path)
                case ".jsonl" | ".ndjson":
                    names = json_columns(self._path)
                    if not names:
                        found = f"none of its first {JSON_ROWS_PEEKED} lines is a JSON object"
                        raise _unreadable(self._path, found)
                case _:
                    raise _unreadable(self._path, f"its ending is none of {_FORMATS}")
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(self._path, str(error)) from error
        if len(set(names)) < len(names):
            raise _unreadable(self._path, "two columns have one name")
        return tuple(names)

    def check(self, columns: Sequence[str]) -> None:
        """Nothing, if the file is a table with these columns.

        Raises:
            Refused: FILE_UNREADABLE, FIELD_MISSING (a column).
        """
        there = self.columns()
        for column in columns:
            if column not in there:
                raise Refused(
                    Code.FIELD_MISSING,
                    f"{self._path.name} has no column {column}",
                    hint=_separated(there) or "Mend the mapping, or give the file it is for.",
                    field=column,
                    expected=column,
                    found=list(there[:50]),
                )

    def read(self, columns: Sequence[str]) -> FileTable:
        """The table with these columns alone.

        Raises:
            Refused: FILE_UNREADABLE, FIELD_MISSING (a column), IMPORT_TOO_LARGE.
        """
        self.check(columns)
        try:
            match self._path.suffix.lower():
                case ".parquet":
                    return _read_parquet(self._path, columns)
                case ".csv":
                    return _read_csv(self._path, columns)
                case _:
                    return _read_json_lines(self._path, columns)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._path, str(error)) from error


def _read_parquet(path: Path, columns: Sequence[str]) -> FileTable:
    file = pyarrow.parquet.ParquetFile(path)
    _check_row_count(path, file.metadata.num_rows)
    table = file.read(columns=list(columns))
    data = {name: _plain(table.column(name)) for name in columns}
    return FileTable(path, data, row_count=table.num_rows)


def _plain(column: Any) -> Any:
    """Text as bytes (bad UTF-8 then costs its row alone), times in microseconds."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.large_binary())
    if pa.types.is_timestamp(column.type):
        # An instant is whole microseconds: what lies below is cut, as everywhere.
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column


def _text_numbers(cells: Any) -> Any:
    """Texts that are all numbers or nothing.

    Raises:
        ArrowInvalid: where one is not plainly a number.
    """
    longest = pyarrow.compute.max(pyarrow.compute.binary_length(cells)).as_py()
    if (longest or 0) > CELL_CHARACTERS_MAX:
        raise pa.ArrowInvalid("too long")
    texts = cells.cast(pa.large_string())
    is_empty = pyarrow.compute.equal(texts, "")
    return pyarrow.compute.if_else(is_empty, None, texts).cast(pa.float64())


def _read_csv(path: Path, columns: Sequence[str]) -> FileTable:
    header, rows = _csv_lines(path)
    ragged: list[MalformedRow] = []
    is_utf8 = _is_utf8(path)

    def keep(row: Any) -> str:
        text = row.text if is_utf8 else _undone(row.text).decode("utf-8", "replace")
        # The header is row 1 of what is parsed, and the first row of data is number 1.
        place = row.number - 2
        number = place + 1 if rows.numbers is None else int(rows.numbers[place])
        found = f"{row.actual_columns} cells"
        raw = text[:RAW_CHARACTERS_MAX]
        ragged.append(MalformedRow(number, f"{row.expected_columns} cells", found, raw))
        return "skip"

    # In a file that is no UTF-8 each byte is read as one Latin-1 character, which never fails and
    # can be undone, so that bad bytes cost only the cells that hold them.
    asked = {name: name if is_utf8 else name.encode().decode("latin-1") for name in columns}
    with path.open("rb") if rows.content is None else io.BytesIO(header + rows.content) as file:
        file.seek(_bom_bytes(file))
        table = pyarrow.csv.read_csv(
            file,
            # One thread, since only then a bad row has its number. Blank lines are no rows.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=ROW_BYTES_MAX,
                encoding="utf8" if is_utf8 else "latin-1",
            ),
            parse_options=pyarrow.csv.ParseOptions(
                invalid_row_handler=keep, newlines_in_values=rows.has_breaks
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(asked.values()),
                column_types=dict.fromkeys(asked.values(), pa.large_binary()),
            ),
        )
    _check_all_read(path, rows, table.num_rows + len(ragged) + len(rows.malformed))
    data: dict[str, Any] = {name: table.column(asked[name]) for name in columns}
    if not is_utf8:
        data = {
            name: [_undone(cell.decode()) for cell in column.to_pylist()]
            for name, column in data.items()
        }
    malformed = sorted([*ragged, *rows.malformed], key=lambda row: row.row_number)
    return FileTable(path, data, row_count=table.num_rows, malformed=malformed)


def _csv_lines(path: Path) -> tuple[bytes, CsvRows]:
    """The header's line, and the rows below it by a count of lines."""
    with path.open("rb") as file:
        skipped = _bom_bytes(file)
        file.seek(skipped)
        header = next(lines_of(file), b"")
        file.seek(skipped + len(header))
        rows = csv_rows(file, columns=len(_csv_columns(path)))
    if not rows.is_orderly:
        raise _unreadable(path, "its quotes are in disorder")
    return header, rows


def _check_all_read(path: Path, rows: CsvRows, found: int) -> None:
    """Nothing, if the parser found the rows that the lines make: no more and no fewer."""
    if found != rows.count:
        raise _unreadable(path, f"{rows.count:,} rows were counted, and {found:,} were read")


def _bom_bytes(file: BinaryIO) -> int:
    return len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0


def _undone(text: str) -> bytes:
    """The bytes of what was read as Latin-1."""
    return text.encode("latin-1")


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _csv_columns(path: Path) -> list[str]:
    with path.open("rb") as file:
        header = next(lines_of(file), b"").removeprefix(BOM_UTF8)
    text = header.decode().strip("\r\n")
    if not text:
        raise _unreadable(path, "it has no header")
    if len(header) > HEADER_BYTES_MAX or not is_whole(header):
        raise _unreadable(path, "its header is too long, or a quote in it is not closed")
    return next(csv.reader([text]))


def _read_json_lines(path: Path, columns: Sequence[str]) -> FileTable:
    cells: dict[str, list[Cell]] = {name: [] for name in columns}
    malformed: list[MalformedRow] = []
    count = number = 0
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            number += 1
            _check_row_count(path, number)
            row = json_row(line)
            expected, found = "a JSON object", row
            if isinstance(row, dict):
                nested = [name for name in cells if isinstance(row.get(name), dict | list)]
                if not nested:
                    count += 1
                    for name, column in cells.items():
                        column.append(row.get(name))
                    continue
                expected = f"one value in {nested[0]}"
                found = json_kind(row[nested[0]])
            raw = line[:RAW_CHARACTERS_MAX].decode("utf-8", "replace")
            malformed.append(MalformedRow(number, expected, str(found), raw))
    return FileTable(path, cells, row_count=count, malformed=malformed)


def _check_row_count(path: Path, rows: int) -> None:
    if rows > IMPORT_ROWS_MAX:
        raise Refused(
            Code.IMPORT_TOO_LARGE,
            f"{path.name} has over {IMPORT_ROWS_MAX} rows",
            hint="Cut it by time and import the parts in order.",
            file=path.name,
            expected=f"at most {IMPORT_ROWS_MAX} rows",
            found=rows,
        )


def _separated(columns: Sequence[str]) -> str:
    """A hint where the header looks as if something other than a comma parted it, else nothing."""
    if len(columns) == 1 and (mark := next((m for m in ";\t|" if m in columns[0]), "")):
        shown = "a tabulator" if mark == "\t" else mark
        return (
            f"Its header looks as if {shown} parted the cells: save it with commas between cells, "
            "and amounts with a point (1234.56)."
        )
    return ""


def _unreadable(path: Path, found: str) -> Refused:
    return Refused(
        Code.FILE_UNREADABLE,
        f"{path} cannot be read as a table: {found[:500]}",
        hint=f"Tables are {_FORMATS}, in UTF-8, with a header.",
        file=path.name,
        expected="a table",
        found=found[:500],
    )
