"""Which part of a core a process takes is counted for each by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.load.shares import shares

#: Works until it is ended.
BUSY = "while True: pass"


def worked(pid):
    """Seconds that a process of one thread has worked, as the scheduler counts them."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def test_a_process_that_works_has_a_share_and_one_that_sleeps_has_none():
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    idle = subprocess.Popen(["sleep", "600"])
    try:
        with shares({"busy": busy.pid, "idle": idle.pid}) as made:
            until = worked(busy.pid) + 0.5
            while worked(busy.pid) < until:
                time.sleep(0.02)
    finally:
        for each in (busy, idle):
            each.kill()
            each.wait()
    assert made.found.keys() == {"busy", "idle"}
    assert made.found["busy"] > 10 * made.found["idle"]
