"""Answers on their way while the group moves: its member waits for no one that waits for it."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer, TopicPartition

from crivo.adapters.kafka.publisher import ExactPublisher, PlainPublisher
from crivo.adapters.kafka.publishing import Publishing, Turn
from crivo.domain.streams import Stream
from tests.integration.workers import member_of
from tests.outages import SECONDS_MAX
from tests.ports.logs import REFUSED

pytestmark = pytest.mark.slow


def plain(cluster):
    return PlainPublisher(cluster, 4, list, REFUSED)


def exact(cluster):
    return ExactPublisher(cluster, 4, list, REFUSED, name="exact")


def slowed(publisher, seconds):
    """A publisher that is on its way for so long."""
    publish = publisher.publish

    def later(records, offsets, member):
        time.sleep(seconds)
        return publish(records, offsets, member)

    publisher.publish = later
    return publisher


def await_so(group, is_so):
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        group.poll(0.1)
        assert time.monotonic() < until


@pytest.mark.parametrize("publisher", [plain, exact])
def test_partitions_are_given_up_while_answers_are_on_their_way(cluster, publisher):
    """Law: what is on its way is published and committed before another member goes on."""
    topic, told, given = cluster.named(Stream.TRANSFERS.value), [], []

    def give_up():
        with closing(member_of(cluster)) as group:
            publishing = Publishing(slowed(publisher(cluster), 1.0), group, topic, told.append)

            def revoked(consumer, partitions):
                publishing.drain()
                consumer.unassign()
                given.extend(partitions)

            group.subscribe([topic], on_revoke=revoked)
            await_so(group, group.assignment)
            publishing.put(Turn([], {2: 7}))
            group.unsubscribe()
            await_so(group, lambda: given)
            publishing.close()

    # A thread that waits for itself would hold the whole run.
    one = threading.Thread(target=give_up, daemon=True)
    one.start()
    one.join(SECONDS_MAX)
    assert not one.is_alive(), "it waits for itself"
    assert given and told == [Turn([], {2: 7}, [])]
    with closing(member_of(cluster)) as group:
        (found,) = group.committed([TopicPartition(topic, 2)], timeout=SECONDS_MAX)
    assert found.offset == 7


def test_what_a_lost_partition_had_on_its_way_is_not_committed(cluster):
    """Law: who takes over goes on behind what the group has committed, and nobody moves that."""
    topic, told = cluster.named(Stream.TRANSFERS.value), []
    with closing(member_of(cluster)) as group:
        publishing = Publishing(slowed(plain(cluster), 0.5), group, topic, told.append)
        group.subscribe([topic])
        await_so(group, group.assignment)
        publishing.put(Turn([], {2: 7}))
        publishing.give_up()
        assert told == []
        assert not publishing.was_taken_back(), "what follows is published as ever"
        publishing.put(Turn([], {1: 5}))
        publishing.drain()
        assert told == [Turn([], {1: 5}, [])]
        found = group.committed(
            [TopicPartition(topic, each) for each in (1, 2)], timeout=SECONDS_MAX
        )
        assert [each.offset for each in found] == [5, -1001]
        publishing.close()


@pytest.mark.parametrize("publisher", [plain, exact])
def test_an_answer_counts_when_enough_brokers_have_it_and_no_retry_writes_it_again(
    cluster, monkeypatch, publisher
):
    """Law: whatever mode a worker is in, brokers acknowledge its answers in full, each once."""
    told = []

    def noted(options, **more):
        told.append(options)
        return Producer(options, **more)

    for module in ("publisher", "transactions"):
        monkeypatch.setattr(f"crivo.adapters.kafka.{module}.Producer", noted)
    publisher(cluster)
    (options,) = told
    assert (options["acks"], options["enable.idempotence"]) == ("all", True)
