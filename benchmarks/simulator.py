"""The simulated world: transfers a second, a million of them written, memory by scale."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final

from benchmarks import events
from benchmarks.harness import Row, Setting
from benchmarks.load import peers
from benchmarks.load.handbook import handbook_rows
from crivo.simulator.options import SimulationOptions
from crivo.simulator.tables import tables
from crivo.simulator.world import World, simulate

SEED: Final = 7
#: A scale of 20 is a million transfers in 30 days.
MILLION: Final = Decimal(20)
MEBIBYTE: Final = 1024

#: Writes a world in a process of its own and prints its peak memory in KiB: the kernel's own mark,
#: since what `resource` says a process inherits from the one that started it.
WRITE: Final = """
import sys
from decimal import Decimal
from pathlib import Path
from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.writer import TableSet, write_world
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import simulate
options = SimulationOptions(
    seed=int(sys.argv[2]), scale=Decimal(sys.argv[3]), days=int(sys.argv[5])
)
write_world(
    Path(sys.argv[1]),
    simulate(options),
    table_set=TableSet(sys.argv[4]),
    layout=Layout(WorldFormat.PARQUET),
)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def run(setting: Setting) -> Iterator[Row]:
    """The rows of the simulator: rates, beside another's, a million end to end, memory."""
    yield from rates(setting)
    yield from events.rates(setting)
    yield from million(setting)
    yield from memory(setting)


def rates(setting: Setting) -> Iterator[Row]:
    """Transfers a second of one core's time, alone and with their names and the reports.

    Processor time is taken, which other work on the machine hardly moves. The peer of the first is
    the generator of the Fraud Detection Handbook, as its text describes it (a loop over customers
    and days), with the same number of rows: with its rows in lists, and with a data frame of pandas
    for each customer, as it was published, where `make peers` has made the environment for that.
    """
    scale = Decimal(2) if setting.quick else Decimal(10)
    world = simulate(SimulationOptions(seed=SEED, scale=scale))
    count = world.options.transfers
    runs = 1 if setting.quick else 3
    with _one_core():
        peer = count / _seconds_of_handbook(count)
        alone = [count / _seconds_of_rows(world) for _ in range(runs)]
        whole = [count / _seconds_of_tables(world) for _ in range(runs)]
        published = peers.said(["-m", "benchmarks.peers.handbook", str(count), str(SEED)])
    what = f"{count:,} transfers, one core (peer: the Handbook's generator"
    yield setting.row(f"{what}, its rows in lists)", "transfers/s", alone, peer=peer)
    if isinstance(published, str):
        yield setting.row(f"{what}, pandas {published})", "transfers/s", alone)
    else:
        what = f"{what}, pandas {published['version']})"
        peer = published["transactions"] / published["seconds"]
        yield setting.row(what, "transfers/s", alone, peer=peer)
    what = f"{count:,} transfers with names, truth and reports, one core"
    yield setting.row(what, "transfers/s", whole, at_least=40_000)


def million(setting: Setting) -> Iterator[Row]:
    """A million transfers planned, made and written as Parquet, in a process of its own.

    Without side events, and with all of them.
    """
    for table_set, what in (
        ("platform", "transfers, truth and reports of a world to Parquet"),
        ("events", "transfers of a world with all side events to Parquet"),
    ):
        seconds, peak = _written(Decimal(2) if setting.quick else MILLION, table_set)
        if setting.quick:
            yield setting.row(f"{what}, 100,000 transfers", "s", [seconds])
            yield setting.row(f"{what}, peak memory", "MiB", [peak])
            continue
        yield setting.row(f"{what}, 1,000,000 transfers", "s", [seconds], at_most=40)
        yield setting.row(f"{what}, peak memory", "MiB", [peak], at_most=2048)


def memory(setting: Setting) -> Iterator[Row]:
    """Peak memory of writing at 1, 10 and 100 times the scale; the peer is the smallest.

    A month of the platform's tables, and a few days of the others, which take longer.
    """
    for table_set, days in (("platform", 30), ("events", 3), ("seven", 3)):
        least: float | None = None
        for times in (1, 10) if setting.quick else (1, 10, 100):
            _, peak = _written(Decimal(times), table_set, days)
            what = f"peak memory of writing {days} days, tables {table_set}, at scale {times}"
            yield setting.row(what, "MiB", [peak], at_most=2048, peer=least)
            least = least or peak


def _seconds_of_rows(world: World) -> float:
    begun = time.process_time()
    for _ in world.rows():
        pass
    return time.process_time() - begun


def _seconds_of_tables(world: World) -> float:
    begun = time.process_time()
    for _ in tables(world):
        pass
    return time.process_time() - begun


def _seconds_of_handbook(count: int) -> float:
    begun = time.process_time()
    made = len(handbook_rows(count, seed=SEED))
    # It draws how many each customer makes, so that the count is about the one asked for.
    return (time.process_time() - begun) * count / made


def _written(scale: Decimal, table_set: str = "platform", days: int = 30) -> tuple[float, float]:
    """Seconds and peak MiB of a process that writes tables of a world of that scale."""
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        world = [str(Path(folder) / "world"), str(SEED), str(scale), table_set, str(days)]
        program = [sys.executable, "-c", WRITE, *world]
        begun = time.perf_counter()
        found = subprocess.run(program, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - begun
    return seconds, int(found.stdout) / MEBIBYTE


@contextmanager
def _one_core() -> Iterator[None]:
    """Keeps this process on one core for the length of a block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
