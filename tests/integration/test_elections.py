"""Elections on real brokers: whoever asks meanwhile, or knew the leaders of before, is answered."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka import Consumer, ElectionType, KafkaException, TopicPartition

from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    answered,
    ask,
    committed,
    committed_in,
    is_passing,
    open_admin,
    patiently,
    watermarks,
)
from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.intake import LATEST, offsets, open_consumer, read_ends
from crivo.adapters.kafka.manifest import number_kept, require_manifest
from crivo.adapters.kafka.tail import number_at
from crivo.adapters.kafka.topics import Topics, declared_topics
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from tests.outages import SECONDS_MAX, bring_back
from tests.ports.kafka_logs import new_space, open_log_in
from tests.ports.logs import REFUSED, events

pytestmark = pytest.mark.slow


def places_of(cluster):
    return [TopicPartition(cluster.named(Stream.TRANSFERS.value), each) for each in range(4)]


def member(cluster):
    """A client of a group of its own, which has committed something."""
    group = Consumer({**cluster.options(), "group.id": cluster.named("asking")})
    offsets = [TopicPartition(each.topic, each.partition, 1) for each in places_of(cluster)]

    def commit():
        with answered(cluster, "commit"):
            group.commit(offsets=offsets, asynchronous=False)

    patiently(cluster, commit)
    return closing(group)


def described(admin, topic, seconds):
    """What brokers tell of a topic."""
    return admin.list_topics(topic, timeout=seconds)


def number_of(partition):
    return partition.id


def test_a_client_that_knew_the_leaders_of_before_is_answered(brokers, node):
    """Law: what a client knew before an election hides no answer from it."""
    where = new_space(brokers.cluster)
    with closing(open_log_in(where)) as log:
        log.append(events(0, 40))
    places = places_of(where)
    admin = open_admin(where)
    with closing(open_consumer(where)) as consumer, member(where) as group:
        clients = {
            "ends": (admin, partial(offsets, admin, places, LATEST)),
            "watermarks": (consumer, partial(watermarks, consumer, places[0])),
            "committed": (group, partial(committed, group, places)),
        }

        def answers():
            found = {
                name: ask(where, f"tell of {name}", asking, question)
                for name, (asking, question) in clients.items()
            }
            return {**found, "committed": [each.offset for each in found["committed"]]}

        before = answers()
        brokers.kill(node)
        bring_back(brokers, node)
        assert answers() == before


def test_every_question_is_answered_while_partitions_and_groups_change_brokers(kafka, tmp_path):
    """Law: a leader of three that is killed is silent, never one without records, until another
    leads; and one that gives its partitions back fails no question.
    """
    with running(tmp_path / "three", kafka.jars, count=3) as brokers:
        where = new_space(brokers.cluster, replicas=3)
        with closing(open_log_in(where)) as log:
            log.append(events(0, 40))
        declared = declared_topics(partitions=4, replicas=3, in_sync_min=2, space=where.space)
        topics, admin = Topics(where, declared), open_admin(where)
        with member(where) as group:

            def answers():
                return (
                    require_manifest(where),
                    number_kept(where),
                    read_ends(where, 4),
                    number_at(where, dict.fromkeys(range(4), 0)),
                    read_dead_letters(where, REFUSED),
                    topics.differences(),
                    committed_in(where, group, places_of(where)),
                )

            def met():
                try:
                    return answers()
                except Unavailable as silent:
                    return silent.code

            def leaders():
                topic = where.named(Stream.TRANSFERS.value)
                told = ask(where, "tell who leads", admin, partial(described, admin, topic))
                parts = told.topics[topic].partitions.values()
                return [(each.leader, each.replicas[0]) for each in sorted(parts, key=number_of)]

            before = answers()
            leader = brokers.nodes[leaders()[0][0] - 1]
            brokers.kill(leader)
            until = time.monotonic() + SECONDS_MAX
            while any(led == leader.number for led, _ in leaders()):
                assert met() in (before, Code.LOG_UNAVAILABLE)
                assert time.monotonic() < until, "another leads"
            while (found := met()) != before:
                assert found is Code.LOG_UNAVAILABLE
                assert time.monotonic() < until, "all is answered"
            bring_back(brokers, leader)
            knew = open_admin(where)
            told = partial(offsets, knew, places_of(where), LATEST)
            ends = ask(where, "tell where its transfers end", knew, told)
            # Each partition goes back to the first of its brokers, once that has caught up.
            until = time.monotonic() + SECONDS_MAX
            while any(led != first for led, first in leaders()):
                admin.elect_leaders(ElectionType.PREFERRED, None).result(SECONDS_MAX)
                assert answers() == before
                assert time.monotonic() < until, "each leads what is its own"
            # Sabotage: a client alone, however often it is asked, goes on with what it knew.
            for _ in range(3):
                with pytest.raises(KafkaException) as stale:
                    told(ANSWER_SECONDS_MAX)
                assert is_passing(stale.value.args[0])
                time.sleep(0.5)
            assert ask(where, "tell where its transfers end", knew, told) == ends
