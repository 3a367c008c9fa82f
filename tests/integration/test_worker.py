"""The worker on a real broker: the service's decisions, whoever is killed, whoever takes over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack, closing
from dataclasses import replace

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.tail import number_at
from crivo.adapters.kafka.worker import GROUP
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, record_cipher
from crivo.bootstrap.service import champion_bundle
from crivo.decision.alert import Alert
from crivo.decision.record import decode_derived, decode_record
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows.copy_log import undecided
from crivo.flows.event_of import value_of
from crivo.governance.record_cipher import Rotation
from tests.e2e.homes import ROOT, make_home, settings_of
from tests.integration.commands import crivo
from tests.ports.kafka_logs import open_log_in, url_of
from tests.unit.decision.worlds import ACCEPTED, CLAIMED, START, transfer, world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service has decided some hundreds of transfers."""
    folder = make_home(tmp_path_factory.mktemp("home"))
    with world(folder, bundle=champion_bundle(settings_of(folder))) as played:
        decide_all(played, 5, 700)
    return folder


def decide_all(played, seed, count):
    """Random transfers of few accounts, some late, with reports; each is decided in time."""
    chance, now, sent = random.Random(seed), START, []
    for number in range(count):
        now += chance.choice([0, 1, SECOND, MINUTE, HOUR // 3])
        if sent and chance.random() < 0.15:
            played.reports.report(
                report_id=f"r{number}",
                status=chance.choice([CLAIMED, ACCEPTED, ACCEPTED]),
                end_to_end_id=chance.choice(sent).end_to_end_id,
                supplied_received_at=now,
            ).result(10)
            continue
        late = chance.randrange(3 * HOUR) if chance.random() < 0.1 else 0
        made = transfer(
            number,
            occurred_at=now - late,
            payer=chance.randrange(1, 12),
            payee=chance.randrange(1, 12),
            amount_centavos=chance.choice([1, 5_000, 20_000, 120_000, 400_000, 5_000_000]),
            initiation=chance.choice([None, Initiation.DICT, Initiation.AUTO]),
            purpose=chance.choice([None, Purpose.IPAY, Purpose.IPAY, Purpose.REFU]),
        )
        played.decide(made, received_at=now).result(10)
        sent.append(made)


@pytest.fixture
def waiting(home):
    """The log's events as they were before anything was decided."""
    with closing(open_reader(home / "log.sqlite")) as reader:
        found = [undecided(each) for each in reader.read(start=0, limit=10_000)]
    return [event for event in found if event is not None]


def served(home):
    """What the service decided: EndToEndId to the bytes that follow."""
    with closing(open_reader(home / "log.sqlite")) as reader:
        records = [
            decode_record(each.event.payload)
            for each in reader.read(start=0, limit=10_000)
            if each.event.schema == "decision.v1"
        ]
    return {each.end_to_end_id: each.derived for each in records}


def answers(home, where):
    """What workers decided: EndToEndId to the bytes that follow; and how often one came again."""
    cipher = record_cipher(Paths(home), Rotation())
    with closing(KafkaLogReader(where, cipher=cipher)) as reader:
        found = reader.read(start=0, limit=100_000, streams=frozenset({Stream.DECISIONS}))
        records = [decode_record(each.event.payload) for each in found]
        transfers = reader.read(start=0, limit=100_000, streams=frozenset({Stream.TRANSFERS}))
        derived = {each.end_to_end_id: each.derived for each in records}
        assert len(derived) == len(records)
        assert len(records) == len(transfers), "one answer a transfer"
        return derived, reader.doubles


def assert_as_served(home, where):
    """Law: workers decide as the service did, byte for byte."""
    derived, doubles = answers(home, where)
    expected = served(home)
    assert len(expected) > 300
    assert derived == expected
    return doubles


def environment(home):
    return {
        **os.environ, "CRIVO_HOME": str(home), "CRIVO_POLICY": str(ROOT / "policy"),
    }  # fmt: skip


def start(home, where, *more):
    command = [sys.executable, "-m", "crivo", "decide", "--log", url_of(where), "--json", *more]
    return subprocess.Popen(
        command,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_assigned(process):
    """Until the group has given the worker its partitions."""
    for line in process.stderr:
        if "worker.assigned" in line:
            return
    pytest.fail("the worker ended")


def stopped(process):
    """What a worker says that is asked to end."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out)


def decide_rest(capsys, monkeypatch, home, where, *more):
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    said = crivo(capsys, "decide", "--log", url_of(where), "--until-end", "--json", *more)
    assert said.code == 0, said.err
    return json.loads(said.out)


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
    with closing(Intake(cluster, lows, highs, refused=lambda _m, e: pytest.fail(str(e)))) as raw:
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
    waiting[at] = replace(waiting[at], payload=msgspec.msgpack.encode(parts))
    with closing(open_log_in(cluster)) as log:
        log.append(waiting)
    decide_rest(capsys, monkeypatch, home, cluster)
    with pytest.raises(AssertionError):
        assert_as_served(home, cluster)


class Feeding:
    """Appends events bit by bit, in a thread of its own."""

    def __init__(self, where, events, *, size=10, seconds=0.15):
        self._stop = threading.Event()

        def feed():
            with closing(open_log_in(where)) as log:
                for at in range(0, len(events), size):
                    log.append(events[at : at + size])
                    if self._stop.wait(seconds):
                        return

        self._thread = threading.Thread(target=feed)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            self._stop.set()
        self._thread.join()

    @property
    def is_over(self):
        return not self._thread.is_alive()


@pytest.mark.parametrize("mode", [(), ("--exactly-once",)])
def test_a_worker_that_is_killed_loses_nothing_and_readers_see_nothing_twice(
    capsys, monkeypatch, home, cluster, waiting, mode
):
    open_log_in(cluster).close()
    kills = 0
    with ExitStack() as running:
        running.enter_context(feeding := Feeding(cluster, waiting))
        while not feeding.is_over:
            process = start(home, cluster, *mode)
            running.callback(process.kill)
            before = decided(cluster)
            until = time.monotonic() + 60
            while decided(cluster) < before + 20 and time.monotonic() < until:
                if feeding.is_over:
                    break
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
    assert kills > 1
    decide_rest(capsys, monkeypatch, home, cluster, *mode)
    doubles = assert_as_served(home, cluster)
    if mode:
        assert doubles == 0
    print(f"{kills} kills, {doubles} raw doubles")


def decided(where):
    """About how many records the topic of decisions holds."""
    ends = read_ends(where, 4)
    rank = list(Stream).index(Stream.DECISIONS)
    return sum(high - low for (each, _), (low, high) in ends.items() if each == rank)


def is_all_answered(where):
    """Whether the group has committed past the last transfer of each partition."""
    options = {**where.options(), "group.id": where.named(GROUP)}
    topic = where.named(Stream.TRANSFERS.value)
    with closing(Consumer(options)) as group:
        found = group.committed([TopicPartition(topic, each) for each in range(4)], timeout=10)
    return number_at(where, {each.partition: max(0, each.offset) for each in found}) is None


def await_answered(where):
    until = time.monotonic() + 90
    while not is_all_answered(where):
        assert time.monotonic() < until, "the group has not answered all"
        time.sleep(0.2)


def test_partitions_move_to_another_worker_which_builds_the_state_that_they_need(
    home, cluster, waiting
):
    third = len(waiting) // 3
    with ExitStack() as running:
        log = running.enter_context(closing(open_log_in(cluster)))
        first = start(home, cluster)
        running.callback(first.kill)
        log.append(waiting[:third])
        await_answered(cluster)
        second = start(home, cluster)
        running.callback(second.kill)
        await_assigned(second)
        log.append(waiting[third : 2 * third])
        await_answered(cluster)
        # What it leaves unanswered the other one has folded when it takes over.
        first.send_signal(signal.SIGSTOP)
        log.append(waiting[2 * third :])
        time.sleep(2)
        first.kill()
        first.communicate()
        await_answered(cluster)
        said = stopped(second)
    assert said["decided"] > len(waiting) // 4
    assert said["rebuilt"] > 0
    assert_as_served(home, cluster)


def test_a_worker_tells_how_far_behind_it_is(home, cluster, waiting):
    from tests.free_port import free_port

    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:100])
    port = free_port()
    process = start(home, cluster, "--metrics-port", str(port))
    try:
        until = time.monotonic() + 60
        text = ""
        while "crivo_worker_lag_records 0.0" not in text or "crivo_decisions_total{" not in text:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, text
            time.sleep(0.2)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                    text = answer.read().decode()
            except OSError:
                continue
        assert "crivo_worker_partitions 4.0" in text
    finally:
        said = stopped(process)
    assert said["decided"] > 50


def test_a_worker_without_a_log_in_kafka_says_what_is_missing(capsys, home, cluster, monkeypatch):
    monkeypatch.delenv("CRIVO_LOG__URL", raising=False)
    said = crivo(capsys, "decide", "--home", home)
    assert (said.code, "CRIVO_LOG__URL" in said.err) == (2, True)
    said = crivo(capsys, "decide", "--home", home, "--log", url_of(cluster))
    assert (said.code, "NOT_FOUND" in said.err) == (3, True)
