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
from crivo.domain.instant import parse_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow
from crivo.governance.record_cipher import SEALED
from tests.e2e.spark_jobs import job, told
from tests.integration.workers import make_decided_home, refused_of, waiting_of
from tests.ports.kafka_logs import forget_space, give_numbers, new_space, open_log_in

pytestmark = pytest.mark.slow

#: Of each run, on a machine that does much else.
SECONDS_MAX = 1_800
EVENTS = 60

#: What bears an instant where a record of ours does, and can be read no further: one of 2099, and
#: the greatest that there is.
LATER, LATEST = (
    b"\x96\xc4\x10" + bytes(16) + b"\xcf" + at.to_bytes(8)
    for at in (parse_rfc3339("2099-01-01T00:00:00Z"), (1 << 63) - 1)
)


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
def asked(tmp_path_factory, kafka):
    """A home, and a log of transfers that wait."""
    home = make_decided_home(tmp_path_factory.mktemp("home"), EVENTS)
    where = new_space(kafka.cluster)
    with closing(open_log_in(where)) as log:
        log.append(waiting_of(home))
    yield home, where
    forget_space(where)


@pytest.fixture(scope="module")
def begin(asked, require_extra, spark_jars):
    """A function: what a job that decides the log said, told otherwise by the variables given."""
    home, where = asked

    def run(master="local[1]", *, environ=None, jars=spark_jars, **changes):
        return subprocess.run(
            job(require_extra("spark"), master, where),
            env={**told(home, jars, SPARK__LAKE="false", **changes), **(environ or {})},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def story(asked, begin):
    """Four foreign records and transfers that wait; another foreign one and two damages, which are
    mended; at last a record that bears a number of the writer's and is no event.
    """
    home, where = asked
    folder, run = Paths(home).spark, begin
    produce(where, (b"me", b"\xff", []), (None, b"other", [("seq", b"-1")]))
    produce(where, (None, LATER, [("answers", b"0x7")]), (None, LATEST, [("seq", b"9" * 12)]))
    # A folder of snapshots that cannot be written ends no job.
    Paths(home).snapshots.write_text("no folder")
    first = run(SNAPSHOTS__EVERY_EVENTS=10)
    assert first.returncode == 0, first.stderr[-4_000:]
    produce(where, (None, b"third", []))
    with damaged(newest(folder / KEPT) / "cut"):
        without_waiting = run()
    with damaged(newest(folder / CHECKPOINT / "offsets")):
        without_checkpoint = run()
    mended = run()
    letters = [
        (each.value, each.marks["code"]) for each in read_dead_letters(where, refused_of(home))
    ]
    rows = [row for some in KafkaStoredLog(where).rows_after({}, limit=10_000) for row in some]
    give_numbers(where, 1_000)
    produce(where, (None, b"\xc1", [("schema", b"transfer.v1"), ("seq", b"999")]))
    poisoned = run()
    return Story(
        folder, first, without_waiting, without_checkpoint, mended, poisoned, letters, rows
    )


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
    assert producer.flush(SECONDS_MAX) == 0


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
    assert first["foreign"] == 4
    assert first["unkept"] == 1
    assert '"snapshot.failed"' in story.first.stderr
    assert "FILE_UNWRITABLE" in story.first.stderr
    assert (mended["foreign"], mended["decided"], mended["published"]) == (1, 0, 0)
    values = (b"\xff", b"other", LATER, LATEST, b"third")
    expected = [(value, "ROW_MALFORMED") for value in values]
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


def test_a_session_that_cannot_begin_says_what_it_lacks(begin, tmp_path):
    """No Java, Java without memory, no jar, no master that answers, and a master of no kind."""
    line = refused(begin(environ={"JAVA_HOME": "/nowhere"}), "SETTING_INVALID", 2)
    assert "/nowhere" in line
    line = refused(begin(SPARK__MEMORY="1m"), "SETTING_INVALID", 2)
    assert "CRIVO_SPARK__MEMORY" in line
    line = refused(begin(jars=tmp_path), "FILE_UNREADABLE", 2)
    assert str(tmp_path) in line and "make engines" in line
    line = refused(begin("spark://127.0.0.1:1"), "NOT_READY", 3)
    assert "spark://127.0.0.1:1" in line
    line = refused(begin("databricks"), "SETTING_INVALID", 2)
    assert "local[N]" in line
    # Spark looks for YARN, and says what it lacks.
    without_yarn = begin("yarn")
    refused(without_yarn, "SETTING_INVALID", 2)
    assert "YARN_CONF_DIR" in without_yarn.stderr


#: A process that has a session of its own, as one of Databricks has, and counts by it behind a job.
BESIDE = """
from datetime import datetime
from pathlib import Path
from pyspark.sql import SparkSession
from crivo.bootstrap.spark_records import OCCURRED
from crivo.adapters.spark.session import spark_session

there = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
there.conf.set("spark.sql.session.timeZone", "America/Sao_Paulo")
with spark_session("none", Path("/nowhere"), memory="1g") as session:
    assert session.sparkContext is there.sparkContext
    assert session.conf.get("spark.sql.session.timeZone") == "UTC"
assert there.conf.get("spark.sql.session.timeZone") == "America/Sao_Paulo"
print(there.range(3).count())

noon, micros = datetime(2026, 11, 28, 12), 1_795_867_200_000_000
instants = [micros + 60_000_000, micros + 60_000_001, 1 << 63, (1 << 63) - 1, 0]
rows = [
    (b"\\x96\\xc4\\x10" + bytes(16) + b"\\xcf" + at.to_bytes(8), [("seq", b"1")], noon)
    for at in instants
]
columns = "value binary, headers array<struct<key: string, value: binary>>, timestamp timestamp"
found = session.createDataFrame(rows, columns).selectExpr(f"unix_micros({OCCURRED})").collect()
print(*(at - micros if at is not None else None for (at,) in found))
there.stop()
"""


def test_a_session_that_is_there_is_taken_and_left_and_believes_no_instant_of_the_future(
    require_extra,
):
    """Law: what is set for a job is set for nobody else, and its end ends nothing of theirs. An
    event occurs at most a minute after its broker had it, whatever a record says.
    """
    done = subprocess.run(
        [require_extra("spark"), "-c", BESIDE],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    assert done.stdout.splitlines() == ["3", "60000000 None None None None"]
