"""Files of rows, each of a stretch of a log: one is there whole, or it is not there.

What is written lies beside as `.NAME.part`. When it is large or old enough, it is synced and
renamed to `STEM.FIRST-NEXT.ENDING`, after the numbers of the log that it covers, so that the names
alone say where to go on.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from crivo.domain.errors import Code, Misconfigured, Unavailable

#: What a file may end in.
ENDINGS: Final = (".csv", ".parquet")

_DIGITS: Final = 12


class RotatedFiles:
    """The files of a log's rows beside a path; one process writes them at a time.

    Args:
        path: Such as `data/new_transactions.csv`: folder, first part of the names, and format.
        log_id: Whose rows they are.
        schema: The columns.
        bytes_max: A file that has so many bytes is ended.
        seconds_max: So is one that was begun so many seconds ago.
        now: The seconds of a clock that never goes back.

    Raises:
        Misconfigured: SETTING_INVALID for another ending, LOG_MISMATCH where rows of another log
            lie. Unavailable: LOG_LOCKED where another process writes there, FILE_UNWRITABLE.
    """

    def __init__(
        self,
        path: Path,
        log_id: str,
        schema: pa.Schema,
        *,
        bytes_max: int,
        seconds_max: float,
        now: Callable[[], float],
    ) -> None:
        if path.suffix not in ENDINGS:
            raise Misconfigured(
                Code.SETTING_INVALID,
                f"{path} ends in no format that rows are written in",
                hint="Name it NAME.csv or NAME.parquet.",
                field="--to",
                expected=", ".join(ENDINGS),
                found=path.suffix or "nothing",
            )
        self._path = path
        self._schema = schema
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._now = now
        self._part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path, log_id)
            # Rows of one that was ended before its file was whole: they are written again.
            self._part.unlink(missing_ok=True)
            self._first = self._next = max((end for _, end in self._ranges()), default=0)
        except OSError as error:
            raise _unwritable(path, error) from error
        self.files = 0
        self._sink: pa.NativeFile | None = None
        self._writer: csv.CSVWriter | pq.ParquetWriter | None = None
        self._begun = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        os.close(self._lock)

    @property
    def next(self) -> int:
        """The number of the first event that no file covers, nor what waits."""
        return self._next

    def write(self, rows: pa.Table, next_: int) -> None:
        """Takes the rows of the events below that number, and ends a file that is due.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        try:
            if rows.num_rows:
                self._open().write_table(rows)
            self._next = next_
            if self._sink is not None and (
                self._sink.tell() >= self._bytes_max
                or self._now() - self._begun >= self._seconds_max
            ):
                self._finish()
        except OSError as error:
            raise _unwritable(self._part, error) from error

    def finish(self) -> None:
        """Makes the rows that wait a whole file; without any there is none.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        try:
            if self._sink is not None:
                self._finish()
        except OSError as error:
            raise _unwritable(self._part, error) from error

    def _open(self) -> csv.CSVWriter | pq.ParquetWriter:
        if self._writer is None:
            self._sink = pa.OSFile(str(self._part), "wb")
            kind = csv.CSVWriter if self._path.suffix == ".csv" else pq.ParquetWriter
            self._writer = kind(self._sink, self._schema)
            self._begun = self._now()
        return self._writer

    def _finish(self) -> None:
        self._close()
        with self._part.open("rb") as file:
            os.fsync(file.fileno())
        name = f"{self._path.stem}.{self._first:0{_DIGITS}}-{self._next:0{_DIGITS}}"
        self._part.rename(self._path.with_name(name + self._path.suffix))
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.files += 1
        self._first = self._next

    def _close(self) -> None:
        if self._writer is not None and self._sink is not None:
            self._writer.close()
            self._sink.close()
        self._writer = self._sink = None

    def _ranges(self) -> list[tuple[int, int]]:
        """The numbers that each whole file covers: from, up to (exclusive)."""
        ending = re.escape(self._path.suffix)
        name = re.compile(rf"{re.escape(self._path.stem)}\.(\d+)-(\d+){ending}")
        found = (name.fullmatch(each.name) for each in self._path.parent.iterdir())
        return [(int(each[1]), int(each[2])) for each in found if each is not None]


def _locked(path: Path, log_id: str) -> int:
    """An open file beside, locked, that says whose rows lie there."""
    aside = path.with_name(f".{path.name}.log")
    file = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise Unavailable(
            Code.LOG_LOCKED,
            f"another process writes the files of {path}",
            hint="Files of a path have one writer: stop that one, or name another path.",
            field="--to",
            path=str(path),
        ) from error
    there = os.pread(file, 256, 0).decode("utf-8", "replace")
    if there and there != log_id:
        os.close(file)
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"the files of {path} are of another log",
            hint=f"Name another path; or move those files away, and {aside.name} with them.",
            field="--to",
            expected=log_id,
            found=there,
        )
    os.pwrite(file, log_id.encode(), 0)
    return file


def _unwritable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"{path} cannot be written: {error.strerror or error}",
        hint="See that the folder can be written and the disk has room; then begin again: whole "
        "files stay, and nothing is written twice.",
        path=str(path),
    )
