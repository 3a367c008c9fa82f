"""Following a log in Kafka: answers are held back while others come, numbered decisions never."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka import tail as tails
from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.records import answer_of
from crivo.adapters.kafka.tail import Tail
from crivo.domain.streams import Stream
from tests.ports.kafka_logs import new_space, open_log_in
from tests.ports.logs import event

pytestmark = pytest.mark.slow

#: A test waits so long for what is to come.
SECONDS_MAX = 30


@pytest.fixture
def cluster(kafka, monkeypatch):
    monkeypatch.setattr(tails, "PASSED_OVER_MAX", 5)
    return new_space(kafka.cluster)


def answer(cluster, numbers):
    """Answers of workers, which bear no number of their own."""
    producer = Producer(cluster.options())
    for number in numbers:
        each = event(1_000 + number, stream=Stream.DECISIONS)
        row = (
            number, each.stream.value, number % 4, 0, each.event_id, each.key, each.occurred_at,
            each.received_at, each.schema, each.source, each.payload, None,
        )  # fmt: skip
        record = answer_of(row, cause=bytes(16))
        topic = cluster.named(row[1])
        producer.produce(topic, record.value, record.key, row[2], headers=record.headers)
    assert producer.flush(SECONDS_MAX) == 0


def ends_of(cluster):
    return {part: end for part, (_, end) in read_ends(cluster, 4).items()}


def following(cluster):
    return closing(Tail(cluster, 4, start=0, cipher=None))


def follow_until(tail, is_there, *, patience=0.1):
    """What comes until a condition holds; who waits long enough is never idle while events come."""
    found, until = [], time.monotonic() + SECONDS_MAX
    while not is_there(found):
        assert time.monotonic() < until, f"{len(found)} events, and no more"
        found += tail.take(9, patience)
    return [each.event for each in found]


def have_it_hold(cluster, log, tail):
    """Has it pass over answers, and then take an event, so that it holds answers back."""
    answer(cluster, range(10))
    ends = ends_of(cluster)
    follow_until(tail, lambda _: tail.has_reached(ends))
    log.append([event(0)])
    assert follow_until(tail, bool, patience=10) == [event(0)]


def test_answers_are_held_back_while_events_come_and_read_when_none_do(cluster):
    with closing(open_log_in(cluster)) as log, following(cluster) as tail:
        have_it_hold(cluster, log, tail)
        answer(cluster, range(10, 20))
        ends = ends_of(cluster)
        sent = [event(number) for number in range(1, 30)]
        log.append(sent)
        assert follow_until(tail, lambda found: len(found) == len(sent), patience=10) == sent
        assert not tail.has_reached(ends), "answers were read beside events"
        assert follow_until(tail, lambda _: tail.has_reached(ends)) == []


def test_a_numbered_decision_comes_in_its_place_though_answers_were_held_back(cluster):
    with closing(open_log_in(cluster)) as log, following(cluster) as tail:
        have_it_hold(cluster, log, tail)
        sent = [
            event(number, stream=Stream.DECISIONS if number % 3 else Stream.HISTORY)
            for number in range(1, 30)
        ]
        log.append(sent)
        assert follow_until(tail, lambda found: len(found) == len(sent)) == sent


def test_sabotage_a_follower_that_held_decisions_for_good_would_stand_still(cluster, monkeypatch):
    monkeypatch.setattr(Tail, "_hold_or_not", lambda tail, *, is_idle: None)
    with closing(open_log_in(cluster)) as log, following(cluster) as tail:
        tail._intake.hold(tail._dispensable)
        log.append([event(0), event(1, stream=Stream.DECISIONS), event(2)])
        assert follow_until(tail, bool) == [event(0)]
        assert tail.take(9, 2) == []
