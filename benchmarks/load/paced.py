"""Transfers come into a log in Kafka at a rate: how long each waits for a worker's decision."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from confluent_kafka import Consumer
from numpy.typing import NDArray

from benchmarks.load import service
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.log import KafkaLog, open_kafka_log
from crivo.adapters.kafka.records import headers_of, place_of
from crivo.domain.event import Event
from crivo.domain.streams import Stream

#: Transfers that are decided before the clock runs, while all is cold.
COLD: Final = 1_000
#: Between two submissions.
TICK_SECONDS: Final = 0.002
#: How long the last decision may take after the last transfer.
LAST_SECONDS: Final = 300.0


def waits_ms(
    cluster: Cluster,
    home: Path,
    events: Sequence[Event],
    *,
    rate: float,
    worker_on: int,
    load_on: int,
) -> NDArray[np.float64]:
    """From the submission of each transfer to its decision in a consumer's hand, float64[n] in ms.

    The log was made, and is empty. The worker is a process of its own on that home, on one core;
    writer and consumer are threads of this one, on another (by their places).

    Raises:
        RuntimeError: a transfer was not decided.
    """
    sent, answered = (np.zeros(len(events), np.int64) for _ in range(2))
    with (
        _worker(cluster, home, on=worker_on),
        service.on_core(load_on),
        closing(open_kafka_log(cluster, clock=None, partitions=None, new_log_id="paced")) as log,
        _taking(cluster, answered),
    ):
        log.append(events[:COLD])
        _await(answered[:COLD])
        _submit(log, events, sent, rate=rate)
        _await(answered)
    return (answered[COLD:] - sent[COLD:]) / 1e6


def _submit(
    log: KafkaLog, events: Sequence[Event], sent: NDArray[np.int64], *, rate: float
) -> None:
    failures: list[Exception] = []

    def done(failure: Exception | None) -> None:
        if failure is not None:
            failures.append(failure)

    begun, at = time.perf_counter(), COLD
    while at < len(events) and not failures:
        due = min(COLD + int((time.perf_counter() - begun) * rate), len(events))
        if due > at:
            sent[at:due] = time.perf_counter_ns()
            log.submit(events[at:due], done)
            at = due
        time.sleep(TICK_SECONDS)
    if failures:
        raise failures[0]


def _await(answered: NDArray[np.int64]) -> None:
    until = time.monotonic() + LAST_SECONDS
    while not answered.all():
        if time.monotonic() > until:
            raise RuntimeError(f"{np.count_nonzero(answered)} of {len(answered)} were decided")
        time.sleep(0.01)


@contextmanager
def _worker(cluster: Cluster, home: Path, *, on: int) -> Iterator[None]:
    """A worker on the core of that place, which ends in order afterwards."""
    command = [sys.executable, "-m", "crivo", "decide", "--home", str(home)]
    with service.on_core(on):
        process = subprocess.Popen(
            [*command, "--log", f"kafka://{cluster.brokers}"],
            env={**service.environment(home), "CRIVO_SNAPSHOTS__ENABLED": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _taking(cluster: Cluster, answered: NDArray[np.int64]) -> Iterator[None]:
    """Notes, in a thread, when the decision of each number came first."""
    ended = threading.Event()

    def take() -> None:
        options = {"group.id": "paced", "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5}
        consumer = Consumer({**cluster.options(), **options})
        consumer.subscribe([cluster.named(Stream.DECISIONS.value)])
        while not ended.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            place = place_of(headers_of(message))
            if place is not None and place.is_answer and not answered[place.number]:
                answered[place.number] = time.perf_counter_ns()
        consumer.close()

    thread = threading.Thread(target=take, name="taking")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
