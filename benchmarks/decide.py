"""The decision service: decisions a second in process and over HTTP, latency, overload."""

from __future__ import annotations

import contextlib
import gc
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import decide_start
from benchmarks.harness import Row, Setting
from benchmarks.load import mlflow_server, played, service
from benchmarks.load.disk import fdatasync_ms_during
from benchmarks.load.memory_log import MemoryLog
from benchmarks.load.played import Played
from crivo.adapters.http.bodies import parse_decision
from crivo.bootstrap.home import open_home
from crivo.bootstrap.service import champion_bundle
from crivo.decision.degraded import Mode
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import CrivoError
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer
from crivo.flows.decide import DecisionService
from crivo.flows.pending import Pending
from crivo.flows.replica import Replica
from crivo.settings import Settings

#: A million transfers of a hundred thousand payers in eleven days; the quick run: a seventh.
SCALE: Final = "57"
SCALE_QUICK: Final = "8"
BATCH: Final = 100
#: The rate of the overloaded service, as a share of what it was measured to reach.
SHED_SHARE: Final = 0.95
#: How long the last of those that are taken at once may wait.
SHED_WAIT_SECONDS: Final = 0.01

Asked = Sequence[tuple[Transfer, int | None]]
Given = list[Pending[Answer] | CrivoError]


def run(setting: Setting) -> Iterator[Row]:
    """The rows: in process, over HTTP at two rates, in batches, overloaded, and from a start."""
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        world = played.prepare(Path(folder), scale=SCALE_QUICK if setting.quick else SCALE)
        yield setting.row("state: transfers of the past", "transfers", [world.transfers])
        yield setting.row("state: payers of the past", "accounts", [world.payers])
        yield from in_process(setting, world)
        yield from over_http(setting, world)
    yield from decide_start.run(setting)


def in_process(setting: Setting, world: Played) -> Iterator[Row]:
    """Decisions a second of one core, no HTTP and no disk: one by one, and in batches."""
    settings = Settings(home=world.home, policy=service.ROOT / "policy")
    bundle = champion_bundle(settings)
    count = 2_000 if setting.quick else 20_000
    with open_home(settings, writer=False) as home:
        with world.bodies.open("rb") as lines:
            asked = [parse_decision(line, home.pseudonyms)[:2] for line in islice(lines, 6 * count)]
        rates: dict[int, list[float]] = {1: [], BATCH: []}
        late = []
        replica = Replica(bundle.plan)
        replica.catch_up(home.reader, lambda _folded, _end: None)
        # As a service does before it listens: state grows beside answers no more.
        replica.engine.make_room()
    decisions = DecisionService(
        log=MemoryLog(end=replica.folded),
        bundle=bundle,
        clock=LogClock(ClockKind.REPLAY, wall=lambda: 0),
        monotonic_ns=time.perf_counter_ns,
        host="benchmark",
    )
    decisions.recover(lambda _folded, _end: None, start=replica)
    turns = [asked[start : start + count] for start in range(0, len(asked), count)]
    # The first ones wait for what is compiled, and are late for it.
    decide(decisions, turns[0][:200], together=1)
    turns[0] = turns[0][200:]
    for place, turn in enumerate(turns):
        together = BATCH if place % 2 else 1
        taken, given = decide(decisions, turn, together=together)
        late.append(check_whole(given))
        rates[together].append(len(turn) / taken)
    what = "decide in process, one core, log in memory"
    yield setting.row(f"{what}, one by one", "decisions/s", rates[1], at_least=40_000)
    many = f"{what}, batches of {BATCH}"
    yield setting.row(many, "decisions/s", rates[BATCH], at_least=120_000)
    yield setting.row(f"{what}, answered late in a turn", "decisions", late)


