"""A job of Spark among three brokers, of which one is killed, while records come that are foreign,
of a newer release, or received by a clock that jumps; at last one whose schema it does not know.

One job does for all of it, since a session of Spark takes long to start, and it decides as events
come. Each record lies once in bronze, and each transfer has one answer.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass

import msgspec
import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.records import SCHEMA, record_of
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow, row_of
from crivo.lake.table import BRONZE, PLACE
from tests.e2e.spark_jobs import job, told
from tests.free_port import free_port
from tests.integration.workers import (
    answers,
    environment,
    make_decided_home,
    refused_of,
    submit,
    waiting_of,
)
from tests.lake.lakes import lake_at
from tests.ports.kafka_logs import give_numbers, new_space, open_log_in, url_of

pytestmark = pytest.mark.slow

#: Of what is waited for, on a machine that does much else.
SECONDS_MAX = 600
EVENTS = 240
#: What a client of Java says of a broker that is gone.
NOT_REACHED = re.compile(r"Connection to node \d+ .* could not be established")


@dataclass
class Story:
    """What came of the job, as others read it, before the record that ended it and behind it."""

    transfers: int
    derived: dict[str, bytes]
    doubles: int
    metrics: str
    replay: dict[str, object]
    letters: list[tuple[bytes | None, str]]
    said: str
    exit_code: int
    rows: list[EventRow]
    places: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def story(tmp_path_factory, kafka, require_extra, spark_jars):
    home = make_decided_home(tmp_path_factory.mktemp("home"), EVENTS)
    events = [longer(each) for each in waiting_of(home)]
    third = len(events) // 3
    # A day ahead, then twenty hours behind, then right again.
    events = [
        *events[:third],
        *(jumped(each, DAY) for each in events[third : third + 20]),
        *(jumped(each, -20 * HOUR) for each in events[third + 20 : third + 40]),
        *events[third + 40 :],
    ]
    transfers = sum(each.stream is Stream.TRANSFERS for each in events)
    said, port = tmp_path_factory.mktemp("said") / "stderr", free_port()
    with running(tmp_path_factory.mktemp("three"), kafka.jars, count=3) as brokers:
        where = new_space(brokers.cluster, replicas=3)
        with closing(open_log_in(where)) as log, said.open("wb") as lines:
            log.append(events[:third])
            command = job(require_extra("spark"), "local[1]", where)
            command.remove("--until-end")
            process = subprocess.Popen(
                [*command, "--metrics-port", str(port)],
                env=told(home, spark_jars, SPARK__BATCH_RECORDS=60, SPARK__REFINE_BATCHES=1_000),
                stdout=subprocess.PIPE,
                stderr=lines,
            )
            try:
                # A job that waits asks each broker many times a second.
                await_so(lambda: decided(rows_of(where)), process, said)
                await_so(lambda: len(bronze(home)) >= len(rows_of(where)), process, said)
                brokers.kill(brokers.nodes[1])
                await_so(lambda: NOT_REACHED.search(said.read_text("utf-8")), process, said)
                produce(where, (None, b"foreign", []))
                submit(log, events[third:])
                await_so(lambda: log.end() >= len(events), process, said)
                await_so(lambda: len(decided(rows_of(where))) >= transfers, process, said)
                # The last answers come to bronze with a batch of their own.
                await_so(lambda: len(bronze(home)) >= len(rows_of(where)), process, said)
                metrics = told_at(port)
                derived, doubles = answers(home, where)
                replay = subprocess.run(
                    [sys.executable, "-m", "crivo", "replay", "--json", "--log", url_of(where)],
                    env=environment(home),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert replay.returncode == 0, replay.stderr
                letters = [
                    (each.value, each.marks["code"])
                    for each in read_dead_letters(where, refused_of(home))
                ]
                give_numbers(where, len(events) + 1)
                produce(where, of_another_version(events[0], len(events)))
                process.communicate(timeout=SECONDS_MAX)
            finally:
                process.kill()
                process.wait()
        rows = rows_of(where)
    return Story(
        transfers,
        derived,
        doubles,
        metrics,
        json.loads(replay.stdout),
        letters,
        said.read_text(encoding="utf-8"),
        process.returncode,
        rows,
        bronze(home),
    )


def longer(event):
    """A transfer as a newer release writes it, with one field more."""
    if event.stream is not Stream.TRANSFERS:
        return event
    fields = msgspec.msgpack.decode(event.payload)
    return event._replace(payload=msgspec.msgpack.encode([*fields, "of a newer release"]))


def jumped(event, microseconds):
    """An event that was received by a clock which is so far ahead."""
    return event._replace(received_at=event.received_at + microseconds)


def of_another_version(event, seq):
    """The record of an event under the next number, of a schema that nobody knows yet."""
    record = record_of(row_of(event, seq=seq, partition=1))
    headers = [(name, b"transfer.v99" if name == SCHEMA else of) for name, of in record.headers]
    return record.key, record.value, headers


def produce(where, *records):
    """(key, value, headers) as records of the topic of transfers."""
    producer = Producer(where.options())
    for key, value, headers in records:
        producer.produce(where.named(Stream.TRANSFERS.value), value, key, 1, headers=headers)
    assert producer.flush(SECONDS_MAX) == 0


def rows_of(where):
    """The log's records, as a client reads them."""
    return [row for some in KafkaStoredLog(where).rows_after({}, limit=10_000) for row in some]


