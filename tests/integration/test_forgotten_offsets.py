"""A group of workers whose offsets brokers have forgotten: nothing is skipped, and nothing anew."""

from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka import brokers, worker
from crivo.adapters.kafka.intake import part_of, read_ends, topic_partition
from crivo.adapters.kafka.topics import FOREVER, declared_topics
from crivo.adapters.kafka.worker import GROUP
from crivo.domain.streams import Stream
from tests.integration.commands import crivo
from tests.integration.workers import (
    assert_as_served,
    assert_nothing_twice,
    await_settled,
    decide_rest,
)
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of

MODES = pytest.mark.parametrize("mode", [(), ("--exactly-once",)])

slow = pytest.mark.slow


def forget_offsets(cluster):
    """What brokers do once a group has had no member for long."""
    admin = AdminClient(cluster.options())
    for done in admin.delete_consumer_groups([cluster.named(GROUP)]).values():
        done.result(SECONDS_MAX)


def let_go_of_answers(cluster, *, keep):
    """The first of what each partition of decisions holds is gone, but for such a part of it."""
    await_settled(cluster)
    ends = {part: each for part, each in read_ends(cluster, 4).items() if each[0] < each[1]}
    parts = [
        topic_partition(cluster, part, int(high - keep * (high - low)))
        for part, (low, high) in ends.items()
        if part[0] == part_of(Stream.DECISIONS, 0)[0]
    ]
    admin = AdminClient(cluster.options())
    for done in admin.delete_records(parts).values():
        done.result(SECONDS_MAX)


def append(cluster, events):
    with closing(open_log_in(cluster)) as log:
        log.append(events)


def decide_in_two(capsys, monkeypatch, home, cluster, waiting, *mode):
    """Decides half, then the rest after so long a pause that brokers forgot how far the group was;
    how many were decided then.
    """
    append(cluster, waiting[: len(waiting) // 2])
    decide_rest(capsys, monkeypatch, home, cluster, *mode)
    forget_offsets(cluster)
    append(cluster, waiting[len(waiting) // 2 :])
    return decide_rest(capsys, monkeypatch, home, cluster, *mode)["decided"]


@slow
@MODES
def test_a_group_whose_offsets_are_gone_goes_on_behind_its_answers(
    capsys, monkeypatch, home, cluster, waiting, mode
):
    later = [each for each in waiting[len(waiting) // 2 :] if each.stream is Stream.TRANSFERS]
    decided = decide_in_two(capsys, monkeypatch, home, cluster, waiting, *mode)
    assert_nothing_twice(home, cluster)
    assert decided == len(later)
    assert decide_rest(capsys, monkeypatch, home, cluster, *mode)["decided"] == 0
    forget_offsets(cluster)
    assert decide_rest(capsys, monkeypatch, home, cluster, *mode)["decided"] == 0
    assert_nothing_twice(home, cluster)


@slow
def test_sabotage_a_group_that_begins_at_the_beginning_answers_all_anew(
    capsys, monkeypatch, home, cluster, waiting
):
    monkeypatch.setattr(
        worker, "take_up", lambda *_, forgotten, answers: dict.fromkeys(forgotten, 0)
    )
    decide_in_two(capsys, monkeypatch, home, cluster, waiting)
    assert assert_as_served(home, cluster) > 100


@slow
def test_answers_that_brokers_let_go_of_are_not_given_anew(
    capsys, monkeypatch, home, cluster, waiting
):
    """Law: what lies before the first answer that is left was answered too."""
    append(cluster, waiting[: len(waiting) // 2])
    decide_rest(capsys, monkeypatch, home, cluster)
    forget_offsets(cluster)
    let_go_of_answers(cluster, keep=0.5)
    append(cluster, waiting[len(waiting) // 2 :])
    later = [each for each in waiting[len(waiting) // 2 :] if each.stream is Stream.TRANSFERS]
    assert decide_rest(capsys, monkeypatch, home, cluster)["decided"] == len(later)


@slow
def test_a_group_that_nobody_knows_of_any_more_is_refused(
    capsys, monkeypatch, home, cluster, waiting
):
    """Law: where neither offsets nor answers are left, a person says what was answered."""
    append(cluster, waiting[: len(waiting) // 2])
    decide_rest(capsys, monkeypatch, home, cluster)
    forget_offsets(cluster)
    let_go_of_answers(cluster, keep=0)
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end", "--json")
    assert said.code == 2
    for word in ("LOG_MISMATCH", "forgotten", "--reset-offsets"):
        assert word in said.err


def test_brokers_keep_offsets_for_no_less_than_the_longest_that_records_are_kept():
    told = dict(
        line.split("=", 1) for line in brokers.PROPERTIES.splitlines() if not line.startswith("#")
    )
    kept = (
        int(dict(topic.settings)["retention.ms"])
        for topic in declared_topics(partitions=4, replicas=1, in_sync_min=1)
    )
    longest = max(each for each in kept if each != FOREVER)
    assert int(told["offsets.retention.minutes"]) * 60_000 >= longest