def decide(decisions: DecisionService, asked: Asked, *, together: int) -> tuple[float, Given]:
    """Seconds that deciding all of them takes, and what came of each. Garbage is collected before,
    as a service does.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    given: Given = []
    begun = time.perf_counter()
    if together == 1:
        for transfer, received_at in asked:
            given.append(
                decisions.decide(
                    transfer, arrived_ns=time.perf_counter_ns(), supplied_received_at=received_at
                )
            )
    else:
        for start in range(0, len(asked), together):
            part = asked[start : start + together]
            given += decisions.decide_many(part, arrived_ns=time.perf_counter_ns())
    taken = time.perf_counter() - begun
    gc.enable()
    gc.unfreeze()
    return taken, given


def check_whole(given: Given) -> int:
    """How many were late, because the machine did something else for as long as they may take;
    each of the others is a decision with a score and nothing degraded.

    Raises:
        RuntimeError: one is not, or one in a thousand was late; what is quicker for doing less is
            no figure.
    """
    late = 0
    for one in given:
        if isinstance(one, CrivoError):
            raise RuntimeError(f"a transfer was refused: {one}")
        answer = one.result()
        if answer.degraded == (Mode.TIMEOUT,):
            late += 1
        elif answer.score is None or answer.degraded:
            raise RuntimeError(f"decided without a score, or degraded: {answer}")
    if late > len(given) // 1_000:
        raise RuntimeError(f"{late} of {len(given)} were late")
    return late


def over_http(setting: Setting, world: Played) -> Iterator[Row]:
    """A service bound to one core, the load generator to the other."""
    with contextlib.ExitStack() as stack:
        with service.on_core(0):
            running = stack.enter_context(service.running(world.home))
        lines = _Lines(world)
        _ask(running, lines, rate=200, count=400)
        for rate, seconds, targets in (
            (3_000, 16, (1.0, 4.0, 10.0)),
            (4_500, 4, (None, 10.0, None)),
        ):
            yield from at_rate(
                setting, world, running, lines, rate=rate, seconds=seconds, targets=targets
            )
        yield from in_batches(setting, running, lines)
        yield from predictions(setting, world, running)
        capacity = _capacity(setting, running, lines)
    yield setting.row("capacity, 64 callers without a pause, one core", "1/s", [capacity])
    yield from overloaded(setting, world, lines, capacity=capacity)


class _Lines:
    """Which lines of the file were asked already: an id is new once."""

    def __init__(self, world: Played) -> None:
        self.file = world.bodies
        self._left = world.count
        self._next = 0

    def take(self, count: int) -> int:
        """The first of so many lines, which nobody has taken.

        Raises:
            RuntimeError: there are not so many.
        """
        if count > self._left:
            raise RuntimeError(f"{count} transfers are wanted, {self._left} are left")
        first = self._next
        self._next, self._left = first + count, self._left - count
        return first


def _ask(running: Any, lines: _Lines, *, count: int, batch: int = 0, **options: Any) -> Any:
    skip = lines.take(count * max(batch, 1))
    with service.on_core(1):
        return service.load(
            running, bodies=lines.file, skip=skip, count=count, batch=batch, **options
        )


def at_rate(
    setting: Setting,
    world: Played,
    running: Any,
    lines: _Lines,
    *,
    rate: int,
    seconds: int,
    targets: tuple[float | None, float, float | None],
) -> Iterator[Row]:
    """Latency from the instant each request was due, beside the disk's own in the same seconds."""
    runs = 1 if setting.quick else 3
    found, syncs = [], []
    for turn in range(runs):
        count = int(rate * (0.25 if setting.quick else seconds))
        with fdatasync_ms_during(world.home) as during:
            found.append(_ask(running, lines, rate=rate, count=count, seed=turn))
        syncs += during
    yield from rate_rows(setting, found, syncs, rate=rate, targets=targets)


def rate_rows(
    setting: Setting,
    found: Sequence[dict[str, Any]],
    syncs: Sequence[float],
    *,
    rate: int,
    targets: tuple[float | None, float, float | None],
) -> Iterator[Row]:
    """The rows of runs at one rate, and of the syncs (ms) that a thread beside them waited for.

    The last target is asked for only where 999 syncs of 1,000 leave room for it. What was shed has
    no latency, so the share that was decided is a row of its own.
    """
    disk, slowest = (float(np.quantile(syncs, share)) for share in (0.99, 0.999))
    what = f"POST /v1/decisions, {rate:,}/s open loop, one core"
    p50, p99, p999 = targets
    if p50 is not None:
        p99 = max(p99, 2 * disk + 2)
    rows = [("p50", "p50_ms", p50, disk), ("p99", "p99_ms", p99, disk)]
    if p999 is not None and slowest + 2 > p999:
        what_disk, p999 = "disk, whose syncs do not allow the target", None
    else:
        what_disk = "disk"
    for name, key, target, peer in rows:
        values = [each[key] for each in found]
        yield setting.row(
            f"{what}, {name} (peer: disk's p99)", "ms", values, at_most=target, peer=peer
        )
    values = [each["p999_ms"] for each in found]
    tail = f"{what}, p99.9 (peer: p99.9 of the {what_disk})"
    yield setting.row(tail, "ms", values, at_most=p999, peer=slowest)
    shares = [each["statuses"].get("200", 0) / sum(each["statuses"].values()) for each in found]
    yield setting.row(f"{what}, decided of what was asked", "share", shares, at_least=1.0)
    rates = [each["answered_per_second"] for each in found]
    yield setting.row(f"{what}, answered", "1/s", rates, at_least=0.98 * rate)


def in_batches(setting: Setting, running: Any, lines: _Lines) -> Iterator[Row]:
    """Decisions a second in requests of a hundred, four of them under way."""
    count, runs = (5, 1) if setting.quick else (40, 3)
    rates = []
    for _ in range(runs):
        found = _ask(running, lines, rate=0, count=count, batch=BATCH, **_BATCHES)
        rates.append(BATCH * found["answered_per_second"])
    what = f"POST /v1/decisions:batch of {BATCH}, one core"
    yield setting.row(what, "decisions/s", rates, at_least=40_000)


_BATCHES: Final[dict[str, object]] = {"path": "/v1/decisions:batch", "connections": 4}


