"""A log in Kafka, refined: gold is that of the same events in a file, and no record comes twice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from crivo.adapters.kafka import stored
from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import stored_event
from tests.lake.lakes import Rows, contents, lake_at, log_rows, quiet, refined, refinery
from tests.ports.kafka_logs import open_log_in

pytestmark = pytest.mark.slow


def once(rows):
    """The rows whose event ids a log takes: each once."""
    return list({row[4]: row for row in rows}.values())


def test_gold_of_a_log_in_kafka_is_that_of_its_events(cluster, tmp_path):
    rows = once(log_rows(3, 120))
    lake = lake_at(tmp_path / "kafka")
    with closing(open_log_in(cluster)) as log:
        for some in (rows[:50], rows[50:51], rows[51:]):
            log.append([stored_event(row).event for row in some])
            refined(lake, KafkaStoredLog(cluster))
    found = contents(lake)
    assert len(found["bronze.events"]) == len(rows)
    expected = contents(refined(lake_at(tmp_path / "file"), Rows(rows)))
    names = [name for name in expected if name.startswith("gold.")]
    assert len(names) > 5
    assert {name: found[name] for name in names} == {name: expected[name] for name in names}


def test_a_log_that_was_cut_short_is_refused(cluster, tmp_path):
    rows = once(log_rows(3, 20))
    with closing(open_log_in(cluster)) as log:
        log.append([stored_event(row).event for row in rows])
    lake = refined(lake_at(tmp_path), KafkaStoredLog(cluster))

    class Moved(KafkaStoredLog):
        """The same log, of which a lake has more than brokers hold."""

        def rows_after(self, offsets, *, limit):
            return super().rows_after({p: at + 1_000 for p, at in offsets.items()}, limit=limit)

    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(Moved(replace(cluster)), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH


def test_records_that_brokers_let_go_before_the_lake_had_them_are_refused(
    cluster, tmp_path, monkeypatch
):
    with closing(open_log_in(cluster)) as log:
        log.append([stored_event(row).event for row in once(log_rows(3, 20))])
    lake = refined(lake_at(tmp_path), KafkaStoredLog(cluster))
    before = contents(lake)

    def later(where, partitions):
        """What brokers answer once the time of all that the lake has, and of more, is over."""
        ends = read_ends(where, partitions)
        return {part: (high + 5, high + 5) for part, (_, high) in ends.items()}

    monkeypatch.setattr(stored, "read_ends", later)
    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(KafkaStoredLog(cluster), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH
    assert contents(lake) == before
