"""A log in Kafka from a number on: what a file that is behind takes of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka.numbered import NumberedRows, row_at
from crivo.adapters.kafka.records import answer_of, record_of
from crivo.adapters.kafka.rows import KafkaRows
from crivo.adapters.sqlite.reader import open_reader
from crivo.adapters.sqlite.rows import SqliteRows
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.copy_log import copy_log
from crivo.flows.event_rows import row_of
from crivo.flows.ports import Manifest
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX
from tests.ports.logs import events

pytestmark = pytest.mark.slow

MANIFEST = Manifest("test", ClockKind.REPLAY, 4)
COUNT = 300


def rows(first, end):
    """Events as rows of those numbers; most lie in one partition."""
    return [
        row_of(event, seq=seq, partition=0 if seq % 10 else seq // 10 % 4)
        for seq, event in enumerate(events(first, end), start=first)
    ]


@pytest.fixture
def log(cluster):
    """A log of `COUNT` events, with answers and strangers' records behind them."""
    with closing(KafkaRows(cluster, MANIFEST)) as target:
        for first in range(0, COUNT, 50):
            target.append_stored(rows(first, first + 50))
    producer = Producer(cluster.options())
    (row,) = rows(5, 6)
    record = answer_of(row, cause=bytes(16))
    for partition in range(4):
        for _ in range(40):
            topic = cluster.named(row[1])
            producer.produce(topic, record.value, record.key, partition, headers=record.headers)
            producer.produce(topic, b"strange", partition=partition)
    assert producer.flush(SECONDS_MAX) == 0
    await_settled(cluster)
    return cluster


def without_offsets(found):
    return [(*row[:3], *row[4:]) for row in found]


def test_every_row_from_a_number_on_comes_in_order_and_once(log):
    for start in (0, 1, 17, 250, COUNT - 1, COUNT):
        with closing(NumberedRows(log, 4, start=start)) as numbered:
            assert numbered.end() == COUNT
            found = [
                *numbered.stored_rows(start=start, limit=7),
                *numbered.stored_rows(start=min(start + 7, COUNT), limit=COUNT),
            ]
        assert without_offsets(found) == without_offsets(rows(start, COUNT))


def test_sabotage_a_record_under_a_number_that_was_given_changes_nothing(log):
    producer = Producer(log.options())
    (row,) = rows(20, 21)
    record = record_of((*row[:10], b"forged", None))
    for partition in range(4):
        producer.produce(
            log.named(row[1]), record.value, record.key, partition, headers=record.headers
        )
    assert producer.flush(SECONDS_MAX) == 0
    with closing(NumberedRows(log, 4, start=0)) as numbered:
        found = numbered.stored_rows(start=0, limit=COUNT)
    assert without_offsets(found) == without_offsets(rows(0, COUNT))


def test_what_brokers_let_go_of_is_said_and_what_follows_it_is_there(log):
    topic = log.named(rows(0, 1)[0][1])
    admin = AdminClient(log.options())
    for done in admin.delete_records([TopicPartition(topic, 0, 100)]).values():
        done.result(SECONDS_MAX)
    assert row_at(log, 4, 51) is None
    with closing(NumberedRows(log, 4, start=51)) as numbered, pytest.raises(Misconfigured) as gone:
        numbered.stored_rows(start=51, limit=10)
    assert gone.value.code == Code.LOG_MISMATCH
    row = row_at(log, 4, COUNT - 1)
    assert row is not None and row[4] == rows(COUNT - 1, COUNT)[0][4]


def test_a_file_that_takes_them_is_the_log_that_was_passed_on(log, tmp_path):
    path = tmp_path / "log.sqlite"
    for limit in (120, COUNT):
        with closing(SqliteRows(path, MANIFEST)) as file:
            start = file.end()
            with closing(NumberedRows(log, 4, start=start)) as numbered:
                if limit < COUNT:
                    file.append_stored(numbered.stored_rows(start=0, limit=limit))
                else:
                    copy_log(numbered, file, progress=lambda _done, _of: None)
    with closing(open_reader(path)) as reader:
        found = reader.stored_rows(start=0, limit=COUNT)
        assert [stored.event for stored in reader.read(start=0, limit=COUNT)] == events(0, COUNT)
    counted: dict[tuple[str, int], int] = {}
    for row in found:
        assert row[3] == counted.get((row[1], row[2]), 0)
        counted[row[1], row[2]] = row[3] + 1
    assert without_offsets(found) == without_offsets(rows(0, COUNT))


def test_a_file_of_another_log_or_that_somebody_writes_takes_nothing(tmp_path):
    path = tmp_path / "log.sqlite"
    with closing(SqliteRows(path, MANIFEST)), pytest.raises(Unavailable) as locked:
        SqliteRows(path, MANIFEST)
    assert locked.value.code == Code.LOG_LOCKED
    for _ in range(2):
        with pytest.raises(Misconfigured) as other:
            SqliteRows(path, replace(MANIFEST, log_id="another"))
        assert other.value.code == Code.LOG_MISMATCH
