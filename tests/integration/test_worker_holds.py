"""Holds of workers on a real broker: each whose time is over has one end, whoever is killed."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from crivo.adapters.kafka.log import open_kafka_log
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.bootstrap.home import Paths, record_cipher
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import decode_derived
from crivo.domain.clock import ClockKind
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream
from crivo.flows.codec import decode_transfer
from crivo.flows.event_of import value_of
from crivo.governance.record_cipher import Rotation
from tests.integration.workers import (
    Feeding,
    assert_as_served,
    await_settled,
    decide_rest,
    decided,
    served,
    start,
)
from tests.ports.kafka_logs import open_log_in

pytestmark = pytest.mark.slow

MODES = pytest.mark.parametrize("mode", [(), ("--exactly-once",)], ids=["plain", "exactly-once"])


def ends_in(home, where):
    """The ends of holds in a log, each once, and how many records of it came again."""
    await_settled(where)
    cipher = record_cipher(Paths(home), Rotation())
    with closing(KafkaLogReader(where, cipher=cipher)) as reader:
        found = reader.read(start=0, limit=100_000, streams=frozenset({Stream.DECISIONS}))
        events = [each.event for each in found if each.event.schema == "hold_end.v1"]
        return [value_of(each) for each in events], reader.doubles


def owed(home, waiting, *, now):
    """The ends of what the service held, by its records, that are due by then."""
    asked = {}
    for each in waiting:
        if each.stream is Stream.TRANSFERS:
            value = decode_transfer(each.payload)
            asked[value.end_to_end_id] = value.payer_id
    holds = {id_: decode_derived(each).hold for id_, each in served(home).items()}
    return {
        HoldEnd(id_, Phase.INITIATION, asked[id_], hold.until, OUTCOMES[hold.ends_as])
        for id_, hold in holds.items()
        if hold is not None and hold.until <= now
    }


@MODES
def test_a_hold_whose_time_is_over_has_one_end_though_workers_are_killed(
    capsys, monkeypatch, home, cluster, waiting, mode
):
    """Law: by the log's time, once for readers, and in one transaction once at all."""
    open_log_in(cluster).close()
    half = len(waiting) // 2
    for some in (waiting[:half], waiting[half:]):
        with ExitStack() as running:
            worker = start(running, home, cluster, *mode)
            worker.await_assigned()
            before = decided(cluster)
            with Feeding(cluster, some):
                worker.await_so(lambda aim=before + 20: decided(cluster) >= aim)
                worker.kill()
    decide_rest(capsys, monkeypatch, home, cluster, *mode)
    found, doubles = ends_in(home, cluster)
    expected = owed(home, waiting, now=max(each.received_at for each in waiting))
    assert len(expected) > 5
    assert set(found) == expected
    assert len(found) == len(expected)
    if mode:
        assert doubles == 0
    assert_as_served(home, cluster)
    # Sabotage: an end that nobody told would be missed.
    assert set(found[1:]) != expected


def test_a_hold_of_a_log_that_stands_still_ends_by_the_clock(home, cluster, waiting):
    """Law: on a wall clock time goes by, whether events come or not."""
    held = {id_ for id_, each in served(home).items() if decode_derived(each).hold is not None}
    at, first = next(
        (at, decode_transfer(each.payload))
        for at, each in enumerate(waiting)
        if each.stream is Stream.TRANSFERS and decode_transfer(each.payload).end_to_end_id in held
    )
    log = open_kafka_log(cluster, clock=ClockKind.WALL, partitions=4, new_log_id="test")
    with closing(log), ExitStack() as running:
        worker = start(running, home, cluster)
        log.append(waiting[: at + 1])
        worker.await_so(lambda: ends_in(home, cluster)[0])
    (found,), _ = ends_in(home, cluster)
    assert found.end_to_end_id == first.end_to_end_id
    assert found.occurred_at > max(each.received_at for each in waiting[: at + 1])
