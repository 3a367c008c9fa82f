"""Topics as code, on a real broker: what differs is named, mended, and never deleted."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.topics import (
    DEAD_LETTERS,
    INBOX,
    MANIFEST,
    Topics,
    declared_topics,
)
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.streams import Stream
from tests.outages import SECONDS_MAX, await_so, bring_back


def declared(**changes):
    return declared_topics(**{"partitions": 4, "replicas": 1, "in_sync_min": 1, **changes})


def test_every_stream_has_its_topic_and_one_for_what_was_refused():
    names = {topic.name for topic in declared()}
    streams = {stream.value for stream in Stream} | {INBOX}
    assert names == streams | {name + DEAD_LETTERS for name in streams} | {MANIFEST}


def test_the_inbox_is_kept_a_day_streams_a_week_and_refused_records_a_month():
    kept = {topic.name: int(dict(topic.settings)["retention.ms"]) for topic in declared()}
    days = {name: ms / 86_400_000 for name, ms in kept.items()}
    assert days[INBOX] == 1
    assert {days[stream.value] for stream in Stream} == {7}
    assert {part for name, part in days.items() if name.endswith(DEAD_LETTERS)} == {30}


def test_no_broker_that_missed_records_comes_to_lead():
    """Law: what two brokers have acknowledged is lost by no single one."""
    for topic in declared():
        assert dict(topic.settings)["unclean.leader.election.enable"] == "false", topic.name


def test_no_more_brokers_must_have_a_record_than_hold_it():
    with pytest.raises(Misconfigured) as refused:
        declared(replicas=1, in_sync_min=2)
    assert refused.value.code is Code.SETTING_INVALID
    assert refused.value.context["field"] == "CRIVO_KAFKA__IN_SYNC_MIN"


def test_a_password_is_in_no_text_of_a_cluster():
    cluster = Cluster("broker:1", protocol="SASL_SSL", username="ana", password="never-told")
    assert "never-told" not in f"{cluster} {cluster!r}"
    assert cluster.options()["sasl.password"] == "never-told"


@pytest.fixture
def topics(brokers):
    """The declared topics on a cluster that has just these, whatever a test did before."""
    admin = AdminClient(brokers.cluster.options())
    there = list(partitions_of(admin))
    for done in admin.delete_topics(there).values() if there else ():
        done.result(SECONDS_MAX)
    await_topics(admin, {})
    return Topics(brokers.cluster, declared())


def partitions_of(admin):
    """How many partitions each topic has, but those that a broker keeps for itself."""
    found = admin.list_topics(timeout=SECONDS_MAX).topics
    return {
        name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")
    }


def await_topics(admin, partitions):
    """Until the broker has heard of these topics, each with so many partitions, and of no other."""
    await_so(lambda: partitions_of(admin) == partitions)


@pytest.mark.slow
def test_what_is_missing_is_named_then_made_and_then_nothing_is_left(topics):
    missing = topics.differences()
    assert {each.topic for each in missing} == {topic.name for topic in declared()}
    assert {each.found for each in missing} == {"missing"}
    assert topics.apply() == missing
    assert topics.differences() == []
    assert topics.apply() == []


@pytest.mark.slow
def test_a_setting_that_somebody_changed_is_named_and_set_back(topics, brokers):
    topics.apply()
    short = declared_topics(partitions=4, replicas=1, in_sync_min=1)
    hour = [
        topic.__class__(
            topic.name,
            topic.partitions,
            topic.replicas,
            tuple((k, "3600000" if k == "retention.ms" else v) for k, v in topic.settings),
        )
        if topic.name == "pix.reports.v1"
        else topic
        for topic in short
    ]
    Topics(brokers.cluster, hour).apply()
    (found,) = topics.differences()
    assert (found.topic, found.what) == ("pix.reports.v1", "retention.ms")
    assert (found.expected, found.found) == ("604800000", "3600000")
    topics.apply()
    assert topics.differences() == []


@pytest.mark.slow
def test_another_number_of_partitions_is_refused_and_nothing_else_is_changed(topics, brokers):
    admin = AdminClient(brokers.cluster.options())
    admin.create_topics([NewTopic("pix.decisions.v1", 4, 1)])["pix.decisions.v1"].result(
        SECONDS_MAX
    )
    grown = admin.create_partitions([NewPartitions("pix.decisions.v1", 6)])
    grown["pix.decisions.v1"].result(SECONDS_MAX)
    await_topics(admin, {"pix.decisions.v1": 6})
    with pytest.raises(Misconfigured) as refused:
        topics.apply()
    assert refused.value.code is Code.LOG_MISMATCH
    assert refused.value.context["expected"] == "4"
    assert refused.value.context["found"] == "6"
    assert partitions_of(admin) == {"pix.decisions.v1": 6}


@pytest.mark.slow
def test_records_and_topics_outlive_a_broker_that_is_killed(topics, brokers, node):
    topics.apply()
    producer = Producer({**brokers.cluster.options(), "acks": "all"})
    producer.produce("pix.reports.v1", b"kept", key=b"0" * 32)
    assert producer.flush(SECONDS_MAX) == 0
    brokers.kill(node)
    bring_back(brokers, node)
    assert topics.differences() == []
    options = {"group.id": "test", "auto.offset.reset": "earliest"}
    consumer = Consumer({**brokers.cluster.options(), **options})
    consumer.subscribe(["pix.reports.v1"])
    record = consumer.poll(SECONDS_MAX)
    consumer.close()
    assert record is not None
    assert record.value() == b"kept"


@pytest.mark.slow
def test_a_record_of_long_ago_is_kept_from_the_day_it_was_written(topics, brokers):
    topics.apply()
    producer = Producer({**brokers.cluster.options(), "acks": "all"})
    producer.produce("pix.reports.v1", b"of 1970", key=b"0" * 32, partition=0, timestamp=1)
    assert producer.flush(SECONDS_MAX) == 0
    consumer = Consumer({**brokers.cluster.options(), "group.id": "test"})
    consumer.assign([TopicPartition("pix.reports.v1", 0, OFFSET_BEGINNING)])
    record = consumer.poll(SECONDS_MAX)
    consumer.close()
    assert record is not None
    kind, written_ms = record.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert abs(written_ms / 1_000 - time.time()) < 60


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told_as_such(monkeypatch):
    monkeypatch.setattr("crivo.adapters.kafka.topics.ANSWER_SECONDS_MAX", 0.5)
    with pytest.raises(Unavailable) as silent:
        Topics(Cluster("127.0.0.1:1"), declared()).differences()
    assert silent.value.code is Code.LOG_UNAVAILABLE
    assert "127.0.0.1:1" in silent.value.message


def crivo(*arguments, **settings):
    named = {f"CRIVO_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "crivo", *arguments],
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_commands_say_what_differs_mend_it_and_say_so(topics, brokers):
    settings = {
        "kafka__brokers": brokers.cluster.brokers,
        "kafka__replicas": "1",
        "kafka__in_sync_min": "1",
        "log__partitions": "4",
    }
    before = crivo("topics", "diff", "--json", **settings)
    assert before.returncode == 1, before.stderr
    assert '"pix.decisions.v1"' in before.stdout
    assert "LOG_MISMATCH" in before.stderr
    assert crivo("topics", "apply", **settings).returncode == 0
    after = crivo("topics", "diff", **settings)
    assert after.returncode == 0, after.stderr
    assert "as declared" in after.stdout
    assert topics.differences() == []


@pytest.mark.slow
def test_without_a_cluster_the_command_says_which_setting_names_one():
    answer = crivo("topics", "diff")
    assert answer.returncode == 2
    assert "CRIVO_KAFKA__BROKERS" in answer.stderr