def decided(rows):
    """The numbers of the transfers that have an answer."""
    return {row[0] for row in rows if row[1] == Stream.DECISIONS.value}


def bronze(home):
    """Where the records lie that the job took into its lake: stream, partition, offset."""
    lake = lake_at(home / "lake")
    return [tuple(each.values()) for each in lake.open(BRONZE).read(PLACE).to_pylist()]


def await_so(is_so, process, said):
    """Until something is so, while the job works."""
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert process.poll() is None, said.read_text(encoding="utf-8")[-4_000:]
        assert time.monotonic() < until, said.read_text(encoding="utf-8")[-4_000:]
        time.sleep(0.3)


def told_at(port):
    """The job's metrics."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return answer.read().decode()


def value_of(metrics, name):
    """The one value of a metric."""
    (found,) = re.findall(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    return float(found)


def test_each_transfer_has_one_answer_though_a_broker_was_killed_and_clocks_jumped(story):
    assert story.transfers > 100
    assert len(story.derived) == story.transfers
    assert story.doubles == 0
    assert NOT_REACHED.search(story.said)


def test_decisions_behind_clocks_that_jumped_are_found_again_by_replay(story):
    assert story.replay["compared"] == story.transfers
    assert story.replay["differing"] == 0


def assert_once(places, rows):
    """Law: all of the log lies in bronze, once."""
    assert len(set(places)) == len(places)
    assert {row[1:4] for row in rows} == set(places)


def test_each_record_of_the_log_lies_in_bronze_once(story):
    """Also the one that ended the job: bronze keeps what is stored, whatever it says."""
    assert_once(story.places, story.rows)
    # Sabotage: one that is lost, and one that is there twice, would be noticed.
    for places in (story.places[1:], [*story.places, story.places[0]]):
        with pytest.raises(AssertionError):
            assert_once(places, story.rows)


def test_a_foreign_record_is_set_aside_and_counted(story):
    assert story.letters == [(b"foreign", "ROW_MALFORMED")]
    assert value_of(story.metrics, "crivo_spark_foreign_records_total") == 1


def test_the_watermark_is_ten_seconds_behind_the_newest_instant_and_nothing_is_dropped(story):
    """Law: events behind it, late ones among them, are taken and decided as all others."""
    instants = [row[6] for row in story.rows if row[8] != "transfer.v99"]
    watermark = value_of(story.metrics, "crivo_spark_watermark_timestamp_seconds")
    assert watermark == pytest.approx(max(instants) / SECOND - 10, abs=0.002)
    behind = [at for place, at in enumerate(instants) if at < max(instants[:place], default=0)]
    assert any(max(instants) - at > 10 * SECOND for at in behind)


def test_a_record_of_a_schema_that_is_not_known_ends_the_job_and_is_named(story):
    assert story.exit_code == 2
    (line,) = (each for each in story.said.splitlines() if each.startswith("crivo: "))
    assert line.startswith("crivo: SCHEMA_UNKNOWN: ")
    assert "transfer.v99" in line and "Hint: " in line
    assert "spark.failed" in story.said
