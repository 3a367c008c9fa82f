"""What the disk takes to make a small append durable: the floor of every durable answer."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

APPEND_BYTES: Final = 4096
#: Between two appends: a few in a hundred of what a busy service writes itself.
PAUSE_SECONDS: Final = 0.02


@contextlib.contextmanager
def fdatasync_ms(folder: Path) -> Iterator[list[float]]:
    """Milliseconds of appends of 4 KiB followed by fdatasync, in `folder`, while the block runs.

    The list grows from a thread beside, so that what is measured within waits for the same disk.
    """
    found: list[float] = []
    stop = threading.Event()
    path = folder / "sync-probe"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def look() -> None:
        while True:
            begun = time.perf_counter()
            os.write(handle, bytes(APPEND_BYTES))
            os.fdatasync(handle)
            found.append((time.perf_counter() - begun) * 1e3)
            if stop.wait(PAUSE_SECONDS):
                return

    thread = threading.Thread(target=look, name="sync-probe")
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        os.close(handle)
        path.unlink()
