"""Numbers of a log in Kafka that come again: nobody stands still at them, and all read alike."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.tail import Tail
from tests.integration.test_kafka_log import followed, row_numbered, send_row
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import event, stored

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("answers", [True, False])
def test_a_number_that_comes_again_is_nobodys_and_no_reader_stands_still(cluster, answers):
    """Law: numbers rise along a partition; of one that does not the first counts."""
    with closing(open_log_in(cluster)) as log:
        log.append([replace(event(number), key=event(0).key) for number in range(5)])
        (part,) = {each.partition for each in log.read(start=0, limit=9)}
        before = stored(log)
    row = (*row_numbered(2, 99)[:2], part, *row_numbered(2, 99)[3:])
    send_row(cluster, row)
    with closing(open_log_in(cluster)) as log:
        log.append([event(5)])
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


def test_a_number_that_two_partitions_have_stops_nobody(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append([replace(event(number), key=event(0).key) for number in range(5)])
        (part,) = {each.partition for each in log.read(start=0, limit=9)}
    send_row(cluster, (*row_numbered(2, 99)[:2], (part + 1) % 4, *row_numbered(2, 99)[3:]))
    followed(cluster)
    with closing(KafkaLogReader(cluster)) as reader:
        assert (reader.end(), reader.foreign) == (5, 1)
