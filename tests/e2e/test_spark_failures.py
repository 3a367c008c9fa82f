"""A job of Spark in bad luck: foreign records are set aside, and each failure is one clear message.

One log and one checkpoint for all of it, each failure mended before the next: a session of Spark
takes long to start.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.adapters.spark.job import CHECKPOINT, KEPT
from crivo.bootstrap.home import Paths
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow
from crivo.governance.record_cipher import SEALED
from tests.e2e.spark_jobs import job, told
from tests.integration.workers import make_decided_home, waiting_of
from tests.ports.kafka_logs import forget_space, new_space, open_log_in

pytestmark = pytest.mark.slow

#: Of each run, on a machine that does much else.
SECONDS_MAX = 1_800
EVENTS = 60


@dataclass
class Story:
    """What each run of one job said, one after the other, and what came of it."""

    folder: Path
    first: subprocess.CompletedProcess[str]
    without_waiting: subprocess.CompletedProcess[str]
    without_checkpoint: subprocess.CompletedProcess[str]
    mended: subprocess.CompletedProcess[str]
    poisoned: subprocess.CompletedProcess[str]
    letters: list[tuple[bytes | None, str]]
    rows: list[EventRow]


@pytest.fixture(scope="module")
def story(tmp_path_factory, kafka, require_extra, spark_jars):
    """Two foreign records and transfers that wait; another foreign one and two damages, which are
    mended; at last a record that bears a number and is no event.
    """
    home = make_decided_home(tmp_path_factory.mktemp("home"), EVENTS)
    folder, where = Paths(home).spark, new_space(kafka.cluster)
    with closing(open_log_in(where)) as log:
        log.append(waiting_of(home))

    def run():
        return subprocess.run(
            job(require_extra("spark"), "local[1]", where),
            env=told(home, spark_jars, SPARK__LAKE="false"),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    produce(where, (b"me", b"\xff", []), (None, b"other", [("seq", b"-1")]))
    first = run()
    assert first.returncode == 0, first.stderr[-4_000:]
    produce(where, (None, b"third", []))
    with damaged(newest(folder / KEPT) / "cut"):
        without_waiting = run()
    with damaged(newest(folder / CHECKPOINT / "offsets")):
        without_checkpoint = run()
    mended = run()
    letters = [(each.value, each.marks["code"]) for each in read_dead_letters(where)]
    rows = [row for some in KafkaStoredLog(where).rows_after({}, limit=10_000) for row in some]
    produce(where, (None, b"\xc1", [("schema", b"transfer.v1"), ("seq", b"999")]))
    poisoned = run()
    yield Story(folder, first, without_waiting, without_checkpoint, mended, poisoned, letters, rows)
    forget_space(where)


def newest(folder):
    """What a batch of the greatest number left there."""
    return max(folder.glob("[0-9]*"), key=lambda each: int(each.name))


@contextmanager
def damaged(file):
    """Other bytes in a file, with no checksum of the former ones beside it."""
    kept = [each for each in (file, file.with_name(f".{file.name}.crc")) if each.exists()]
    was = {each: each.read_bytes() for each in kept}
    for each in kept:
        each.unlink()
    file.write_bytes(b"damaged")
    yield
    for each, content in was.items():
        each.write_bytes(content)


def produce(where, *records):
    """(key, value, headers) as records of the topic of transfers."""
    producer = Producer(where.options())
    for key, value, headers in records:
        producer.produce(where.named(Stream.TRANSFERS.value), value, key, 1, headers=headers)
    assert producer.flush(10) == 0


def refused(done, code, exit_code):
    """The message of a job that failed, which is one line; all others are of its log."""
    assert done.returncode == exit_code, done.stderr[-4_000:]
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    (line,) = (each for each in lines if each.startswith("crivo: "))
    assert line.startswith(f"crivo: {code}: ")
    assert "Hint: " in line
    return line


def test_foreign_records_are_set_aside_once_with_their_cause_and_counted(story):
    """Law: what is among the dead letters of its topic does not come there again."""
    first, mended = json.loads(story.first.stdout), json.loads(story.mended.stdout)
    assert first["decided"] > 0
    assert first["published"] >= first["decided"]
    assert first["foreign"] == 2
    assert (mended["foreign"], mended["decided"], mended["published"]) == (1, 0, 0)
    expected = [(value, "ROW_MALFORMED") for value in (b"\xff", b"other", b"third")]
    assert story.letters == expected
    # Sabotage: one that is lost would be noticed.
    assert story.letters[1:] != expected


def test_decisions_are_sealed_as_a_worker_seals_them(story):
    """Law: what was decided lies in no topic in clear."""
    sealed = {stream: set() for stream in (Stream.DECISIONS.value, Stream.TRANSFERS.value)}
    for row in story.rows:
        if row[1] in sealed:
            sealed[row[1]].add(row[10][0] == SEALED)
    # Sabotage: payloads in clear, as this log's transfers are, would be noticed.
    assert sealed == {Stream.DECISIONS.value: {True}, Stream.TRANSFERS.value: {False}}


def test_what_a_batch_left_that_is_damaged_is_named(story):
    line = refused(story.without_waiting, "FILE_UNREADABLE", 2)
    assert str(story.folder / KEPT) in line


def test_a_damaged_checkpoint_is_named_and_once_it_is_mended_the_job_goes_on(story):
    line = refused(story.without_checkpoint, "FILE_UNREADABLE", 2)
    assert str(story.folder / CHECKPOINT) in line
    assert story.mended.returncode == 0, story.mended.stderr[-4_000:]


def test_a_numbered_record_that_is_no_event_ends_the_job_with_its_own_error(story):
    line = refused(story.poisoned, "ROW_MALFORMED", 2)
    assert "a record of Kafka is no event" in line
