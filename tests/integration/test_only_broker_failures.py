"""The only broker is killed while a worker decides: it goes on by itself."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

import pytest
from confluent_kafka import Consumer, TopicPartition

from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.client import committed_in, patiently
from crivo.adapters.kafka.publisher import ExactPublisher
from crivo.adapters.kafka.publishing import Publishing, Turn
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from tests.integration.workers import (
    assert_as_served,
    assert_nothing_twice,
    await_answered,
    await_decided,
    make_decided_home,
    start,
    waiting_of,
)
from tests.ports.kafka_logs import new_space, open_log_in

pytestmark = pytest.mark.slow

#: Of whatever is waited for, on a machine that does much else.
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_decided_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def waiting(home):
    return waiting_of(home)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Workers wait as long as tests do: on a busy machine a broker takes minutes to be back."""
    monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", str(SECONDS_MAX))


@pytest.fixture(scope="module")
def brokers(kafka, tmp_path_factory):
    """A cluster of one broker, which tests end."""
    with running(tmp_path_factory.mktemp("one"), kafka.jars) as own:
        yield own


@pytest.fixture
def node(brokers):
    """The only broker; it runs again when the test has ended."""
    (node,) = brokers.nodes
    yield node
    if node.process.poll() is not None:
        bring_back(brokers)


def bring_back(brokers):
    """Starts the broker that ended, and waits until it answers."""
    (node,) = brokers.nodes
    brokers.start_one(node)
    await_so(lambda: brokers.answers(node))


def await_so(is_so):
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def submit(log, events):
    """Hands events to the log's writer, bit by bit, which tries until they are there."""
    for at in range(0, len(events), 10):
        log.submit(events[at : at + 10], lambda _failure: None)


def member_of(cluster):
    options = {"group.id": cluster.named("movers"), "enable.auto.commit": False}
    return Consumer({**cluster.options(), **options})


def joined(group, topic):
    """The place of a partition that the group has given its only member."""
    group.subscribe([topic])
    await_so(lambda: group.poll(0) is None and group.assignment())
    return TopicPartition(topic, 2)


def committed(cluster, group, place):
    """What the group has committed; a client may not hear of a coordinator that is back at once."""
    patient = replace(cluster, outage_seconds=SECONDS_MAX)
    (found,) = patiently(patient, partial(committed_in, cluster, group, [place])).values()
    return found


def exactly_once(cluster, group, topic, told):
    return Publishing(ExactPublisher(cluster, 4, list, name="exact"), group, topic, told)


def test_a_transaction_that_a_killed_broker_left_open_is_taken_back_and_the_next_is_there(
    brokers, node, caplog
):
    cluster, told = new_space(brokers.cluster), []
    with closing(member_of(cluster)) as group:
        place = joined(group, cluster.named(Stream.TRANSFERS.value))
        publishing = exactly_once(cluster, group, place.topic, told.append)
        publishing.put(Turn([], {2: 7}))
        publishing.drain()
        brokers.kill(node)
        publishing.put(Turn([], {2: 9}))
        await_so(lambda: "worker.taken_back" in caplog.messages)
        bring_back(brokers)
        await_so(publishing.was_taken_back)
        assert (committed(cluster, group, place), len(told)) == (7, 1)
        await_so(lambda: group.poll(0) is None and group.assignment())
        publishing.put(Turn([], {2: 9}))
        publishing.drain()
        assert (committed(cluster, group, place), len(told)) == (9, 2)
        publishing.close()


def test_who_was_idle_while_the_broker_was_away_publishes_as_ever(brokers, node):
    """A client whose coordinator was away may wait for it for good: it is not waited for."""
    cluster, told = new_space(brokers.cluster), []
    with closing(member_of(cluster)) as group:
        place = joined(group, cluster.named(Stream.TRANSFERS.value))
        publishing = exactly_once(cluster, group, place.topic, told.append)
        publishing.put(Turn([], {2: 7}))
        publishing.drain()
        brokers.kill(node)
        bring_back(brokers)

        def is_there():
            group.poll(0)
            if not told[1:] and publishing.was_taken_back():
                publishing.put(Turn([], {2: 9}))
            return told[1:]

        publishing.put(Turn([], {2: 9}))
        await_so(is_there)
        assert committed(cluster, group, place) == 9
        publishing.close()


def test_sabotage_a_broker_that_stays_away_for_longer_ends_who_waits_for_it(brokers, node):
    cluster = replace(new_space(brokers.cluster), outage_seconds=1.0)
    with closing(member_of(cluster)) as group:
        place = joined(group, cluster.named(Stream.TRANSFERS.value))
        publishing = exactly_once(cluster, group, place.topic, list)
        brokers.kill(node)
        publishing.put(Turn([], {2: 9}))
        with pytest.raises(Unavailable) as silent:
            publishing.drain()
        assert silent.value.code == Code.LOG_UNAVAILABLE
        publishing.close()


@pytest.mark.parametrize(
    ("mode", "law"),
    [([], assert_as_served), (["--exactly-once"], assert_nothing_twice)],
    ids=["plain", "exactly-once"],
)
def test_a_worker_goes_on_when_the_only_broker_was_killed_and_comes_back(
    brokers, node, home, waiting, mode, law
):
    cluster = new_space(brokers.cluster)
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster, *mode)
        worker.await_assigned()
        submit(log, waiting[:300])
        await_decided(cluster, 40)
        brokers.kill(node)
        bring_back(brokers)
        await_so(lambda: log.end() == 300)
        submit(log, waiting[300:])
        await_so(lambda: log.end() == len(waiting))
        await_answered(cluster, worker)
        worker.stopped()
    law(home, cluster)
