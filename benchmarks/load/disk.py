"""What the disk takes to make a small append durable: the floor of every durable answer."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

APPEND_BYTES: Final = 4096


def fdatasync_ms(folder: Path, count: int) -> list[float]:
    """Milliseconds of each of `count` appends of 4 KiB followed by fdatasync, in `folder`."""
    path = folder / "sync-probe"
    found = []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            begun = time.perf_counter()
            os.write(handle, bytes(APPEND_BYTES))
            os.fdatasync(handle)
            found.append((time.perf_counter() - begun) * 1e3)
    finally:
        os.close(handle)
        path.unlink()
    return found
