"""The worker on a real broker: the service's decisions, whoever is killed, whoever takes over."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import time
import urllib.request
from contextlib import ExitStack, closing

import msgspec
import pytest

from crivo.adapters.kafka.intake import Intake, open_consumer, read_ends, topic_partition
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import headers_of
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.bootstrap.home import Paths
from crivo.bootstrap.service import serving_plan
from crivo.decision.alert import Alert
from crivo.decision.record import decode_derived
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.event_of import value_of
from tests.integration.commands import crivo
from tests.integration.workers import (
    Feeding,
    answers,
    assert_as_served,
    await_answered,
    decide_rest,
    decided,
    environment,
    served,
    start,
)
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", [(), ("--exactly-once",)])
def test_workers_decide_as_the_service_did_and_their_log_replays(
    capsys, monkeypatch, home, cluster, mode
):
    copy = ("log", "copy", "--from", home, "--to", url_of(cluster), "--home", home)
    said = crivo(capsys, *copy, "--undecided")
    assert said.code == 0, said.err
    result = decide_rest(capsys, monkeypatch, home, cluster, *mode)
    assert assert_as_served(home, cluster) == 0
    assert sum(result["outcomes"].values()) == result["decided"] > 300
    again = decide_rest(capsys, monkeypatch, home, cluster, *mode)
    assert again["decided"] == 0, "what is answered is not answered again"
    for command in (["replay"], ["features", "verify", "--one-in", "1"]):
        said = crivo(capsys, *command, "--home", home, "--json", "--log", url_of(cluster))
        assert said.code == 0, said.out
        found = json.loads(said.out)
    assert found["parity"]["mismatches"] == 0
    assert found["parity"]["compared"] > 300
    assert found["events_folded"] > result["decided"]


def test_alerts_are_of_holds_and_rejections_alone(capsys, monkeypatch, home, cluster, waiting):
    with closing(open_log_in(cluster)) as log:
        log.append(waiting)
    result = decide_rest(capsys, monkeypatch, home, cluster)
    derived, _ = answers(home, cluster)
    outcomes = {id_: decode_derived(each).outcome for id_, each in derived.items()}
    with closing(KafkaLogReader(cluster)) as reader:
        found = reader.read(start=0, limit=100_000, streams=frozenset({Stream.ALERTS}))
    alerts = [value_of(each.event) for each in found]
    assert all(isinstance(each, Alert) for each in alerts)
    said = {each.end_to_end_id: each.outcome.value for each in alerts}
    assert said == {id_: out for id_, out in outcomes.items() if out in {"HOLD", "REJECT"}}
    assert len(alerts) == result["alerts"] > 0


def test_decisions_lie_sealed_in_kafka(capsys, monkeypatch, home, cluster, waiting):
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:40])
    decide_rest(capsys, monkeypatch, home, cluster)
    ends = read_ends(cluster, 4)
    lows, highs = ({part: each[at] for part, each in ends.items()} for at in (0, 1))
    with closing(Intake(cluster, lows, highs, foreign=lambda _m, e: pytest.fail(str(e)))) as raw:
        while raw.open:
            raw.poll()
        rows = [row for rows in raw.waiting.values() for _, row in rows]
    sealed = [row for row in rows if row[1] == Stream.DECISIONS.value]
    assert sealed and all(row[10][:1] == b"\x01" for row in sealed)


def test_sabotage_another_amount_in_the_past_changes_what_follows(
    capsys, monkeypatch, home, cluster, waiting
):
    at = next(n for n, each in enumerate(waiting) if each.stream is Stream.TRANSFERS)
    parts = msgspec.msgpack.decode(waiting[at].payload)
    parts[2] += 1
    waiting[at] = waiting[at]._replace(payload=msgspec.msgpack.encode(parts))
    with closing(open_log_in(cluster)) as log:
        log.append(waiting)
    decide_rest(capsys, monkeypatch, home, cluster)
    derived, _ = answers(home, cluster)
    expected = served(home)
    assert derived.keys() == expected.keys()
    assert derived != expected


@pytest.mark.parametrize("mode", [(), ("--exactly-once",)])
def test_a_worker_that_is_killed_loses_nothing_and_readers_see_nothing_twice(
    capsys, monkeypatch, home, cluster, waiting, mode
):
    open_log_in(cluster).close()
    third = len(waiting) // 3 + 1
    for at in range(0, len(waiting), third):
        with ExitStack() as running:
            worker = start(running, home, cluster, *mode)
            worker.await_assigned()
            before = decided(cluster)
            with Feeding(cluster, waiting[at : at + third]):
                worker.await_so(lambda aim=before + 20: decided(cluster) >= aim)
                worker.kill()
    decide_rest(capsys, monkeypatch, home, cluster, *mode)
    doubles = assert_as_served(home, cluster)
    if mode:
        assert doubles == 0
    print(f"{doubles} raw doubles")


def test_partitions_move_to_another_worker_which_builds_the_state_that_they_need(
    home, cluster, waiting
):
    third = len(waiting) // 3
    with ExitStack() as running:
        log = running.enter_context(closing(open_log_in(cluster)))
        first = start(running, home, cluster)
        log.append(waiting[:third])
        await_answered(cluster, first)
        second = start(running, home, cluster)
        second.await_assigned()
        log.append(waiting[third : 2 * third])
        await_answered(cluster, second)
        # What it leaves unanswered the other one has folded when it takes over.
        first.process.send_signal(signal.SIGSTOP)
        log.append(waiting[2 * third :])
        time.sleep(2)
        first.kill()
        await_answered(cluster, second)
        said = second.stopped()
    assert said["decided"] > len(waiting) // 4
    assert said["rebuilt"] > 0
    assert_as_served(home, cluster)


def test_a_worker_tells_how_far_behind_it_is(home, cluster, waiting):
    from tests.free_port import free_port

    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:100])
    port = free_port()
    text = ""

    def tells_of_no_lag():
        nonlocal text
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
        except OSError:
            return False
        return "crivo_worker_lag_records 0.0" in text and "crivo_decisions_total{" in text

    with ExitStack() as running:
        worker = start(running, home, cluster, "--metrics-port", str(port))
        worker.await_so(tells_of_no_lag)
        assert "crivo_worker_partitions 4.0" in text
        said = worker.stopped()
    assert said["decided"] > 50


def test_a_worker_without_a_log_in_kafka_says_what_is_missing(capsys, home, cluster, monkeypatch):
    monkeypatch.delenv("CRIVO_LOG__URL", raising=False)
    said = crivo(capsys, "decide", "--home", home)
    assert (said.code, "CRIVO_LOG__URL" in said.err) == (2, True)
    said = crivo(capsys, "decide", "--home", home, "--log", url_of(cluster))
    assert (said.code, "NOT_FOUND" in said.err) == (3, True)


def raw_headers(where, stream):
    """The headers of every record of a stream's topic, as they lie there."""
    parts = {
        part: each for part, each in read_ends(where, 4).items() if part[0] == STREAM_RANK[stream]
    }
    with closing(open_consumer(where)) as consumer:
        consumer.assign([topic_partition(where, part, low) for part, (low, _) in parts.items()])
        found, ends = [], set()
        while len(ends) < len(parts):
            message = consumer.poll(SECONDS_MAX)
            assert message is not None, "all come"
            if message.error() is not None:
                ends.add(message.partition())
            else:
                found.append(headers_of(message))
        return found


