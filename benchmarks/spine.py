"""The thread through the whole product: kernel, HTTP on a durable log, replay, command line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, Setting
from benchmarks.load import service
from benchmarks.load.disk import fdatasync_ms
from benchmarks.load.rows import event_rows
from crivo.domain.instant import MINUTE
from crivo.features.catalogue import network, parties, reports, temporal, transaction
from crivo.features.engine import Engine
from crivo.features.oracle import Oracle, rows_as_mappings
from crivo.features.plan import Plan, compile_plan
from crivo.features.row import RowKind
from crivo.features.spec import FeatureSet

SEED: Final = 7
CHUNK_ROWS: Final = 8_192  # as many as replay takes at once
ORACLE_ROWS: Final = 300
RATE: Final = 1_000


def run(setting: Setting) -> Iterator[Row]:
    """The rows of the spine: kernel, HTTP, disk, replay, `crivo --help`."""
    yield from kernel(setting)
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        home = service.prepare_home(Path(folder), scale="1.8" if setting.quick else "2.4")
        yield from http(setting, home)
        yield from replay(setting, home)
    yield from command_line(setting)


def kernel(setting: Setting) -> Iterator[Row]:
    """Events a second through the engine on one core: every transfer is read, every row folded.

    Of the features the first five groups, which the thread began with; `benchmarks/features.py`
    takes the whole catalogue. The peer is the oracle over the first rows, where its quadratic way
    still costs little.
    """
    features = FeatureSet(
        (
            *network.FEATURES,
            *parties.FEATURES,
            *reports.FEATURES,
            *temporal.FEATURES,
            *transaction.FEATURES,
        )
    )
    plan = compile_plan(features)
    rows = event_rows(100_000 if setting.quick else 1_000_000, seed=SEED)
    fold_and_read(plan, rows[:1_000])  # compiles, or loads what was compiled before
    runs = 3 if setting.quick else 5
    rates = [len(rows) / fold_and_read(plan, rows) for _ in range(runs)]
    slow = ORACLE_ROWS / ask_the_oracle(features, rows[:ORACLE_ROWS])
    what = f"kernel, {len(plan.names)} features, {len(rows):,} rows, one core (peer: oracle)"
    yield setting.row(what, "events/s", rates, at_least=500_000, peer=slow)


def fold_and_read(plan: Plan, rows: NDArray[np.void]) -> float:
    """Seconds that a new engine takes for all rows."""
    engine = Engine(plan)
    begun = time.perf_counter()
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        engine.vectors(chunk, chunk["kind"] == RowKind.TRANSFER.value)
    return time.perf_counter() - begun


def ask_the_oracle(features: FeatureSet, rows: NDArray[np.void]) -> float:
    """Seconds that the oracle takes for the same."""
    oracle = Oracle(features)
    begun = time.perf_counter()
    for row in rows_as_mappings(rows):
        if row["kind"] == RowKind.TRANSFER.value:
            oracle.read(row)
        oracle.fold(row)
    return time.perf_counter() - begun


def http(setting: Setting, home: Path) -> Iterator[Row]:
    """Latency of POST /v1/decisions from the instant a request was due, beside the disk's own."""
    seconds, runs = (3, 1) if setting.quick else (20, 3)
    count = RATE * seconds
    found, syncs = [], []
    with service.running(home) as running:
        # The first requests compile nothing but fill caches; they are not measured.
        service.run_load(running, rate=RATE / 5, count=RATE // 5, seed=SEED, start=service.AFTER)
        for turn in range(runs):
            start = service.AFTER + (turn + 1) * 5 * MINUTE
            syncs += fdatasync_ms(home, 200)
            found.append(
                service.run_load(running, rate=RATE, count=count, seed=SEED + turn + 1, start=start)
            )
            syncs += fdatasync_ms(home, 200)
    disk = float(np.quantile(syncs, 0.99))
    what = f"POST /v1/decisions, {RATE}/s open loop (peer: disk)"
    for name, key, target in (("p50", "p50_ms", None), ("p99", "p99_ms", 10.0)):
        values = [each[key] for each in found]
        yield setting.row(f"{what}, {name}", "ms", values, at_most=target, peer=disk)
    yield setting.row(f"{what}, p99.9", "ms", [each["p999_ms"] for each in found], peer=disk)
    rates = [each["answered_per_second"] for each in found]
    yield setting.row(f"{what}, answered", "1/s", rates)
    yield setting.row("fdatasync of 4 KiB, p99 (the peer above)", "ms", [disk])


def replay(setting: Setting, home: Path) -> Iterator[Row]:
    """Decisions a second that replay derives again, its start included, and how many differ."""
    rates, different = [], []
    for _ in range(1 if setting.quick else 3):
        begun = time.perf_counter()
        verdict = json.loads(service.crivo(home, "replay", "--json"))
        rates.append(verdict["compared"] / (time.perf_counter() - begun))
        different.append(float(verdict["differing"]))
    yield setting.row("replay, start included", "decisions/s", rates)
    yield setting.row("replay, decisions that differ", "decisions", different, at_most=0.0)


def command_line(setting: Setting) -> Iterator[Row]:
    """Milliseconds until `crivo --help` has answered."""
    taken = []
    for _ in range(3 if setting.quick else 15):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "crivo", "--help"], check=True, capture_output=True)
        taken.append((time.perf_counter() - begun) * 1e3)
    # The first start may still compile modules.
    yield setting.row("crivo --help", "ms", taken[1:], at_most=300.0)