def predictions(setting: Setting, world: Played, running: Any) -> Iterator[Row]:
    """Latency of `POST /predict` with one row of all inputs of the served model."""
    settings = Settings(home=world.home, policy=service.ROOT / "policy")
    names = champion_bundle(settings).scorer.artifact.input_names
    dice = np.random.default_rng(7)
    file, rate = world.bodies.with_name("rows.jsonl"), 4_000
    seconds, runs = (0.25, 1) if setting.quick else (4, 3)
    with file.open("w", encoding="utf-8") as out:
        for values in dice.lognormal(3.0, 2.0, (1_000, len(names))).round(3).tolist():
            out.write(json.dumps(dict(zip(names, values, strict=True))) + "\n")
    found = []
    for turn in range(runs):
        with service.on_core(1):
            found.append(
                service.load(
                    running, bodies=file, count=1_000, repeat=int(rate * seconds / 1_000),
                    path="/predict", rate=rate, seed=turn,
                )
            )  # fmt: skip
    what = f"POST /predict, one row of {len(names)} inputs, {rate:,}/s open loop, one core"
    yield setting.row(f"{what}, p99", "ms", [each["p99_ms"] for each in found], at_most=5.0)
    rates = [each["answered_per_second"] for each in found]
    yield setting.row(f"{what}, answered", "1/s", rates, at_least=0.99 * rate)
    yield from _beside_mlflow(setting, world, running, file)


def _beside_mlflow(setting: Setting, world: Played, running: Any, file: Path) -> Iterator[Row]:
    """Rows a second to callers who do not pause, beside MLflow's own server of the same model."""
    what = "POST /predict, one row, 8 callers without a pause, one core"
    turns, count = (1, 100) if setting.quick else (3, 400)
    options: dict[str, object] = {"rate": 0, "connections": 8}
    ours, theirs, quick, slow = [], [], [], []
    if not mlflow_server.PROGRAM.exists():
        yield setting.not_run(f"{what} (peer: mlflow models serve)", "1/s", mlflow_server.MISSING)
        return
    asked = file.with_name("invocations.jsonl")
    with file.open(encoding="utf-8") as rows, asked.open("w", encoding="utf-8") as out:
        out.writelines(f'{{"dataframe_records":[{row.strip()}]}}\n' for row in rows)
    with contextlib.ExitStack() as stack:
        with service.on_core(0):
            model = mlflow_server.model_folder(world.home)
            said = file.with_name("mlflow.txt")
            peer = stack.enter_context(mlflow_server.serving(model, said=said))
        service.load(peer, bodies=asked, count=32, path="/invocations", **options)
        for _ in range(turns):
            with service.on_core(1):
                one = service.load(
                    running, bodies=file, count=1_000, repeat=count // 100, path="/predict",
                    **options,
                )  # fmt: skip
                other = service.load(
                    peer, bodies=asked, count=count, path="/invocations", **options
                )
            if set(other["statuses"]) != {"200"}:
                raise RuntimeError(f"the peer did not score every row: {other['statuses']}")
            ours.append(one["answered_per_second"])
            theirs.append(other["answered_per_second"])
            quick.append(one["p50_ms"])
            slow.append(other["p50_ms"])
    rate = float(np.median(theirs))
    yield setting.row(f"{what} (peer: mlflow models serve)", "1/s", ours, peer=rate)
    wait = float(np.median(slow))
    yield setting.row(f"{what}, p50 (peer: the same)", "ms", quick, peer=wait)


def _capacity(setting: Setting, running: Any, lines: _Lines) -> float:
    """Decisions a second that 64 callers get who do not pause."""
    found = _ask(running, lines, rate=0, count=500 if setting.quick else 8_000)
    return float(found["answered_per_second"])


def overloaded(setting: Setting, world: Played, lines: _Lines, *, capacity: float) -> Iterator[Row]:
    """What three times the capacity leaves of it, where the service sheds what is above its rate,
    and what would wait for too many others.

    Both are what whoever runs a service would set: a share of what was measured just before, and
    as many at once as it answers in the time that the last of them may wait (Little's law).
    """
    rate, at_once = SHED_SHARE * capacity, round(SHED_WAIT_SECONDS * capacity)
    with contextlib.ExitStack() as stack:
        with service.on_core(0):
            wanted = {"HTTP__RATE_MAX": f"{rate:.0f}", "HTTP__IN_FLIGHT_MAX": f"{at_once}"}
            running = stack.enter_context(service.running(world.home, **wanted))
        _ask(running, lines, rate=200, count=400)
        seconds = 0.2 if setting.quick else 2.0
        count = int(3 * capacity * seconds)
        found = _ask(
            running, lines, rate=3 * capacity, count=count, connections=900, greet="/health/live"
        )
    accepted = found["statuses"].get("200", 0) / max(found["seconds"], 1e-9)
    what = f"three times the capacity, open loop, a rate of {SHED_SHARE:.0%} of it set, "
    what += f"at most {SHED_WAIT_SECONDS * 1e3:.0f} ms of it at once"
    yield setting.row(
        f"{what}, goodput (peer: capacity)", "1/s", [accepted], at_least=0.9 * capacity,
        peer=capacity,
    )  # fmt: skip
    yield setting.row(f"{what}, p99 of the accepted", "ms", [found["p99_ms"]], at_most=20.0)
