"""Numbers of a log in Kafka that come again: nobody stands still at them, and all read alike."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import pyarrow as pa
import pytest

from crivo.adapters.kafka.client import patiently
from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.intake import open_consumer, part_of, read_ends, topic_partition
from crivo.adapters.kafka.manifest import number_kept
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.publisher import set_aside_once
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import came
from crivo.adapters.kafka.tail import AHEAD_MAX, Tail
from crivo.adapters.spark.kept import RECORD
from crivo.bootstrap.spark_records import events_among, placed_in
from crivo.domain.streams import Stream, partition_of
from crivo.flows.event_rows import stored_event
from tests.integration.test_kafka_log import row_numbered, send_row
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import REFUSED, event, stored

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("answers", [True, False])
def test_a_number_that_comes_again_is_nobodys_and_no_reader_stands_still(cluster, answers):
    """Law: numbers rise along a partition; of one that does not the first counts."""
    with closing(open_log_in(cluster)) as log:
        log.append([event(number)._replace(key=event(0).key) for number in range(5)])
        (part,) = {each.partition for each in log.read(start=0, limit=9)}
        before = stored(log)
    row = (*row_numbered(2, 99)[:2], part, *row_numbered(2, 99)[3:])
    send_row(cluster, row)
    with closing(open_log_in(cluster)) as log:
        log.append([event(5)])
    await_settled(cluster)
    met = []
    ends = {part: end for part, (_, end) in read_ends(cluster, 4).items()}
    told = lambda message, why: met.append((message.offset(), why.context["found"]))  # noqa: E731
    with closing(Tail(cluster, 4, start=0, cipher=None, foreign=told)) as tail:
        found = []
        while not tail.has_reached(ends):
            found += tail.take(9, 0.1)
    assert [each.event for each in found] == [*before, event(5)]
    assert len(met) == 1 and met[0][1] == 2
    with closing(KafkaLogReader(cluster, answers=answers)) as reader:
        assert [each.event for each in reader.read(start=0, limit=9)] == [*before, event(5)]
        assert reader.foreign == 1


def in_partition(number, partition):
    """An event whose key lies there."""
    keys = (event(number, payer=payer).key for payer in range(99))
    return event(number)._replace(
        key=next(key for key in keys if partition_of(key, 4) == partition)
    )


def send_forged(cluster, number, partition):
    """A record of another event under a number, which the writer did not send."""
    row = row_numbered(number, 99)
    send_row(cluster, (*row[:2], partition, *row[3:]))


def read_by_the_reader(cluster):
    with closing(KafkaLogReader(cluster)) as reader:
        return [each.event for each in reader.read(start=0, limit=99)]


def read_by_the_tail(cluster):
    ends = {part: end for part, (_, end) in read_ends(cluster, 4).items()}
    found = []
    with closing(Tail(cluster, 4, start=0, cipher=None)) as tail:
        while not tail.has_reached(ends):
            found += tail.take(9, 0.1)
    return [each.event for each in found]


def read_by_spark(cluster):
    """As a job of Spark's takes what its source gives it, in an order of its own."""
    found, left = [], set(range(4))
    with closing(open_consumer(cluster)) as consumer:
        parts = [part_of(Stream.HISTORY, each) for each in left]
        consumer.assign([topic_partition(cluster, each, 0) for each in parts])
        while left:
            message = consumer.poll(SECONDS_MAX)
            if message.error() is not None:
                left.discard(message.partition())
                continue
            headers = [{"key": name, "value": of} for name, of in message.headers()]
            cells = (message.topic(), message.partition(), message.offset(), message.key())
            cells += (message.value(), headers)
            found.append(dict(zip(RECORD.names, cells, strict=True)))
    given = number_kept(cluster, is_settled=False)
    records = pa.Table.from_pylist(found[::-1], RECORD)
    events = events_among(placed_in(cluster, records, Numbers(lambda _number: given, {})))
    return [stored_event(events[number]).event for number in range(len(events))]


READERS = {
    "the reader": read_by_the_reader,
    "the tail": read_by_the_tail,
    "Spark": read_by_spark,
}


@pytest.mark.parametrize("reading", READERS)
@pytest.mark.parametrize("partition", [0, 3])
def test_of_a_number_that_two_partitions_have_all_take_the_lesser_ones(cluster, reading, partition):
    """Law: which record counts hangs on where they lie, and not on who reads or what comes first.
    What partitions say first is held back until the lesser ones have been read.
    """
    sent = [in_partition(number, 1) for number in range(5)]
    with closing(open_log_in(cluster)) as log:
        log.append(sent)
    send_forged(cluster, 2, partition)
    await_settled(cluster)
    expected = [*sent[:2], event(99), *sent[3:]] if partition == 0 else sent
    assert READERS[reading](cluster) == expected


def test_sabotage_a_follower_that_takes_what_comes_first_takes_another(cluster, monkeypatch):
    sent = [in_partition(number, 1) for number in range(5)]
    with closing(open_log_in(cluster)) as log:
        log.append(sent)
    send_forged(cluster, 2, 0)
    await_settled(cluster)
    monkeypatch.setattr(Tail, "_is_awaited_before", lambda tail, part: False)
    with closing(Tail(cluster, 4, start=0, cipher=None)) as tail:
        # Brokers give the other partition late.
        tail._intake.hold([part_of(Stream.HISTORY, 0)])
        found = []
        while len(found) < 5:
            found += tail.take(9, 0.1)
    assert [each.event for each in found] == sent


@pytest.mark.parametrize("reading", READERS)
def test_a_number_that_the_writer_has_not_given_is_nobodys(cluster, reading):
    """Law: it hides nothing that the writer appends behind it, and stands in nobody's way."""
    sent = [in_partition(number, 1) for number in range(10)]
    with closing(open_log_in(cluster)) as log:
        log.append(sent[:5])
    send_forged(cluster, 50, 1)
    with closing(open_log_in(cluster)) as log:
        assert (log.end(), log.known([event(99).event_id])) == (5, set())
        assert log.append(sent[5:]) == 5
    await_settled(cluster)
    assert READERS[reading](cluster) == sent


def test_a_follower_sets_aside_a_number_that_lies_too_far_ahead(cluster):
    sent, told = [in_partition(number, 1) for number in range(10)], []
    with closing(open_log_in(cluster)) as log:
        log.append(sent[:5])
        with closing(
            Tail(
                cluster,
                4,
                start=0,
                cipher=None,
                foreign=lambda _message, why: told.append(why.context["found"]),
            )
        ) as tail:
            found = []
            while len(found) < 5:
                found += tail.take(9, 0.1)
            send_forged(cluster, AHEAD_MAX + 50, 1)
            log.append(sent[5:])
            while len(found) < 10:
                found += tail.take(9, 0.1)
    assert [each.event for each in found] == sent
    assert told == [AHEAD_MAX + 50]


def test_what_spark_sets_aside_says_whether_it_bore_a_number(cluster):
    topic = cluster.named(Stream.HISTORY.value)
    set_aside_once(
        cluster,
        4,
        [
            came(topic, 1, at, key=b"me", value=b"what", headers=headers)
            for at, headers in enumerate(([], [("seq", b"7")]))
        ],
        REFUSED,
    )
    # Its topics are new: a broker may not know yet that it leads one of them.
    found = [
        each.marks for each in patiently(cluster, partial(read_dead_letters, cluster, REFUSED))
    ]
    assert [(each["field"], each["found"]) for each in found] == [
        ("headers", "neither"),
        ("seq", "7"),
    ]
