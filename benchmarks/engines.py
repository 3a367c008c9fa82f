"""The log in Kafka: a worker's decisions a second, and the way of a record through brokers.

What Spark does of it, the lake, and the machines that all of it asks for are benchmarks of their
own: `spark`, `lake` and `capacity`. None is to be given precedence over the brokers that it asks: a
producer that has it starves them.

Whoever answers has a core, and the broker has the other with whoever produces (`pinned`); each such
row says so beside its machine. Peers score with the trees of the worker's champion.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from lightgbm import Booster

from benchmarks.harness import Row, Setting
from benchmarks.load import paced, plain_loop, service, streams
from benchmarks.load.champion import booster_of
from benchmarks.load.kafka_logs import (
    JARS,
    PARTITIONS,
    make_log,
    past_transfers,
    wait_for_decisions,
)
from benchmarks.load.shares import shares
from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import record_of
from crivo.adapters.kafka.tail import Tail
from crivo.adapters.kafka.worker import TURN_EVENTS, TURN_SECONDS
from crivo.bootstrap.service import champion_bundle
from crivo.bootstrap.worker import Deciding, decide
from crivo.domain.errors import Refused
from crivo.domain.event import Event
from crivo.flows.answering import Answering
from crivo.flows.event_rows import row_of
from crivo.flows.replica import Replica
from crivo.settings import Settings, load_settings

#: Which core is whose, by its place among those that this process may use.
ANSWERS_ON: Final = 0
BROKER_ON: Final = 1

#: Transfers that wait for a worker.
TRANSFERS: Final = 60_000
TRANSFERS_QUICK: Final = 40_000

#: Transfers a second that come to a worker, and how many of them; the first rate has targets.
PACES: Final = (10_000, 1_000)
PACED: Final = 30_000
PACED_QUICK: Final = 6_000
WAIT_MS_P99: Final = 25.0
WAIT_MS_P999: Final = 100.0

#: Records a second on the way from a producer to a consumer, their bytes, and for how long.
RATE: Final = 5_000
RECORD_BYTES: Final = 200
WAY_SECONDS: Final = 20.0
WAY_SECONDS_QUICK: Final = 4.0
#: Sent before all others.
_FIRST: Final = b"first"
#: What is left out at the beginning, while all is cold.
COLD_SECONDS: Final = 2.0


def run(setting: Setting) -> Iterator[Row]:
    """The rows: the machine's load, a worker's rate, the way through one broker and three."""
    yield setting.row("load of the machine before", "processes", [os.getloadavg()[0]])
    yield from _worker(setting)
    for count in (1, 3):
        yield from _way(setting, count)


def pinned(setting: Setting) -> Setting:
    """The setting of rows in which whoever answers has a core, and broker and load the other."""
    if not hasattr(os, "sched_getaffinity"):
        return setting  # where `service.on_core` binds nothing
    cores = sorted(os.sched_getaffinity(0))
    mine, brokers = (cores[place % len(cores)] for place in (ANSWERS_ON, BROKER_ON))
    words = f"who answers on core {mine}, broker and load on core {brokers}"
    return replace(setting, machine=f"{setting.machine}; {words}")


def _worker(setting: Setting) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        home = service.prepare_home(Path(folder), scale="1.8")
        events = past_transfers(home, TRANSFERS_QUICK if setting.quick else TRANSFERS)
        size = statistics.fmean(len(each.payload) for each in events)
        yield setting.row("payload of a transfer", "bytes", [size])
        whole = statistics.fmean(record_bytes(each) for each in events)
        yield setting.row("its whole record: key, value and headers", "bytes", [whole])
        model = booster_of(champion_bundle(_settings(home)).artifact)
        setting = pinned(setting)
        yield from _streams(setting, Path(folder), events, model)
        beside, cpu_beside = _runs(
            setting, Path(folder), events, lambda cluster: _plain(cluster, model, events)
        )
        yield setting.row("a plain loop of a client and LightGBM", "answers/s", beside)
        peers = statistics.median(beside), statistics.median(cpu_beside)
        for exactly_once in (False, True):
            decided = partial(_decided, home, events=events, exactly_once=exactly_once)
            rates, cpu = _runs(setting, Path(folder), events, decided)
            mode = "exactly once" if exactly_once else "plain"
            what = f"worker, Kafka to Kafka, {mode}"
            target = None if exactly_once else 70_000.0
            yield setting.row(what, "decisions/s", rates, at_least=target, peer=peers[0])
            each = f"{what}, a second of processor time"
            yield setting.row(each, "decisions/s", cpu, peer=peers[1])
        _, folded = _runs(setting, Path(folder), events, partial(_folded, home, count=len(events)))
        yield setting.row(
            "worker that folds what others answer, a second of processor time", "events/s", folded
        )
        yield from _waits(setting, Path(folder), home, events)


def record_bytes(event: Event) -> int:
    """The bytes of an event's record, without what brokers frame batches of records with."""
    record = record_of(row_of(event, seq=0, partition=0))
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key) + len(record.value) + headers


