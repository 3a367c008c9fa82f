"""A process of Spark's that catches up knows what was answered, not what it would answer now."""

from __future__ import annotations

import time

import msgspec
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.spark.kept import Kept
from crivo.bootstrap import spark
from crivo.bootstrap.service import champion_bundle
from crivo.decision.record import decode_derived, decode_record, encode_derived
from crivo.domain.clock import ClockKind
from crivo.domain.event import StoredEvent
from crivo.flows.answering import Answering
from crivo.flows.ports import Manifest
from crivo.flows.replica import Replica
from tests.e2e.homes import settings_of
from tests.integration.workers import make_decided_home, waiting_of

COUNT = 120


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_decided_home(tmp_path_factory.mktemp("home"), COUNT)


@pytest.fixture(scope="module")
def log(home):
    """The events of a log as they were before anything was decided."""
    return [StoredEvent(at, 0, at, event) for at, event in enumerate(waiting_of(home))]


def answering(home):
    """Knows of nothing yet, and decides by today's champion."""
    bundle = champion_bundle(settings_of(home))
    replica = Replica(bundle.plan)
    replica.engine.make_room()
    return Answering(bundle, "log", replica, monotonic_ns=time.perf_counter_ns, host="")


def rejected(event):
    """The decision of another champion, which rejects."""
    record = decode_record(event.payload)
    derived = msgspec.structs.replace(decode_derived(record.derived), outcome="REJECT")
    told = msgspec.structs.replace(record, derived=encode_derived(derived))
    return event._replace(payload=msgspec.msgpack.encode(told))


@pytest.fixture(scope="module")
def answers(home, log):
    """What another champion answered, but for the newest transfer, which waits for its answer."""
    made = answering(home).take(log, is_asked=lambda _: True)
    return [(each.transfer.seq, rejected(each.events[0])) for each in made[:-1]]


class Tail:
    """The log from a number on, as a client of Kafka gives it."""

    def __init__(self, log):
        self._log = log

    def __call__(self, _cluster, _partitions, *, start, cipher):
        self._next = start
        return self

    def take(self, limit, _seconds):
        some = self._log[self._next : self._next + limit]
        self._next += len(some)
        return some

    def close(self):
        """Nothing is open."""


def caught_up(monkeypatch, tmp_path, home, log, answers, state):
    """The state of a process that had this one, and reads the rest of the log."""
    monkeypatch.setattr(spark, "Tail", Tail(log))
    monkeypatch.setattr(spark, "read_answers", lambda *_: answers)
    manifest = Manifest("log", ClockKind.REPLAY, 1)
    kept = Kept(tmp_path / "kept")
    decider = spark.Decider(
        settings_of(home), Cluster("127.0.0.1:1"), manifest, "job", kept, bronze=None
    )
    decider._catch_up(state, len(log))
    return sums(state)


def sums(state):
    """What is known of payers' attempts and of how they ended, in an order of its own."""
    return state.snapshot().arrays["account_sums_and_cash"].tobytes()


@pytest.mark.parametrize("known", [0, 50])
def test_state_is_the_one_of_what_was_answered_whoever_is_champion_now(
    monkeypatch, tmp_path, home, log, answers, known
):
    """Law: a transfer that was rejected uses no limit of its payer's later ones."""
    numbers = {number for number, _ in answers}
    expected = answering(home)
    expected.remember(answers)
    expected.take(log, is_asked=lambda stored: stored.seq not in numbers)
    state = answering(home)
    if known:
        before = [(number, event) for number, event in answers if number < known]
        state.remember(before)
        state.take(log[:known], is_asked=lambda _: False)
    found = caught_up(monkeypatch, tmp_path, home, log, answers, state)
    assert found == sums(expected)
    # Sabotage: a state that decides all of it anew would be noticed.
    anew = answering(home)
    anew.take(log, is_asked=lambda _: True)
    assert sums(anew) != found


def test_of_two_answers_to_one_transfer_the_first_stands(monkeypatch, tmp_path, home, log, answers):
    champion = answering(home).take(log, is_asked=lambda _: True)
    second = [(each.transfer.seq, each.events[0]) for each in champion]
    once = caught_up(monkeypatch, tmp_path, home, log, answers, answering(home))
    twice = caught_up(monkeypatch, tmp_path, home, log, [*answers, *second], answering(home))
    assert once == twice
