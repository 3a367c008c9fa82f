"""The log in Kafka on a real broker: copies that replay, one writer, kills, what is nobody's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from msgspec import structs

from crivo.adapters.kafka import writer
from crivo.adapters.kafka.brokers import Brokers, running
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import record_of
from crivo.adapters.kafka.rows import KafkaRows
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.adapters.kafka.tail import Tail, read_answers
from crivo.adapters.sqlite.reader import open_reader
from crivo.cli.sets import BuildOptions, run_features_build
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.streams import Stream
from crivo.flows.copy_log import copy_log
from tests.integration.commands import crivo
from tests.integration.pasts import keep_log, past
from tests.integration.test_replay_command import forge
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import give_numbers, new_space, open_log_in, url_of
from tests.ports.logs import assert_gapless, event, events, open_test_log, seeded_cipher, stored
from tests.unit.decision.worlds import play, world

pytestmark = pytest.mark.slow


@pytest.fixture
def own_kafka(kafka, tmp_path) -> Iterator[Brokers]:
    """A broker that may be killed: the session's has many others' partitions to look after."""
    with running(tmp_path / "own-kafka", kafka.jars) as brokers:
        yield brokers


@pytest.fixture
def home(tmp_path):
    with world(tmp_path) as played:
        play(played, 4, 150)
    return tmp_path


def copied(capsys, home, cluster, *more):
    said = crivo(
        capsys, "log", "copy", "--from", home, "--to", url_of(cluster), "--home", home, *more
    )
    assert said.code == 0, said.err


def test_a_copied_log_replays_with_no_difference_and_its_vectors_verify(capsys, home, cluster):
    copied(capsys, home, cluster, "--json")
    for command in (["replay"], ["features", "verify", "--one-in", "1"]):
        file, kafka = (
            crivo(capsys, *command, "--home", home, "--json", *where)
            for where in ((), ("--log", url_of(cluster)))
        )
        assert (file.code, kafka.code) == (0, 0), kafka.err
        assert json.loads(kafka.out) == json.loads(file.out)
    said = json.loads(kafka.out)
    assert said["parity"]["mismatches"] == 0
    assert said["parity"]["compared"] > 30


def test_sabotage_a_forged_outcome_in_kafka_is_found(capsys, home, cluster):
    forge(home)
    copied(capsys, home, cluster)
    said = crivo(capsys, "replay", "--home", home, "--log", url_of(cluster), "--json")
    assert said.code == 1
    assert json.loads(said.out)["differing"] == 1


def test_a_training_set_of_a_copy_has_the_same_bytes(capsys, tmp_path, cluster, monkeypatch):
    keep_log(tmp_path, past(4, 800))
    copied(capsys, tmp_path, cluster)
    made = []
    for name in ("file", "kafka"):
        if name == "kafka":
            monkeypatch.setenv("CRIVO_LOG__URL", url_of(cluster))
        run_features_build(
            BuildOptions(tmp_path, None, None, 7, 1, 1, tmp_path / name, as_json=True)
        )
        made.append(json.loads(capsys.readouterr().out))
    assert made[0]["rows_sha256"] == made[1]["rows_sha256"]
    assert made[0]["cut"] == made[1]["cut"] > 800


def test_a_copy_has_the_stored_bytes_and_goes_on_where_it_stopped(tmp_path, cluster):
    with closing(open_test_log(tmp_path / "log.sqlite", cipher=seeded_cipher())) as log:
        log.append([event(number, stream=Stream.DECISIONS) for number in range(50)])
        with closing(open_reader(tmp_path / "log.sqlite")) as source:
            with closing(KafkaRows(cluster, source.manifest)) as target:
                target.append_stored(source.stored_rows(start=0, limit=20))
            with closing(KafkaRows(cluster, source.manifest)) as target:
                result = copy_log(source, target, progress=lambda _done, _end: None)
            assert (result.before, result.copied) == (20, 30)
            theirs = {row[4]: row[4:] for row in source.stored_rows(start=0, limit=100)}
    assert raw_rows(cluster) == theirs
    assert not any(b"payload" in row[6] for row in theirs.values())


def raw_rows(cluster):
    """What lies in Kafka, by id, as it lies there."""
    found = read_ends(cluster, 4, is_settled=False)
    lows, highs = ({part: each[at] for part, each in found.items()} for at in (0, 1))
    intake = Intake(cluster, lows, highs, foreign=lambda _message, why: pytest.fail(str(why)))
    for part in lows:
        while part in intake.open:
            intake.poll()
    intake.close()
    return {row[4]: row[4:] for rows in intake.waiting.values() for _, row in rows}


def test_a_second_writer_takes_over_and_the_first_is_refused(cluster):
    with closing(open_log_in(cluster)) as first:
        first.append(events(0, 5))
        with closing(open_log_in(cluster)) as second:
            second.append(events(5, 9))
            with pytest.raises(Unavailable) as refused:
                first.append([event(9)])
            assert refused.value.code is Code.LOG_LOCKED
            with pytest.raises(Unavailable):
                first.append([event(10)])
            second.append([event(9)])
            assert stored(second) == events(0, 10)
            assert_gapless(second, but_offsets=True)


def test_what_a_writer_appended_is_found_when_it_is_opened_again(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 30))
    with closing(open_log_in(cluster)) as log:
        assert log.end() == 30
        with pytest.raises(Refused) as refused:
            log.append([event(3)])
        assert refused.value.code is Code.DUPLICATE
        found = log.find(event(7).event_id)
        assert found is not None and found.event == event(7)
        log.append([event(30)])
        again = log.find(event(30).event_id)
        assert again is not None and again.seq == 30


@pytest.mark.parametrize("change", [{"clock": ClockKind.WALL}, {"partitions": 8}])
def test_a_log_in_kafka_keeps_its_clock_and_its_partitions(cluster, change):
    from crivo.adapters.kafka.log import open_kafka_log

    open_log_in(cluster).close()
    asked = {"clock": ClockKind.REPLAY, "partitions": 4, **change}
    with pytest.raises(Misconfigured) as caught:
        open_kafka_log(cluster, new_log_id="other", **asked)
    assert caught.value.code is Code.LOG_MISMATCH


def test_a_record_of_somebody_else_is_passed_over_and_counted(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 5))
    producer = Producer(cluster.options())
    for value in (b"", b"\x93what", b"{}"):
        producer.produce(cluster.named(Stream.HISTORY.value), value, b"me", 1)
    assert producer.flush(SECONDS_MAX) == 0
    with closing(KafkaLogReader(cluster)) as reader:
        assert [each.event for each in reader.read(start=0, limit=9)] == events(0, 5)
        assert reader.foreign == 3


def send_row(cluster, row, **changes):
    record = structs.replace(record_of(row), **changes)
    producer = Producer(cluster.options())
    producer.produce(
        cluster.named(row[1]), record.value, record.key, row[2], headers=record.headers
    )
    assert producer.flush(SECONDS_MAX) == 0


def row_numbered(seq, number, stream=Stream.HISTORY):
    each = event(number, stream=stream)
    return (
        seq, each.stream.value, 0, 0, each.event_id, each.key, each.occurred_at, each.received_at,
        each.schema, each.source, each.payload, None,
    )  # fmt: skip


def test_sabotage_a_number_that_is_missing_is_noticed(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 5))
    give_numbers(cluster, 7)
    send_row(cluster, row_numbered(6, 6))
    with pytest.raises(Misconfigured) as refused:
        KafkaLogReader(cluster)
    assert refused.value.code is Code.LOG_MISMATCH
    assert (refused.value.context["expected"], refused.value.context["found"]) == (5, 6)


def test_silence_is_no_empty_topic_of_which_a_second_log_is_made(own_kafka, monkeypatch):
    """Law: a manifest is written where the broker says that there is none, and nowhere else."""
    from crivo.adapters.kafka import manifest
    from crivo.adapters.kafka.log import open_kafka_log

    where, broker = new_space(own_kafka.cluster), own_kafka.nodes[0].pid
    open_log_in(where).close()
    first = manifest.find_manifest(where)
    monkeypatch.setattr("crivo.adapters.kafka.client.ANSWER_SECONDS_MAX", 3.0)
    assigned = manifest._next_of

    def silent(consumer, seconds):
        os.kill(broker, signal.SIGSTOP)
        return assigned(consumer, seconds)

    monkeypatch.setattr(manifest, "_next_of", silent)
    try:
        with pytest.raises(Unavailable) as refused:
            open_kafka_log(where, clock=None, partitions=None, new_log_id="another")
    finally:
        os.kill(broker, signal.SIGCONT)
    assert refused.value.code is Code.LOG_UNAVAILABLE
    monkeypatch.undo()
    assert manifest.find_manifest(where) == first


def followed(cluster):
    ends = {part: end for part, (_, end) in read_ends(cluster, 4).items()}
    with closing(Tail(cluster, 4, start=0, cipher=None)) as tail:
        # Of two partitions the records of one may come before those of the other.
        while not tail.has_reached(ends):
            tail.take(9, 0.1)


#: Whatever reads the topics of a log: for all, for the lake, for a worker, for one that takes over.
READING = {
    "the reader": lambda cluster: KafkaLogReader(cluster).close(),
    "the lake's": lambda cluster: list(KafkaStoredLog(cluster).rows_after({}, limit=9)),
    "the tail": followed,
    "the answers": lambda cluster: read_answers(cluster, range(4), None),
}


@pytest.mark.parametrize("reading", READING)
def test_a_numbered_record_that_is_no_event_is_a_damaged_log(cluster, reading):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 5))
    producer = Producer(cluster.options())
    producer.produce(cluster.named(Stream.DECISIONS.value), b"what", b"me", 0)
    assert producer.flush(SECONDS_MAX) == 0
    READING[reading](cluster)
    give_numbers(cluster, 6)
    send_row(cluster, row_numbered(5, 5, Stream.DECISIONS), value=b"\x93what")
    with pytest.raises(Refused) as refused:
        READING[reading](cluster)
    assert refused.value.code is Code.ROW_MALFORMED


def test_no_log_is_said_to_be_there_where_only_topics_are(capsys, tmp_path, kafka, cluster):
    said = crivo(capsys, "replay", "--home", tmp_path, "--log", url_of(cluster))
    assert said.code == 3
    assert "NOT_FOUND" in said.err
    nowhere = replace(cluster, space="nothing")
    said = crivo(capsys, "replay", "--home", tmp_path, "--log", url_of(nowhere))
    assert said.code == 2
    assert "topics apply" in said.err


def test_a_copy_into_another_log_is_refused(capsys, home, cluster):
    open_log_in(cluster).close()
    said = crivo(capsys, "log", "copy", "--from", home, "--to", url_of(cluster), "--home", home)
    assert said.code == 2
    assert "LOG_MISMATCH" in said.err


def test_without_a_broker_a_log_in_kafka_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("crivo.adapters.kafka.client.ANSWER_SECONDS_MAX", 0.5)
    said = crivo(capsys, "replay", "--home", tmp_path, "--log", "kafka://127.0.0.1:1")
    assert said.code == 3
    assert "LOG_UNAVAILABLE" in said.err


APPENDING = """
import sys
from crivo.adapters.kafka.client import Cluster
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import events

