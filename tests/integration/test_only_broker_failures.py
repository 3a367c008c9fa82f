"""The only broker is killed, or its disk is full, while a worker decides: it goes on by itself."""

from __future__ import annotations

import os
import re
import resource
import signal
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from crivo.adapters.kafka.client import committed_in, patiently
from crivo.adapters.kafka.intake import open_consumer
from crivo.adapters.kafka.publisher import ExactPublisher
from crivo.adapters.kafka.publishing import Publishing, Turn
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from tests.integration.workers import (
    answers,
    assert_as_served,
    assert_nothing_twice,
    await_answered,
    await_decided,
    await_settled,
    member_of,
    served,
    start,
    submit,
)
from tests.outages import SECONDS_MAX, await_so, bring_back
from tests.ports.kafka_logs import new_space, open_log_in
from tests.ports.logs import REFUSED

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Workers wait as long as tests do: on a busy machine a broker takes minutes to be back."""
    monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", str(SECONDS_MAX))


def joined(group, topic):
    """The place of a partition that the group has given its only member."""
    group.subscribe([topic])
    await_so(lambda: group.poll(0) is None and group.assignment())
    return TopicPartition(topic, 2)


def committed(cluster, place):
    """What the group has committed, once that is sure, asked by a client of its own: one whose
    coordinator was away may wait for it for good.
    """
    patient = replace(cluster, outage_seconds=SECONDS_MAX)
    with closing(member_of(cluster)) as asking:
        (found,) = patiently(patient, partial(committed_in, cluster, asking, [place])).values()
    return found


def exactly_once(cluster, group, topic, told):
    return Publishing(ExactPublisher(cluster, 4, list, REFUSED, name="exact"), group, topic, told)


def test_a_transaction_that_a_killed_broker_left_open_is_taken_back_and_the_next_is_there(
    brokers, node, caplog
):
    cluster, told = new_space(brokers.cluster), []
    with closing(member_of(cluster)) as group:
        place = joined(group, cluster.named(Stream.TRANSFERS.value))
        publishing = exactly_once(cluster, group, place.topic, told.append)
        publishing.put(Turn([], {2: 7}))
        publishing.drain()
        # Killed before it has marked what it committed, a broker may never do so (KAFKA-20734).
        assert committed(cluster, place) == 7
        brokers.kill(node)
        publishing.put(Turn([], {2: 9}))
        await_so(lambda: "worker.taken_back" in caplog.messages)
        bring_back(brokers, node)
        await_so(publishing.was_taken_back)
        assert (committed(cluster, place), len(told)) == (7, 1)
        await_so(lambda: group.poll(0) is None and group.assignment())

        def is_told():
            group.poll(0)
            # A broker that has just begun may take longer than a transaction has.
            if not told[1:] and publishing.was_taken_back():
                publishing.put(Turn([], {2: 9}))
            return told[1:]

        publishing.put(Turn([], {2: 9}))
        await_so(is_told)
        assert (committed(cluster, place), len(told)) == (9, 2)
        publishing.close()


def test_who_was_idle_while_the_broker_was_away_publishes_as_ever(brokers, node):
    """A client whose coordinator was away may wait for it for good: it is not waited for."""
    cluster, told = new_space(brokers.cluster), []
    with closing(member_of(cluster)) as group:
        place = joined(group, cluster.named(Stream.TRANSFERS.value))
        publishing = exactly_once(cluster, group, place.topic, told.append)
        publishing.put(Turn([], {2: 7}))
        publishing.drain()
        # Killed before it has marked what it committed, a broker may never do so (KAFKA-20734).
        assert committed(cluster, place) == 7
        brokers.kill(node)
        bring_back(brokers, node)

        def is_there():
            group.poll(0)
            if not told[1:] and publishing.was_taken_back():
                publishing.put(Turn([], {2: 9}))
            return told[1:]

        publishing.put(Turn([], {2: 9}))
        await_so(is_there)
        assert committed(cluster, place) == 9
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


def test_a_worker_goes_on_when_the_only_broker_was_killed_and_comes_back(
    brokers, node, home, waiting
):
    cluster = new_space(brokers.cluster)
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster)
        worker.await_assigned()
        submit(log, waiting[:300])
        await_decided(cluster, 40)
        brokers.kill(node)
        bring_back(brokers, node)
        await_so(lambda: log.end() == 300)
        submit(log, waiting[300:])
        await_so(lambda: log.end() == len(waiting))
        await_answered(cluster, worker)
        worker.stopped()
    assert_as_served(home, cluster)


#: Where in a value of the topic of transactions the state stands, and the one of an open one.
STATE_AT, OPEN = 16, 1


def state_of_transaction(node, cluster):
    """The newest state of the worker's transaction, as it lies in the broker's files."""
    key = re.compile(re.escape(cluster.named("crivo-decide-").encode()) + rb"[0-9a-f]{16}")
    found = None
    for file in (node.folder / "data").glob("__transaction_state-*/*.log"):
        data = file.read_bytes()
        for each in key.finditer(data):
            value = each.end()
            while data[value] & 0x80:  # the value's length, seven bits a byte
                value += 1
            found = data[value + 1 + STATE_AT]
    return found


def killed(brokers, node):
    """Ends the broker, which stands still, as a power cut would."""
    brokers.kill(node)


def filled(brokers, node):
    """Leaves the broker, which stands still, a disk that takes nothing: it ends by itself."""
    _, hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (0, hard))
    os.kill(node.pid, signal.SIGCONT)
    assert node.process.wait(SECONDS_MAX) != 0, "a broker without a disk does not go on"


def ended_in_a_transaction(brokers, node, cluster, worker, end):
    """Whether the broker ended after it took answers and before the worker committed them.

    One that was committed is let go on: what a broker that is killed while it writes the marks of a
    commit makes of them is not the worker's to mend (docs/how-to/topics.md).
    """
    with closing(open_consumer(cluster)) as reader:
        topic = cluster.named(Stream.DECISIONS.value)
        told = {
            each: reader.get_watermark_offsets(TopicPartition(topic, each), SECONDS_MAX)[1]
            for each in range(4)
        }
    # What is not committed is read; a client that had to commit would wait for a stopped broker.
    ways = {
        "isolation.level": "read_uncommitted",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    with closing(Consumer({**cluster.options(), "group.id": "tests", **ways})) as reader:
        reader.assign([TopicPartition(topic, each, at) for each, at in told.items()])
        # It waits at the ends before anything comes there.
        for _ in told:
            at_end = reader.poll(SECONDS_MAX)
            assert at_end is not None and at_end.error().code() == KafkaError._PARTITION_EOF
        os.kill(worker.process.pid, signal.SIGCONT)
        answer = reader.poll(SECONDS_MAX)
        assert answer is not None and answer.error() is None, "the worker answers"
        os.kill(node.pid, signal.SIGSTOP)
        is_open = state_of_transaction(node, cluster) == OPEN
        if is_open:
            end(brokers, node)
        else:
            os.kill(node.pid, signal.SIGCONT)
    return is_open


@pytest.mark.parametrize("end", [killed, filled])
def test_what_an_open_transaction_held_is_answered_once_when_the_only_broker_has_ended(
    brokers, node, home, waiting, end
):
    cluster = new_space(brokers.cluster)
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster, "--exactly-once")
        worker.await_assigned()
        for at in range(0, len(waiting), 60):
            os.kill(worker.process.pid, signal.SIGSTOP)
            log.append(waiting[at : at + 60])
            if ended_in_a_transaction(brokers, node, cluster, worker, end):
                break
            await_answered(cluster, worker)
            await_settled(cluster, SECONDS_MAX)
        assert node.process.poll() is not None, "one of the transactions was met open"
        bring_back(brokers, node)
        submit(log, waiting[at + 60 :])
        await_so(lambda: log.end() == len(waiting))
        await_answered(cluster, worker)
        worker.stopped()
    assert_nothing_twice(home, cluster)


def test_a_worker_says_which_partition_a_transaction_that_nobody_ends_holds_back(
    brokers, home, waiting, monkeypatch
):
    monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", "2")
    cluster = new_space(brokers.cluster)
    topic = cluster.named(Stream.DECISIONS.value)
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:20])
    options = {"transactional.id": cluster.named("stranger"), "transaction.timeout.ms": 900_000}
    stranger = Producer({**cluster.options(), **options})
    stranger.init_transactions(SECONDS_MAX)
    stranger.begin_transaction()
    stranger.produce(topic, b"", partition=3)
    assert stranger.flush(SECONDS_MAX) == 0
    with ExitStack() as held:
        worker = start(held, home, cluster, "--exactly-once")
        assert worker.process.wait(SECONDS_MAX) == 3
        assert "LOG_UNAVAILABLE" in worker.said
        assert f"nothing of {topic}, partition 3, from offset 0 on" in worker.said
        stranger.abort_transaction(SECONDS_MAX)
        monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", str(SECONDS_MAX))
        worker = start(held, home, cluster, "--exactly-once")
        await_answered(cluster, worker)
        worker.stopped()
    derived, doubles = answers(home, cluster)
    assert derived.items() <= served(home).items()
    assert (len(derived) > 10, doubles) == (True, 0)


def test_a_broker_whose_disk_is_full_ends_and_when_it_has_room_nothing_is_missing(
    brokers, node, home, waiting
):
    cluster = new_space(brokers.cluster)
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster)
        worker.await_assigned()
        submit(log, waiting[:300])
        await_decided(cluster, 40)
        # No file of it grows any more, as on a disk that takes nothing.
        _, hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (4_096, hard))
        submit(log, waiting[300:])
        assert node.process.wait(SECONDS_MAX) != 0, "a broker without a disk does not go on"
        bring_back(brokers, node)
        await_so(lambda: log.end() == len(waiting))
        await_answered(cluster, worker)
        worker.stopped()
    assert_as_served(home, cluster)
