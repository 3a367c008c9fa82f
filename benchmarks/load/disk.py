"""What the disk takes to make a small append durable: the floor of every durable answer."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

APPEND_BYTES: Final = 4096
#: Between two appends: a few in a hundred of what a busy service writes itself.
PAUSE_SECONDS: Final = 0.02


def fdatasync_ms(folder: Path, count: int) -> list[float]:
    """Milliseconds of each of `count` appends of 4 KiB followed by fdatasync, in `folder`."""
    with _appending(folder) as append:
        return [append() for _ in range(count)]


@contextlib.contextmanager
def fdatasync_ms_during(folder: Path) -> Iterator[list[float]]:
    """The same while the block runs: the list grows from a thread beside, so that what is measured
    within waits for the same disk.
    """
    found: list[float] = []
    stop = threading.Event()

    def look() -> None:
        with _appending(folder) as append:
            while True:
                found.append(append())
                if stop.wait(PAUSE_SECONDS):
                    return

    thread = threading.Thread(target=look, name="sync-probe")
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def _appending(folder: Path) -> Iterator[Callable[[], float]]:
    """A function that appends once to a file in `folder` and says how long it took."""
    path = folder / "sync-probe"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append() -> float:
        begun = time.perf_counter()
        os.write(handle, bytes(APPEND_BYTES))
        os.fdatasync(handle)
        return (time.perf_counter() - begun) * 1e3

    try:
        yield append
    finally:
        os.close(handle)
        path.unlink()