log = open_log_in(Cluster(sys.argv[1], space=sys.argv[2]))
at = log.end()
print("open", flush=True)
while True:
    log.append(events(at, at + 7))
    at += 7
    print(at, flush=True)
"""


def test_a_writer_that_is_killed_leaves_every_append_whole_and_loses_none(cluster, root):
    reached = 0
    for _ in range(3):
        command = [sys.executable, "-c", APPENDING, cluster.brokers, cluster.space]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            reached = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        reached = int(rest[-1]) if rest else reached
        with closing(open_log_in(cluster)) as log:
            assert log.end() >= reached
            assert log.end() % 7 == 0
            assert stored(log) == events(0, log.end())


def test_a_broker_that_is_killed_and_comes_back_has_lost_and_doubled_nothing(own_kafka):
    kafka, cluster = own_kafka, new_space(own_kafka.cluster)
    told: list[Exception | None] = []
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 10))
        # Killed before it has marked what it committed, a broker may never do so (KAFKA-20734).
        await_settled(cluster)
        kafka.kill(kafka.nodes[0])
        log.submit(events(10, 20), told.append)
        time.sleep(1)
        kafka.start_one(kafka.nodes[0])
        until = time.monotonic() + SECONDS_MAX
        while log.end() < 20:
            assert time.monotonic() < until, told
            time.sleep(0.1)
        log.append(events(20, 21))
        assert stored(log) == events(0, 21)
        assert len(told) == 1
        assert_gapless(log, but_offsets=True)


def test_a_transaction_that_no_broker_took_in_time_is_begun_anew(own_kafka, monkeypatch):
    kafka, cluster = own_kafka, new_space(own_kafka.cluster)
    monkeypatch.setattr("crivo.adapters.kafka.writer.COMMIT_SECONDS_MAX", 10.0)
    monkeypatch.setitem(writer._OPTIONS, "delivery.timeout.ms", 10_000)
    told: list[Exception | None] = []
    with closing(open_log_in(cluster)) as log:
        kafka.kill(kafka.nodes[0])
        log.submit(events(0, 10), told.append)
        until = time.monotonic() + SECONDS_MAX
        while not told:
            assert time.monotonic() < until, "the failure was told"
            time.sleep(0.1)
        monkeypatch.undo()
        kafka.start_one(kafka.nodes[0])
        until = time.monotonic() + SECONDS_MAX
        while log.end() < 10:
            assert time.monotonic() < until, told
            time.sleep(0.1)
        log.append(events(10, 11))
        assert stored(log) == events(0, 11)
        assert [type(each) for each in told] == [Unavailable]


def test_an_import_goes_straight_into_kafka(capsys, tmp_path, cluster):
    table, mapping = tmp_path / "past.csv", tmp_path / "past.toml"
    table.write_text(
        "when,from,to,reais\n2026-03-02T12:00:00Z,a,b,10.00\n2026-03-02T12:00:01Z,b,c,20.50\n"
    )
    mapping.write_text(
        'source = "past"\nkind = "events"\n[time]\ncolumn = "when"\nzone = "UTC"\n'
        '[transfer]\npayer = "from"\npayee = "to"\n'
        'amount = { column = "reais", unit = "reais", currency = "BRL" }\n'
    )
    words = ("ingest", table, "--mapping", mapping, "--home", tmp_path / "home", "--json")
    first, again = (crivo(capsys, *words, "--log", url_of(cluster)) for _ in range(2))
    assert (first.code, again.code) == (0, 0), first.err
    assert json.loads(first.out)["accepted"] == 2
    assert json.loads(again.out)["duplicate"] == 2
    with closing(KafkaLogReader(cluster)) as reader:
        assert reader.end() == 2
    assert not (tmp_path / "home" / "log.sqlite").exists()


def test_a_service_does_not_begin_on_a_log_in_kafka(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CRIVO_LOG__URL", "kafka://127.0.0.1:1")
    said = crivo(capsys, "serve", "--home", tmp_path, "--port", "0")
    assert said.code == 2
    assert "CRIVO_LOG__URL" in said.err
