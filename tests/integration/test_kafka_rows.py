"""Taking numbered rows into Kafka: how far the log there goes is known from its ends alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import answer_of, record_of
from crivo.adapters.kafka.rows import KafkaRows, number_behind
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import row_of
from crivo.flows.ports import Manifest
from tests.ports.logs import events

pytestmark = pytest.mark.slow

MANIFEST = Manifest("test", ClockKind.REPLAY, 4)


def rows(first, end):
    """Events as rows of those numbers; they lie in two partitions."""
    return [
        row_of(event, seq=seq, partition=seq % 2)
        for seq, event in enumerate(events(first, end), start=first)
    ]


def opened(cluster):
    return closing(KafkaRows(cluster, MANIFEST))


def test_rows_follow_one_another_whoever_opens_the_log_again(cluster):
    assert number_behind(cluster, 4) == 0
    for first, end in ((0, 10), (10, 11), (11, 30)):
        with opened(cluster) as target:
            assert target.end() == first
            target.append_stored(rows(first, end))
            assert target.end() == end
    with closing(KafkaLogReader(cluster)) as reader:
        assert [each.event for each in reader.read(start=0, limit=100)] == events(0, 30)


def test_the_last_number_is_found_behind_what_bears_none(cluster):
    """Law: workers' answers, strangers' records and marks of transactions hide no number."""
    with opened(cluster) as target:
        target.append_stored(rows(0, 10))
    producer = Producer(cluster.options())
    for row in rows(10, 11) * 600:
        record = answer_of(row, cause=bytes(16))
        for partition in (0, 1):
            topic = cluster.named(row[1])
            producer.produce(topic, record.value, record.key, partition, headers=record.headers)
            producer.produce(topic, b"strange", partition=partition)
    assert producer.flush(60) == 0
    assert number_behind(cluster, 4) == 10


def test_what_another_writer_left_open_is_not_there(cluster):
    with opened(cluster) as target:
        target.append_stored(rows(0, 10))
    left = Producer({**cluster.options(), "transactional.id": cluster.named("crivo-writer")})
    left.init_transactions(60)
    left.begin_transaction()
    for row in rows(10, 20):
        record = record_of(row)
        left.produce(
            cluster.named(row[1]), record.value, record.key, row[2], headers=record.headers
        )
    left.flush(60)
    with opened(cluster) as target:
        assert target.end() == 10
        target.append_stored(rows(10, 12))
    with closing(KafkaLogReader(cluster)) as reader:
        assert reader.end() == 12
    left.purge()


def test_rows_of_another_log_are_not_taken(cluster):
    with opened(cluster) as target:
        target.append_stored(rows(0, 1))
    with pytest.raises(Misconfigured) as other:
        KafkaRows(cluster, replace(MANIFEST, log_id="other"))
    assert (other.value.code, other.value.context["found"]) == (Code.LOG_MISMATCH, "test")