def _streams(setting: Setting, folder: Path, events: list[Event], model: Booster) -> Iterator[Row]:
    """What Quix Streams makes of the same transfers, in an environment of its own."""
    found = []
    for cluster in _clusters(setting, folder):
        with service.on_core(BROKER_ON):
            wait_for_decisions(cluster, events)
        with service.on_core(ANSWERS_ON):
            found.append(streams.answer_all(cluster, model, len(events)))
        if isinstance(found[-1], str):
            yield setting.not_run("Quix Streams and LightGBM", "answers/s", found[-1])
            return
    what = f"Quix Streams {found[0].version} and LightGBM, a transfer at a time"
    yield setting.row(what, "answers/s", [each.rate for each in found])
    cpu = [each.processor_rate for each in found]
    yield setting.row(f"{what}, a second of processor time", "answers/s", cpu)


def _waits(setting: Setting, folder: Path, home: Path, events: list[Event]) -> Iterator[Row]:
    """How long transfers that come at a rate wait for their decision."""
    some = events[: PACED_QUICK if setting.quick else PACED]
    for pace in PACES:
        found = []
        for cluster in _clusters(setting, folder):
            make_log(cluster).close()
            on = {"worker_on": ANSWERS_ON, "load_on": BROKER_ON}
            waits = paced.waits_ms(cluster, home, some, rate=pace, **on)
            found.append(waits)
        is_aimed_at = pace == PACES[0]
        for name, share, target in (("p99", 99.0, WAIT_MS_P99), ("p99.9", 99.9, WAIT_MS_P999)):
            what = f"submission to decision at {pace:,}/s, {name}"
            values = [float(np.percentile(each, share)) for each in found]
            yield setting.row(what, "ms", values, at_most=target if is_aimed_at else None)


def _runs(
    setting: Setting,
    folder: Path,
    events: list[Event],
    measured: Callable[[Cluster], tuple[float, float]],
) -> tuple[list[float], list[float]]:
    """The rates of some runs, by the clock and by processor time, each on a log of its own."""
    found = []
    for cluster in _clusters(setting, folder):
        with service.on_core(BROKER_ON):
            wait_for_decisions(cluster, events)
        with service.on_core(ANSWERS_ON):
            found.append(measured(cluster))
    return [wall for wall, _ in found], [cpu for _, cpu in found]


def _clusters(setting: Setting, folder: Path) -> Iterator[Cluster]:
    """A broker of its own for each run, on its core, while it runs."""
    for _ in range(1 if setting.quick else 3):
        with ExitStack() as held:
            with service.on_core(BROKER_ON):
                folder_of = folder / f"kafka-{time.monotonic_ns()}"
                brokers = held.enter_context(running(folder_of, JARS))
            yield brokers.cluster


def _plain(cluster: Cluster, model: Booster, events: list[Event]) -> tuple[float, float]:
    return plain_loop.answer_all(cluster, model, len(events))


def _decided(
    home: Path, cluster: Cluster, *, events: list[Event], exactly_once: bool
) -> tuple[float, float]:
    """Decisions a second of a worker between its first publication and its last: by the clock, by
    processor time of all its threads.
    """
    names = {"CRIVO_HOME": str(home), "CRIVO_LOG__URL": f"kafka://{cluster.brokers}"}
    settings = load_settings(
        {**names, "CRIVO_POLICY": str(service.ROOT / "policy"), "CRIVO_SNAPSHOTS__ENABLED": "false"}
    )
    done = decide(settings, Deciding(exactly_once, until_end=True), should_stop=lambda: False)
    if done.decided != len(events):
        raise RuntimeError(f"{done.decided} of {len(events)} transfers were decided")
    if not done.steadily:
        raise RuntimeError(f"{done.decided} transfers were too few publications for a rate")
    return done.steadily / done.seconds, done.steadily / done.processor_seconds


