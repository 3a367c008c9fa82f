"""A reader of a log in Kafka while its writer commits: what shows by half as yet is waited for."""

from __future__ import annotations

from contextlib import closing

import pytest

from crivo.adapters.kafka import reader
from crivo.adapters.kafka.intake import part_of
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import partition_of
from tests.integration.workers import await_settled
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import event

pytestmark = pytest.mark.slow

FIRST = event(1, payer=1)
SECOND = next(
    each
    for each in (event(2, payer=payer) for payer in range(2, 99))
    if partition_of(each.key, 4) != partition_of(FIRST.key, 4)
)


def hide_first(monkeypatch, times):
    """From now on brokers show so often nothing of the first event's partition."""
    real, left = reader.read_ends, iter(range(times))

    def shown(*asked, **told):
        ends = real(*asked, **told)
        if next(left, None) is None:
            return ends
        part = part_of(FIRST.stream, partition_of(FIRST.key, 4))
        return {**ends, part: (ends[part][0], ends[part][0])}

    monkeypatch.setattr(reader, "read_ends", shown)


@pytest.fixture
def where(cluster):
    """A log of two events in two partitions."""
    with closing(open_log_in(cluster)) as log:
        log.append([FIRST])
        log.append([SECOND])
    await_settled(cluster)
    return cluster


@pytest.mark.parametrize("times", [1, 3])
def test_a_reader_that_misses_a_number_looks_again_while_a_commit_shows_by_half(
    monkeypatch, where, times
):
    hide_first(monkeypatch, times)
    with closing(KafkaLogReader(where)) as found:
        assert [each.event for each in found.read(start=0, limit=9)] == [FIRST, SECOND]


def test_sabotage_a_number_that_stays_missing_is_refused(monkeypatch, where):
    hide_first(monkeypatch, 10_000)
    with pytest.raises(Misconfigured) as refused:
        KafkaLogReader(where)
    assert refused.value.code is Code.LOG_MISMATCH
