"""One writer process a log: an advisory lock on a file beside it, freed when the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from crivo.domain.errors import Code, Unavailable


def lock_file(log: Path) -> Path:
    """Where the lock of a log lies."""
    return log.with_suffix(".lock")


class WriterLock:
    """Held from construction to `release`.

    Raises:
        Unavailable: LOG_LOCKED where another writer holds it, FILE_UNWRITABLE where the file cannot
            be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"{path} cannot be opened: {error.strerror}",
                hint="The folder of the log must exist and be writable.",
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            raise Unavailable(
                Code.LOG_LOCKED,
                f"another process writes this log (process {holder or 'unknown'})",
                hint="A log has one writer: stop that one, or reach the log through its HTTP door.",
                path=str(path),
            ) from error
        os.truncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Frees the lock. The file stays: removing it would let two writers in."""
        os.close(self._file)
