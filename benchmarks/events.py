"""The event streams of a simulated world: transfers a second with all side events, and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

from benchmarks.harness import Row, Setting
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import World, simulate

SEED: Final = 7
MEBIBYTE: Final = 1024

#: Walks through all events of a world in a process of its own; prints its peak memory in KiB. The
#: kernel's own mark is read: what `resource` says a process inherits from the one that started it.
WALK: Final = """
import sys
from decimal import Decimal
from crivo.simulator.events.streams import events
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import simulate
seed, days, scale = int(sys.argv[1]), int(sys.argv[2]), Decimal(sys.argv[3])
options = SimulationOptions(seed=seed, days=days, scale=scale)
for _ in events(simulate(options), Viewpoint.PAYER_PSP):
    pass
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def run(setting: Setting) -> Iterator[Row]:
    """The rows of the event streams."""
    yield from rates(setting)
    yield from memory(setting)


def rates(setting: Setting) -> Iterator[Row]:
    """Transfers a second of one core's time: the side events alone, and with the transfers.

    Processor time is taken, which other work on the machine hardly moves. At scale 1 a day has
    1,667 transfers, so that what a day costs by itself weighs most. A first walk, which is not
    counted, warms the process.
    """
    _seconds(_world(Decimal(1)))
    for scale in (Decimal(1),) if setting.quick else (Decimal(1), Decimal(10)):
        world = _world(scale)
        count = world.options.transfers
        with _one_core():
            found = [_seconds(world) for _ in range(1 if setting.quick else 3)]
        alone = [count / side for side, _ in found]
        whole = [count / (side + rows) for side, rows in found]
        what = f"all side events of {count:,} transfers, one core"
        yield setting.row(what, "transfers/s", alone, at_least=40_000)
        yield setting.row(f"{count:,} transfers and {what}", "transfers/s", whole, at_least=40_000)


def _world(scale: Decimal) -> World:
    return simulate(SimulationOptions(seed=SEED, scale=scale))


def memory(setting: Setting) -> Iterator[Row]:
    """Peak memory of a walk through ten times the days: what the streams remember."""
    least: float | None = None
    for days in (10, 100):
        peak = _peak(days, Decimal(1))
        what = f"peak memory of all events of {days} days at scale 1"
        yield setting.row(what, "MiB", [peak], at_most=2048, peer=least)
        least = least or peak
        if setting.quick:
            return


def _seconds(world: World) -> tuple[float, float]:
    """Processor seconds of the side events, and of the transfers."""
    side = rows = 0.0
    begun = time.process_time()
    streams = EventStreams(world, Viewpoint.PAYER_PSP)
    side += time.process_time() - begun
    begun = time.process_time()
    for day, of_day in world.rows():
        now = time.process_time()
        rows += now - begun
        for _ in streams.of_day(day, of_day):
            pass
        begun = time.process_time()
        side += begun - now
    for _ in streams.rest():
        pass
    return side + time.process_time() - begun, rows


def _peak(days: int, scale: Decimal) -> float:
    program = [sys.executable, "-c", WALK, str(SEED), str(days), str(scale)]
    found = subprocess.run(program, capture_output=True, text=True, check=True)
    return int(found.stdout) / MEBIBYTE


@contextmanager
def _one_core() -> Iterator[None]:
    """Keeps this process on one core for the length of a block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
