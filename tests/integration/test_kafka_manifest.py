"""A log in Kafka is made once, however many make it at the same time."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from crivo.adapters.kafka import manifest, transactions
from crivo.adapters.kafka.intake import open_consumer
from crivo.adapters.kafka.manifest import find_manifest, make_manifest
from crivo.adapters.kafka.topics import MANIFEST, MANIFEST_KEY, Topics, declared_topics
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import Manifest
from tests.outages import SECONDS_MAX, await_so
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import events

pytestmark = pytest.mark.slow


def made_by(name):
    return Manifest(name, ClockKind.REPLAY, 4)


def manifests(cluster):
    """How many are there, of all that was committed."""
    found = 0
    with closing(open_consumer(cluster)) as consumer:
        consumer.assign([TopicPartition(cluster.named(MANIFEST), 0, OFFSET_BEGINNING)])
        while (record := manifest._next_of(consumer, 15)) is not None:
            found += record.key() == MANIFEST_KEY
    return found


def make_at_once(cluster, monkeypatch):
    """What two get, both of which saw no manifest, by their names; one may be refused."""
    met, real = threading.Barrier(2), find_manifest

    def found(where):
        there = real(where)
        if there is None and threading.current_thread() not in seen:
            seen.add(threading.current_thread())
            met.wait(SECONDS_MAX)
        return there

    seen, got = set(), {}
    monkeypatch.setattr(manifest, "find_manifest", found)

    def make(name):
        try:
            got[name] = make_manifest(cluster, made_by(name))
        except Unavailable as refused:
            got[name] = refused

    threads = [threading.Thread(target=make, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS_MAX)
    return got


def test_of_two_that_make_a_log_at_once_one_does_and_the_other_reads_it_or_is_refused(
    cluster, monkeypatch
):
    got = make_at_once(cluster, monkeypatch)
    monkeypatch.undo()
    # A commit is answered before it shows.
    await_so(lambda: find_manifest(cluster) is not None)
    stands = find_manifest(cluster)
    assert stands is not None and manifests(cluster) == 1
    assert set(got) == {"one", "two"}
    refused = [each for each in got.values() if isinstance(each, Unavailable)]
    assert all(each.code is Code.LOG_LOCKED for each in refused) and len(refused) <= 1
    assert {each for each in got.values() if isinstance(each, Manifest)} == {stands}
    assert make_manifest(cluster, made_by("three")) == stands
    with closing(open_log_in(cluster)) as log:
        assert log.manifest == stands
    assert manifests(cluster) == 1


def test_sabotage_makers_whom_no_name_parts_write_two(cluster, monkeypatch):
    names = iter(("a", "b"))
    real = manifest.Transactions
    monkeypatch.setattr(
        manifest, "Transactions", lambda where, **told: real(where, **{**told, "name": next(names)})
    )
    make_at_once(cluster, monkeypatch)
    monkeypatch.undo()
    await_so(lambda: manifests(cluster) == 2)


def check_a_maker_that_stalled_leaves_the_name_to_the_writer(cluster, monkeypatch):
    opened, real, seconds_max = [], manifest._send, 1.0

    def stalled(*sent):
        monkeypatch.setattr(manifest, "_send", real)
        real(*sent)
        opened.append(open_log_in(cluster))
        monkeypatch.setattr(transactions, "SECONDS_MAX", seconds_max)
        time.sleep(2 * seconds_max)

    monkeypatch.setattr(manifest, "_send", stalled)
    try:
        make_manifest(cluster, made_by("one"))
        end = None
    except Unavailable as refused:
        end = refused.code
    monkeypatch.undo()
    with closing(opened[0]) as log:
        assert log.append(events(0, 3)) == 0
    assert end is Code.LOG_LOCKED
    assert manifests(cluster) == 1


def test_a_maker_that_stalled_leaves_the_name_to_the_writer_that_came(cluster, monkeypatch):
    """Law: also one that stalled for longer than a transaction may take."""
    check_a_maker_that_stalled_leaves_the_name_to_the_writer(cluster, monkeypatch)


def test_sabotage_a_maker_that_takes_the_name_again_ends_the_writer(cluster, monkeypatch):
    real = manifest.Transactions
    monkeypatch.setattr(
        manifest, "Transactions", lambda where, **told: real(where, **{**told, "check": None})
    )
    with pytest.raises(Unavailable) as ended:
        check_a_maker_that_stalled_leaves_the_name_to_the_writer(cluster, monkeypatch)
    assert ended.value.code is Code.LOG_LOCKED


def test_topics_that_another_makes_at_the_same_time_are_made(kafka, cluster, monkeypatch):
    space = f"{cluster.space}.beside"
    declared = declared_topics(partitions=1, replicas=1, in_sync_min=1, space=space)
    late, early = Topics(cluster, declared), Topics(cluster, declared)
    missing = late.differences()
    assert early.apply() == missing
    real = iter([missing])
    monkeypatch.setattr(late, "differences", lambda: next(real, []))
    assert late.apply() == missing
    assert early.differences() == []