def _folded(home: Path, cluster: Cluster, *, count: int) -> tuple[float, float]:
    """Events a second that a worker reads and folds without answering one, after the first turn."""
    bundle = champion_bundle(_settings(home))
    replica = Replica(bundle.plan)
    replica.engine.make_room()
    answering = Answering(bundle, "benchmark", replica, monotonic_ns=time.perf_counter_ns, host="")
    begun: tuple[int, float, float] | None = None
    tail = Tail(
        cluster, PARTITIONS, start=0, cipher=None, foreign=lambda _message, why: _raise(why)
    )
    with closing(tail):
        while answering.folded < count:
            events = tail.take(TURN_EVENTS, TURN_SECONDS)
            if events:
                answering.take(events, is_asked=lambda _: False)
                begun = begun or (answering.folded, time.perf_counter(), time.process_time())
    assert begun is not None, "something was folded"
    later = count - begun[0]
    return later / (time.perf_counter() - begun[1]), later / (time.process_time() - begun[2])


def _settings(home: Path) -> Settings:
    return load_settings({"CRIVO_HOME": str(home), "CRIVO_POLICY": str(service.ROOT / "policy")})


def _raise(why: Refused) -> None:
    raise why


def _way(setting: Setting, count: int) -> Iterator[Row]:
    """From the producer's call to the consumer's, of a record that `count` brokers hold."""
    seconds = WAY_SECONDS_QUICK if setting.quick else WAY_SECONDS
    with (
        tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder,
        running(Path(folder), JARS, count=count) as brokers,
    ):
        admin = AdminClient(brokers.cluster.options())
        config = {"min.insync.replicas": str(min(2, count))}
        admin.create_topics([NewTopic("way", PARTITIONS, count, config=config)])["way"].result(30)
        at_work = {f"broker {at}": node.pid for at, node in enumerate(brokers.nodes, 1)}
        with shares({**at_work, "producer and consumer": os.getpid()}) as shared:
            taken_ms = _taken_ms(brokers.cluster, seconds)
    said = f"produce to consume at {RATE:,}/s, {count} broker{'s' * (count > 1)}"
    targets = (5.0, 20.0) if count == 1 else (None, None)
    for name, share, target in zip(("p99", "p99.9"), (99.0, 99.9), targets, strict=True):
        found = float(np.percentile(taken_ms, share))
        yield setting.row(f"{said}, {name}", "ms", [found], at_most=target)
    for name, share in shared.found.items():
        yield setting.row(f"{said}, share of a core: {name}", "of 1", [share])


def _taken_ms(cluster: Cluster, seconds: float) -> list[float]:
    sent = int(RATE * (seconds + COLD_SECONDS))
    found: list[float] = []
    consumer = Consumer(
        {
            **cluster.options(),
            "group.id": "way",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 5,
        }
    )
    consumer.subscribe(["way"])
    warm = threading.Event()
    seen = 0

    def take() -> None:
        nonlocal seen
        until = time.monotonic() + 3 * seconds + 60
        while seen < sent and time.monotonic() < until:
            message = consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            value = message.value() or b""
            if value == _FIRST:
                warm.set()
                continue
            seen += 1
            if int.from_bytes(value[8:16], "big") >= RATE * COLD_SECONDS:
                found.append((time.perf_counter_ns() - int.from_bytes(value[:8], "big")) / 1e6)

    taking = threading.Thread(target=take)
    taking.start()
    _produce(cluster, sent, warm)
    taking.join()
    consumer.close()
    if seen != sent:
        raise RuntimeError(f"{seen} of {sent} records came")
    return found


#: Records that a producer holds at most: the client's own limit is 100,000.
QUEUED_MAX: Final = 50_000


def _produce(cluster: Cluster, count: int, warm: threading.Event) -> None:
    """Sends the records at their rate, once the first has found its way: whoever joins a group of a
    broker that has just begun, or writes there, waits a second or more for its coordinators.
    """
    producer = Producer(
        {**cluster.options(), "acks": "all", "enable.idempotence": True, "linger.ms": 2}
    )
    producer.produce("way", _FIRST)
    producer.flush(30)
    if not warm.wait(60):
        raise RuntimeError("the first record did not come")
    begun = time.perf_counter_ns()
    for number in range(count):
        due = begun + number * 1_000_000_000 // RATE
        ahead = (due - time.perf_counter_ns()) / 1e9
        if ahead > 0.001:
            time.sleep(ahead)
        value = due.to_bytes(8, "big") + number.to_bytes(8, "big") + bytes(RECORD_BYTES - 16)
        # Brokers that do not keep up make the sender wait; the time counts from when it was due.
        while len(producer) >= QUEUED_MAX:
            producer.poll(0.01)
        producer.produce("way", value, partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush(30)