def test_what_came_of_a_transfer_names_its_cause_its_schema_and_one_trace(
    capsys, monkeypatch, home, cluster, waiting
):
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:200])
    decide_rest(capsys, monkeypatch, home, cluster)
    asked = {
        each["traceparent"].split(b"-")[1]: each for each in raw_headers(cluster, Stream.TRANSFERS)
    }
    ids = {
        each.event_id.hex().encode() for each in waiting[:200] if each.stream is Stream.TRANSFERS
    }
    assert asked.keys() == ids, "a trace is the id of the event that began it"
    schemas = {
        Stream.DECISIONS: {b"decision.v1", b"hold_end.v1"},
        Stream.ALERTS: {b"alert.v1"},
    }
    for stream, expected in schemas.items():
        made = raw_headers(cluster, stream)
        assert {each["schema"] for each in made} == expected
        for each in made:
            began = asked[each["cause"]]
            trace, span = each["traceparent"].decode().split("-")[1:3]
            assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", each["traceparent"].decode())
            assert trace.encode() == each["cause"], "one trace"
            assert span.encode() != began["traceparent"].split(b"-")[2], "another step of it"
            assert each["answers"] == began["seq"]


def cuts(home):
    """Those of the one log in Kafka that was decided with the home."""
    (folder,) = Paths(home).snapshots.iterdir()
    return SnapshotFiles(folder).cuts(serving_plan().plan_hash)


def test_a_worker_that_ends_keeps_its_state_and_the_next_goes_on_from_there(
    capsys, monkeypatch, tmp_path, home, cluster, waiting
):
    own = shutil.copytree(home, tmp_path / "home")
    half = len(waiting) // 2
    # However slow the group is to give it its partitions.
    monkeypatch.setattr("crivo.adapters.kafka.worker.SESSION_SECONDS", SECONDS_MAX)
    for until, known in ((half, [half]), (len(waiting), [len(waiting), half])):
        with closing(open_log_in(cluster)) as log:
            log.append(waiting[log.end() : until])
        result = decide_rest(capsys, monkeypatch, own, cluster, snapshots=True)
        assert cuts(own) == known
        assert result["rebuilt"] == 0
    assert_as_served(own, cluster)
    decide_rest(capsys, monkeypatch, own, cluster, snapshots=True)
    assert cuts(own) == known, "what is kept is not kept again"


def test_a_damaged_snapshot_is_told_of_and_state_comes_from_the_log(
    capsys, monkeypatch, tmp_path, home, cluster, waiting
):
    own = shutil.copytree(home, tmp_path / "home")
    half = len(waiting) // 2
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:half])
        decide_rest(capsys, monkeypatch, own, cluster, snapshots=True)
        (folder,) = Paths(own).snapshots.glob(f"*/{serving_plan().plan_hash}/*")
        victim = max(folder.glob("*.npy"), key=lambda path: path.stat().st_size)
        with victim.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        log.append(waiting[half:])
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end")
    assert said.code == 0, said.err
    assert "snapshot.unfit" in said.err and "SNAPSHOT_INVALID" in said.err
    assert_as_served(own, cluster)


def test_a_full_disk_ends_no_worker_and_is_told_of(
    capsys, monkeypatch, tmp_path, home, cluster, waiting
):
    """No file of the worker's grows to an arena's size, as where a disk takes nothing more."""
    own = shutil.copytree(home, tmp_path / "home")
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    half = len(waiting) // 2
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:half])
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
        try:
            for name, value in environment(own, snapshots=True).items():
                monkeypatch.setenv(name, value)
            said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
        assert said.code == 0, said.err
        assert "snapshot.failed" in said.err and "FILE_UNWRITABLE" in said.err
        assert cuts(own) == []
        log.append(waiting[half:])
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end")
    assert said.code == 0, said.err
    assert "snapshot.failed" not in said.err
    assert cuts(own) == [len(waiting)]
    assert_as_served(own, cluster)
