"""Which lines of a CSV file make which row, so that a stray quote costs its own line and no other.

A quoted cell may hold line breaks (RFC 4180), so one quote too many makes a reader take the lines
up to the next quote for one cell, and nobody hears of the rows that stood there. Here every line is
accounted for, before anything is parsed: it is a row, or a part of one, or malformed. A reader's
rows are then compared with this count.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from crivo.flows.ports import MalformedRow

#: Lines of one row: cells with line breaks are short texts.
ROW_LINES_MAX: Final = 100

#: Bytes of one row of a text file.
ROW_BYTES_MAX: Final = 16 * 1024 * 1024

#: Characters of a malformed row that are kept for people.
RAW_CHARACTERS_MAX: Final = 2_000

#: How often a line may be looked at again, on average, before the file is called disordered.
_LOOKS_MAX: Final = 20

_BLOCK_BYTES: Final = 1 << 20

_WHOLE: Final = re.compile(
    rb'(?:"(?:[^"]++|"")*+"|[^",\r\n][^,\r\n]*+|)'
    rb'(?:,(?:"(?:[^"]++|"")*+"|[^",\r\n][^,\r\n]*+|))*+(?:\r\n|\n|\r|)'
)
_QUOTED: Final = re.compile(rb'"(?:[^"]++|"")*+')


class _Is(Enum):
    """What a line is by itself: a row, the beginning of one, or neither."""

    WHOLE = "whole"
    OPEN = "open"
    BROKEN = "broken"


@dataclass(slots=True)
class CsvRows:
    """The rows below a header. `numbers` are those of the rows that can be parsed, from 1.

    `malformed` are the others, one a line; blank lines outside of cells are no rows. `content` is
    what to parse in place of the file, where some lines must be left out; else None. `is_orderly`
    says whether the quotes could be made sense of at all.
    """

    count: int = 0
    has_breaks: bool = False
    is_orderly: bool = True
    numbers: NDArray[np.int64] | None = None
    malformed: list[MalformedRow] = field(default_factory=list)
    content: bytes | None = None


def is_whole(line: bytes) -> bool:
    """Whether every quote of a line is closed in it, and stands where a quote may."""
    return _WHOLE.fullmatch(line) is not None


def csv_rows(file: BinaryIO, *, columns: int) -> CsvRows:
    """The rows of a file that stands at the end of its header of so many columns.

    The file is read to its end, and left there.
    """
    start = file.tell()
    if not _has_quote(file):
        file.seek(start)
        return CsvRows(count=sum(not _is_blank(line) for line in lines_of(file)))
    file.seek(start)
    return _Scan(columns).run(lines_of(file))


class _Scan:
    """One pass over the lines of a file that has quotes."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._good: list[bytes] = []
        self._numbers: list[int] = []
        self._found = CsvRows()
        self._number = 0
        self._lines_seen = self._looks = 0

    def run(self, lines: Iterator[bytes]) -> CsvRows:
        again: deque[bytes] = deque()
        while line := again.popleft() if again else next(lines, b""):
            self._lines_seen += 1
            if _is_blank(line):
                continue
            if b'"' not in line or is_whole(line):
                self._take([line])
                continue
            is_, cells = _judge(line)
            if is_ is _Is.OPEN:
                self._open(line, cells, again, lines)
            else:
                self._refuse(line, "text after a closing quote")
            if self._looks > _LOOKS_MAX * (self._lines_seen + ROW_LINES_MAX):
                self._found.is_orderly = False
                break
        found = self._found
        found.count = self._number
        found.numbers = np.array(self._numbers, np.int64)
        found.content = b"".join(self._good) if found.malformed else None
        return found

    def _open(self, first: bytes, cells: int, again: deque[bytes], lines: Iterator[bytes]) -> None:
        """Takes the row that `first` begins, or refuses what cannot be told to be one."""
        row, size = [first], len(first)
        is_ = _Is.OPEN
        while is_ is _Is.OPEN and size <= ROW_BYTES_MAX:
            line = again.popleft() if again else next(lines, b"")
            if not line:
                break
            row.append(line)
            size += len(line)
            if b'"' in line:
                self._looks += 1
                # Inside of a cell a line goes on as if it began with the quote that opened it.
                is_, more = _judge(b'"' + line)
                cells += more - 1
        if is_ is not _Is.WHOLE or cells != self._columns:
            # No cell can be read so: the quote is a stray one, and the next line is a line.
            self._refuse(first, "a quote that nothing closes")
            again.extendleft(reversed(row[1:]))
            self._looks += 1
        elif len(row) > ROW_LINES_MAX or self._hides_rows(row):
            for line in row:
                if not _is_blank(line):
                    self._refuse(line, "a cell that holds what look like other rows")
        else:
            self._take(row)

    def _hides_rows(self, row: Sequence[bytes]) -> bool:
        """Whether the lines of a row look like rows of their own, between two stray quotes."""
        commas = self._columns - 1
        if commas and any(line.count(b",") == commas for line in row[1:-1]):
            return True
        return row[0].count(b",") >= commas and row[-1].count(b",") >= commas

    def _take(self, row: list[bytes]) -> None:
        self._number += 1
        self._numbers.append(self._number)
        self._good += row
        self._found.has_breaks |= len(row) > 1

    def _refuse(self, line: bytes, found: str) -> None:
        self._number += 1
        raw = line[: 4 * RAW_CHARACTERS_MAX].rstrip(b"\r\n").decode("utf-8", "replace")
        expected = f"{self._columns} cells, quotes in pairs, a row of at most {ROW_LINES_MAX} lines"
        self._found.malformed.append(
            MalformedRow(self._number, expected, found, raw[:RAW_CHARACTERS_MAX])
        )


def _judge(line: bytes) -> tuple[_Is, int]:
    """What a line is, and how many cells it has, an open one included."""
    end = len(line.rstrip(b"\r\n"))
    place, cells = 0, 0
    while True:
        cells += 1
        if line[place : place + 1] == b'"':
            quoted = _QUOTED.match(line, place)
            assert quoted is not None
            place = quoted.end()
            if place == len(line):
                return _Is.OPEN, cells
            place += 1
        else:
            comma = line.find(b",", place, end)
            place = end if comma < 0 else comma
        if place >= end:
            return _Is.WHOLE, cells
        if line[place : place + 1] != b",":
            return _Is.BROKEN, cells
        place += 1


def _is_blank(line: bytes) -> bool:
    return line in {b"\n", b"\r\n", b"\r"}


def _has_quote(file: BinaryIO) -> bool:
    while block := file.read(_BLOCK_BYTES):
        if b'"' in block:
            return True
    return False


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines with their ends: LF, CR LF, or CR. One of over `ROW_BYTES_MAX` comes in pieces."""
    rest: list[bytes] = []
    size = 0
    while block := file.read(_BLOCK_BYTES):
        rest.append(block)
        size += len(block)
        if size <= ROW_BYTES_MAX and b"\n" not in block and b"\r" not in block:
            continue
        lines = b"".join(rest).splitlines(keepends=True)
        # A block may end inside of a line, or between CR and LF.
        is_open = size <= ROW_BYTES_MAX and not lines[-1].endswith(b"\n")
        rest = [lines.pop()] if is_open else []
        size = sum(map(len, rest))
        yield from lines
    if rest:
        yield from b"".join(rest).splitlines(keepends=True)
