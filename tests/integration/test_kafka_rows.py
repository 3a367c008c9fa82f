"""Taking numbered rows into Kafka: how far the log there goes is known from its ends alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka import rows as rows_of
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import answer_of, record_of
from crivo.adapters.kafka.rows import KafkaRows, number_behind
from crivo.adapters.kafka.writer import TransactionWriter
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.event_rows import row_of
from crivo.flows.ports import Manifest
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX
from tests.ports.logs import events

pytestmark = pytest.mark.slow

MANIFEST = Manifest("test", ClockKind.REPLAY, 4)


def rows(first, end, *, at=None):
    """Events as rows of those numbers, or of others; they lie in two partitions."""
    return [
        row_of(event, seq=seq, partition=seq % 2)
        for seq, event in enumerate(events(first, end), start=first if at is None else at)
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
    await_settled(cluster)
    with closing(KafkaLogReader(cluster)) as reader:
        assert [each.event for each in reader.read(start=0, limit=100)] == events(0, 30)


def test_the_last_number_is_found_behind_what_bears_none(cluster, monkeypatch):
    """Law: where nobody kept it, workers' answers, strangers' records and marks of transactions
    hide no number.
    """
    with opened(cluster) as target:
        target.append_stored(rows(0, 10))
    producer = Producer(cluster.options())
    for row in rows(10, 11) * 600:
        record = answer_of(row, cause=bytes(16))
        for partition in (0, 1):
            topic = cluster.named(row[1])
            producer.produce(topic, record.value, record.key, partition, headers=record.headers)
            producer.produce(topic, b"strange", partition=partition)
    assert producer.flush(SECONDS_MAX) == 0
    assert number_behind(cluster, 4) == 10
    monkeypatch.setattr(rows_of, "number_kept", lambda _cluster: 0)
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
    left.flush(SECONDS_MAX)
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


def taken_over(cluster):
    """What becomes of a writer that lost its producer while another one wrote under its number,
    and whether that other one still writes.
    """
    with opened(cluster) as first:
        first.append_stored(rows(0, 3))
        # A commit that failed without a word of another: it asks for the name again.
        first._writer._drop()
        with opened(cluster) as second:
            second.append_stored(rows(100, 101, at=3))
            try:
                first.append_stored(rows(3, 4))
                said = None
            except Unavailable as error:
                said = error.code
            try:
                second.append_stored(rows(101, 102, at=4))
                goes_on = True
            except Unavailable:
                goes_on = False
    return said, goes_on


def test_a_writer_never_takes_its_name_back_from_one_that_wrote_since(cluster):
    """Law: what another wrote under a number is never taken for one's own."""
    assert taken_over(cluster) == (Code.LOG_LOCKED, True)
    with closing(KafkaLogReader(cluster)) as reader:
        found = [each.event for each in reader.read(start=0, limit=10)]
    assert found == [*events(0, 3), *events(100, 102)]


def test_sabotage_a_writer_that_looks_at_no_mark_takes_anothers_for_its_own(cluster, monkeypatch):
    monkeypatch.setattr(TransactionWriter, "_check_mark", lambda _self: None)
    assert taken_over(cluster) != (Code.LOG_LOCKED, True)
