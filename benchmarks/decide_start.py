"""Start to ready after kill -9: ten million events in the log, snapshots as a service keeps."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.load import service
from crivo.domain.instant import DAY, MINUTE, format_rfc3339

#: A world of scale 1 has some 46,000 transfers in four weeks. The first is in the snapshot, the
#: second came after it: half of what a service lets come before it takes another.
SCALES: Final = ("215", "10.8")
SCALES_QUICK: Final = ("1", "0.5")


def run(setting: Setting) -> Iterator[Row]:
    """The rows: what the log holds, and the seconds from a start to the first decision taken."""
    first, second = SCALES_QUICK if setting.quick else SCALES
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        home = service.prepare_home(Path(folder), scale="1.8")
        # Claims of one world come up to some months later, and an import must not reach back.
        apart = service.DAYS * DAY + 120 * DAY
        events = _more(home, Path(folder) / "first", scale=first, after=service.AFTER + apart)
        service.crivo(home, "features", "snapshot")
        later = service.AFTER + 2 * apart
        events += _more(home, Path(folder) / "second", scale=second, after=later)
        yield setting.row("events imported before the start", "events", [events])
        taken = []
        for turn in range(1 if setting.quick else 3):
            start = later + apart + turn * 5 * MINUTE
            taken.append(_killed_and_started(home, start=start, seed=turn))
        yield setting.row("start to ready after kill -9", "s", taken, at_most=15.0)


def _more(home: Path, world: Path, *, scale: str, after: int) -> float:
    """Transfers of another world, imported behind what the log holds; how many."""
    day = format_rfc3339(after)[:10]
    simulate = ["simulate", "--out", str(world), "--days", str(service.DAYS), "--start", day]
    simulate += ["--past-days", "0", "--tables", "platform", "--format", "parquet"]
    service.crivo(home, *simulate, "--scale", scale)
    table, mapping = str(world / "transfers.parquet"), str(service.MAPPING)
    found = json.loads(service.crivo(home, "ingest", table, "--mapping", mapping, "--json"))
    return float(found["accepted"] + found["reports"])


def _killed_and_started(home: Path, *, start: int, seed: int) -> float:
    """Seconds from a start to ready, after a service that answered was killed."""
    with service.running(home) as running:
        service.run_load(running, rate=200, count=400, seed=seed, start=start)
        os.kill(running.pid, signal.SIGKILL)
    begun = time.perf_counter()
    with service.running(home):
        return time.perf_counter() - begun
