"""Failures drawn from a seed strike a worker and its brokers, one upon the other.

Whatever they are, it decides as the service did. One turn runs with all tests; the long form, asked
for by `FAILURES_SECONDS`, has turns for as long as that says.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack, closing, suppress

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from tests.integration.test_dead_letters import event
from tests.integration.test_worker_failures import produce
from tests.integration.workers import (
    assert_as_served,
    await_answered,
    await_settled,
    refused_of,
    start,
)
from tests.outages import SECONDS_MAX, await_so, bring_back
from tests.ports.kafka_logs import forget_space, new_space, open_log_in

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("FAILURES_SECONDS", "0"))
#: Of the first turn; each turn has the next one.
SEED = int(os.environ.get("FAILURES_SEED", "1"))

FAILURES_OF_A_TURN = 3
EXACTLY_ONCE = "--exactly-once"


def is_whole(brokers):
    """Whether each record is held by all brokers that should; not, where none says so."""
    with suppress(KafkaException):
        topics = AdminClient(brokers.cluster.options()).list_topics(timeout=SECONDS_MAX).topics
        partitions = [each for topic in topics.values() for each in topic.partitions.values()]
        return all(len(each.isrs) == len(each.replicas) for each in partitions)
    return False


class Turn:
    """A worker on a log of its own, and what strikes it."""

    def __init__(self, held, brokers, home, waiting, seed):
        self.seed, self.dice = seed, random.Random(seed)
        self.brokers, self.home, self.held = brokers, home, held
        self.cluster = new_space(brokers.cluster, replicas=brokers.count)
        self.mode = self.dice.choice([[], [EXACTLY_ONCE]])
        self.log = held.enter_context(closing(open_log_in(self.cluster)))
        self.events, self.fed, self.poison = waiting, 0, set()
        self.begin()

    def begin(self):
        """A worker begins."""
        self.worker = start(self.held, self.home, self.cluster, *self.mode)
        self.worker.await_assigned()

    def feed(self, count):
        """The next events are on their way into the log, as far as it takes some: after an attempt
        that failed it does not, and the same are sent again with the next.
        """
        until = min(len(self.events), self.fed + count)
        while self.fed < until:
            some = self.events[self.fed : min(self.fed + 10, until)]
            try:
                self.log.submit(some, lambda _failure: None)
            except Unavailable as refused:
                if refused.code is not Code.LOG_UNAVAILABLE:
                    raise
                return
            self.fed += len(some)

    def is_fed(self):
        """Whether the log has taken all events, which are sent again where it has not."""
        self.feed(len(self.events))
        return self.fed == len(self.events)

    def await_fed(self):
        """Until the log holds all that was fed, and brokers have marked it."""
        await_so(lambda: self.log.end() == self.fed)
        await_settled(self.cluster, SECONDS_MAX)

    def await_whole(self):
        """Until every broker holds every record again: what follows strikes one of them alone."""
        await_so(lambda: is_whole(self.brokers))

    def pause(self, seconds):
        """Some time goes by, at most so long."""
        time.sleep(self.dice.uniform(0.0, seconds))

    def suffer(self, failures):
        """Some of the failures strike, one upon the other, while events come."""
        drawn = self.dice.choices(failures, k=FAILURES_OF_A_TURN)
        names = ", ".join(each.__name__ for each in drawn)
        print(f"FAILURES_SEED={self.seed} {' '.join(self.mode)} {names}", flush=True)
        for strike in drawn:
            self.feed(self.dice.randrange(20, 120))
            self.pause(2)
            strike(self)

    def end(self):
        """All that waits is answered; nothing is missing, and nothing is there that should not."""
        await_so(self.is_fed)
        self.await_fed()
        await_answered(self.cluster, self.worker)
        self.worker.stopped()
        doubles = assert_as_served(self.home, self.cluster)
        assert EXACTLY_ONCE not in self.mode or doubles == 0
        assert {
            each.value for each in read_dead_letters(self.cluster, refused_of(self.home))
        } == self.poison


def a_broker_is_killed(turn):
    if turn.brokers.count == 1:
        # Between a commit and its marks it may never mark (docs/how-to/topics.md).
        turn.await_fed()
        if turn.mode:
            await_answered(turn.cluster, turn.worker)
    node = turn.dice.choice(turn.brokers.nodes)
    turn.brokers.kill(node)
    turn.feed(20)
    turn.pause(5)
    bring_back(turn.brokers, node)
    turn.await_whole()


def a_broker_is_silent(turn):
    node = turn.dice.choice(turn.brokers.nodes)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        turn.feed(20)
        turn.pause(12)
    finally:
        os.kill(node.pid, signal.SIGCONT)
    turn.await_whole()


def the_worker_is_killed(turn):
    turn.worker.kill()
    turn.feed(20)
    turn.pause(2)
    turn.begin()


def somebody_leaves_a_transaction_open(turn):
    name = turn.cluster.named(f"left-{turn.fed}")
    options = {"transactional.id": name, "transaction.timeout.ms": 5_000}
    stranger = Producer({**turn.cluster.options(), **options})
    stranger.init_transactions(SECONDS_MAX)
    stranger.begin_transaction()
    stranger.produce(turn.cluster.named(Stream.DECISIONS.value), b"begun", partition=1)
    assert stranger.flush(SECONDS_MAX) == 0


def poison_comes(turn):
    value = b"no event %d" % turn.fed
    produce(turn.cluster, (None, value, []))
    turn.poison.add(value)


FAILURES = (
    a_broker_is_killed,
    a_broker_is_silent,
    the_worker_is_killed,
    somebody_leaves_a_transaction_open,
    poison_comes,
)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Workers wait as long as tests do."""
    monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", str(SECONDS_MAX))


def test_whatever_strikes_a_worker_decides_as_the_service_did(kafka, home, waiting, tmp_path):
    begun, turns = time.monotonic(), 0
    with running(tmp_path / "brokers", kafka.jars) as brokers:
        while True:
            with ExitStack() as held:
                turn = Turn(held, brokers, home, waiting, SEED + turns)
                turn.suffer(FAILURES)
                turn.end()
            turns += 1
            if time.monotonic() - begun >= SECONDS:
                break
            forget_space(turn.cluster)
        print(f"{turns} turns, {turns * FAILURES_OF_A_TURN} failures", flush=True)
        # Sabotage: a transfer that nobody answers would be noticed.
        with closing(open_log_in(turn.cluster)) as log:
            log.append([event(1_000_000)])
        with pytest.raises(AssertionError, match="one answer a transfer"):
            assert_as_served(home, turn.cluster)
