"""The feature engine: rates beside its peers, latency, hard streams, memory, restore, scaling.

Rates of one core are events a second of processor time, for us and for the peers alike: the same as
by the clock on a quiet machine, and still a figure on one that others use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, Setting
from benchmarks.load import peers
from benchmarks.load.rows import ACCOUNTS, event_rows
from benchmarks.load.scaling import times_of
from benchmarks.load.told import told_stream
from benchmarks.load.windowed import (
    busy_merchant,
    habitual_stream,
    hard_stream,
    many_keys,
    uniform_stream,
    windowed_set,
)
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.domain.instant import DAY
from crivo.features.engine import Engine
from crivo.features.plan import Plan, compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import RowKind
from crivo.flows.ports import Snapshot

SEED: Final = 11
CHUNK_ROWS: Final = 8_192  # as many as replay takes at once

Rows = NDArray[Any]


def run(setting: Setting) -> Iterator[Row]:
    """Every figure of the feature engine, on data made here from one seed."""
    load = os.getloadavg()[0]
    yield setting.row(f"load average at the start, {os.cpu_count()} cores", "processes", [load])
    plan = compile_plan(default_feature_set())
    yield from windowed(setting)
    yield from catalogue(setting, plan)
    yield from one_event(setting, plan)
    yield from hard(setting, plan)
    yield from hot_key(setting, plan)
    yield from first_mark(setting, plan)
    yield from restore(setting, plan)
    yield from memory(setting, plan)
    yield from idle(setting, plan)
    yield from scaling(setting, plan)
    yield from first_call(setting)
    load = os.getloadavg()[0]
    yield setting.row(f"load average at the end, {os.cpu_count()} cores", "processes", [load])


def windowed(setting: Setting) -> Iterator[Row]:
    """18 windowed features; the peers make the same columns of the same rows."""
    plan = compile_plan(windowed_set())
    rows = habitual_stream(20_000 if setting.quick else 1_000_000, seed=SEED)
    seconds_to_read(plan, rows[:1_000])
    rates = [len(rows) / seconds_to_read(plan, rows) for _ in range(_runs(setting))]
    what = f"18 windowed features, one core, {len(rows):,} rows"
    yield setting.row(what, "events/s", rates, at_least=2_000_000)
    some = habitual_stream(2_000 if setting.quick else 50_000, seed=SEED)
    ours = [len(some) / seconds_to_read(plan, some) for _ in range(_runs(setting))]
    mine = float(np.median(ours))
    yield setting.row(f"the same, {len(some):,} rows, as the peers below", "events/s", ours)
    total = sum_of(plan, some)
    for name in peers.NAMES:
        found = peers.ask(name, some, runs=1 if setting.quick else 3)
        what = f"18 windowed features by {name}"
        if isinstance(found, str):
            yield setting.not_run(what, "events/s", found)
            continue
        agrees = all(each.total == total for each in found)
        what += f" {found[0].version}" + ("" if agrees else " (other sums than ours)")
        rates = [len(some) / each.seconds for each in found]
        row = setting.row(f"{what} (peer: ours)", "events/s", rates, peer=mine)
        yield replace(row, holds=agrees)


def catalogue(setting: Setting, plan: Plan) -> Iterator[Row]:
    """The whole catalogue: every transfer is read, every row folded. Where nothing is told beside
    transfers and reports, a third of the features have nothing to read.
    """
    rows = event_rows(50_000 if setting.quick else 1_000_000, seed=SEED)
    rates = [len(rows) / seconds_to_read(plan, rows) for _ in range(_runs(setting))]
    what = f"whole catalogue, {len(plan.names)} features, one core, {len(rows):,} rows"
    yield setting.row(what, "events/s", rates, at_least=400_000)
    rows = told_stream(50_000 if setting.quick else 1_000_000, seed=SEED)
    rates = [len(rows) / seconds_to_read(plan, rows) for _ in range(_runs(setting))]
    share = float((rows["kind"] > RowKind.REPORT.value).mean())
    what = f"whole catalogue, with told events ({share:.0%} of {len(rows):,} rows), one core"
    yield setting.row(what, "events/s", rates, at_least=400_000)


def one_event(setting: Setting, plan: Plan) -> Iterator[Row]:
    """One transfer at a time: its vector is read, then it is folded, as a service does."""
    warm, count = (20_000, 5_000) if setting.quick else (500_000, 100_000)
    rows = event_rows(warm + count, seed=SEED)
    engine = Engine(plan)
    engine.fold(rows[:warm])
    engine.make_room()
    medians, tails = [], []
    for part in np.array_split(np.arange(warm, warm + count), _runs(setting)):
        taken = []
        for place in part:
            row = rows[place : place + 1]
            if row["kind"][0] == RowKind.TRANSFER:
                begun = time.perf_counter_ns()
                engine.read(row)
                engine.fold(row)
                taken.append((time.perf_counter_ns() - begun) / 1e3)
            else:
                engine.fold(row)
        medians.append(float(np.quantile(taken, 0.5)))
        tails.append(float(np.quantile(taken, 0.99)))
    what = f"one event, whole catalogue, read and update after {warm:,} events"
    yield setting.row(f"{what}, p50", "µs", medians, at_most=8.0)
    yield setting.row(f"{what}, p99", "µs", tails, at_most=30.0)


def hard(setting: Setting, plan: Plan) -> Iterator[Row]:
    """Zipf 1.1 keys and 5 % delayed events, beside uniform keys in order."""
    count = 50_000 if setting.quick else 1_000_000
    easy, difficult = uniform_stream(count, seed=SEED), hard_stream(count, seed=SEED)
    ratios, rates = [], []
    for _ in range(_runs(setting)):
        slow, fast = seconds_to_read(plan, difficult), seconds_to_read(plan, easy)
        ratios.append(slow / fast)
        rates.append(count / slow)
    yield setting.row("Zipf 1.1 keys, 5 % delayed (lognormal)", "events/s", rates)
    yield setting.row(
        "the same, its time over that of uniform keys in order", "times", ratios, at_most=1.5
    )


def hot_key(setting: Setting, plan: Plan) -> Iterator[Row]:
    """What a transfer costs, by how many its payee receives a day (peer: of the least of them)."""
    runs, more = _runs(setting), 4_000
    least = 0.0
    for transfers in (2_000, 20_000) if setting.quick else (10_000, 100_000, 1_000_000):
        rows = busy_merchant(transfers, runs * more, seed=SEED)
        engine = Engine(plan)
        fold_all(engine, rows[:transfers])
        taken = []
        for part in np.split(rows[transfers:], runs):
            begun = time.process_time()
            engine.vectors(part, np.ones(more, dtype=np.bool_))
            taken.append((time.process_time() - begun) / more * 1e6)
        what = f"a transfer to a merchant of {transfers:,} a day, read and folded"
        yield setting.row(what, "µs", taken, peer=least or None)
        least = least or float(np.median(taken))
        del engine


def first_mark(setting: Setting, plan: Plan) -> Iterator[Row]:
    """The one fold that takes longer than others: a report marks an account that many have met."""
    met = 10_000 if setting.quick else 100_000
    rows = event_rows(2, seed=SEED)[[0] * met]
    rows["payer_0"] = np.random.default_rng(SEED).permutation(met) + 1
    rows["occurred_at"] = rows["received_at"] = rows["occurred_at"][0] + np.arange(met)
    report = rows[-1:].copy()
    report["kind"], report["accepted"] = RowKind.REPORT.value, 1
    taken = []
    for _ in range(3):
        engine = Engine(plan)
        fold_all(engine, rows)
        begun = time.perf_counter()
        engine.fold(report)
        taken.append((time.perf_counter() - begun) * 1e3)
        del engine
    yield setting.row(f"first mark of an account that {met:,} have met", "ms", taken)


def restore(setting: Setting, plan: Plan) -> Iterator[Row]:
    """Seconds from a snapshot on the disk to an engine that answers."""
    count = 100_000 if setting.quick else 10_000_000
    engine = Engine(plan)
    part = min(count, 1_000_000)
    for number in range(count // part):
        rows = event_rows(part, seed=SEED + number)
        for name in ("occurred_at", "received_at"):  # parts follow each other in time
            rows[name] += number * (part // ACCOUNTS) * DAY
        fold_all(engine, rows)
    folded, state_bytes = engine.counts.folded, engine.counts.state_bytes
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        files = SnapshotFiles(Path(folder))
        files.keep(Snapshot(plan.plan_hash, "benchmark", folded, 0, dict(engine.arrays())))
        del engine
        taken = []
        for _ in range(1 if setting.quick else 3):
            begun = time.perf_counter()
            again = Engine(plan)
            again.restore(files.load(plan.plan_hash, folded, again.room).arrays)
            taken.append(time.perf_counter() - begun)
            assert again.counts.folded == folded
            del again
    what = f"restore of {folded:,} events, {state_bytes / 1e9:.2f} GB of state"
    yield setting.row(what, "s", taken, at_most=10.0)


def memory(setting: Setting, plan: Plan) -> Iterator[Row]:
    """Bytes of state, by the number of keys. What would not fit is said, and not begun."""
    a_key = 0.0
    for keys in (20_000,) if setting.quick else (1_000_000, 10_000_000):
        if 1.2 * keys * a_key > available_bytes():  # the index grows by a copy
            yield setting.not_run(f"state of {keys:,} keys", "bytes", "too little memory is free")
            continue
        engine = Engine(plan)
        events = 0
        for part in many_keys(keys, seed=SEED):
            engine.fold(part)
            events += len(part)
        counts = engine.counts
        a_key = counts.state_bytes / counts.keys
        what = f"state of {counts.keys:,} keys, {events:,} events"
        yield setting.row(f"{what}, a key", "bytes", [a_key])
        yield setting.row(f"{what}, an event", "bytes", [counts.state_bytes / events])
        del engine


def idle(setting: Setting, plan: Plan) -> Iterator[Row]:
    """What a key holds once it lies behind every window (peer: before that is given back), and how
    long it takes to give it back.
    """
    keys = 20_000 if setting.quick else 1_000_000
    engine = Engine(plan, reached_by=1)
    for part in many_keys(keys, seed=SEED):
        engine.fold(part)
        newest = part[-1:].copy()
    newest["occurred_at"] += 60 * DAY
    newest["received_at"], newest["event_0"] = newest["occurred_at"], newest["event_0"] + 1
    engine.fold(newest)
    before = engine.counts
    begun = time.process_time()
    engine.release()
    taken, after = time.process_time() - begun, engine.counts
    assert after.keys == before.keys, "no key is forgotten"
    what = f"state of {after.keys:,} idle keys"
    a_key = before.state_bytes / before.keys
    yield setting.row(f"{what}, a key", "bytes", [after.state_bytes / after.keys], peer=a_key)
    yield setting.row(f"{what}, given back in", "s", [taken])


def scaling(setting: Setting, plan: Plan) -> Iterator[Row]:
    """What two processes win over one, when keys are dealt to shards (1: twice as fast)."""
    rows = event_rows(50_000 if setting.quick else 1_000_000, seed=SEED)
    clock, processor = [], []
    for _ in range(1 if setting.quick else 3):
        one, two = (times_of(plan, rows, shards=shards) for shards in (1, 2))
        clock.append(one.clock / (2 * two.clock))
        processor.append(one.processor / (2 * two.processor))
    what = f"two processes by shard, whole catalogue, {len(rows):,} rows, efficiency"
    busiest = float(np.median(processor))
    what += " (peer: by the processor time of the busier one)"
    yield setting.row(what, "of 1", clock, at_least=0.85, peer=busiest)


_FIRST_CALL: Final = """
from crivo.features.engine import Engine
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from benchmarks.load.rows import ACCOUNTS, event_rows
rows = event_rows(1_000, seed=1)
engine = Engine(compile_plan(default_feature_set()))
engine.fold(rows[:-1])
engine.vectors(rows[-1:], rows["kind"][-1:] == 0)
"""


def first_call(setting: Setting) -> Iterator[Row]:
    """Seconds of a new process up to its first vector, compiled before by another process."""
    taken = []
    for _ in range(3 if setting.quick else 6):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", _FIRST_CALL], check=True)
        taken.append(time.perf_counter() - begun)
    # The first one may still compile.
    yield setting.row("first vector of a new process, cache warm", "s", taken[1:], at_most=1.5)


def seconds_to_read(plan: Plan, rows: Rows) -> float:
    """Processor seconds of a new engine over all rows, each transfer read and each row folded."""
    engine = Engine(plan)
    begun = time.process_time()
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        engine.vectors(chunk, chunk["kind"] == RowKind.TRANSFER.value)
    return time.process_time() - begun


def sum_of(plan: Plan, rows: Rows) -> int:
    """The sum of all values of all vectors: whether a peer made the same."""
    vectors, _flags = Engine(plan).vectors(rows, rows["kind"] == RowKind.TRANSFER.value)
    return int(vectors.astype(np.int64).sum())


def fold_all(engine: Engine, rows: Rows) -> None:
    """Folds rows in chunks."""
    for start in range(0, len(rows), CHUNK_ROWS):
        engine.fold(rows[start : start + CHUNK_ROWS])


def available_bytes() -> int:
    """Memory that processes may still take without swapping; 0 where the system does not say."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text(encoding="utf-8").splitlines() if meminfo.exists() else []
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1_024 if found else 0


def _runs(setting: Setting) -> int:
    return 3 if setting.quick else 5
