"""Workers of tests: a home whose service has decided, what waits, and what came of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer, IsolationLevel, TopicPartition

from crivo.adapters.kafka.client import ask, committed_in, open_admin, patiently
from crivo.adapters.kafka.intake import LATEST, offsets, read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.tail import number_at
from crivo.adapters.kafka.topics import MANIFEST
from crivo.adapters.kafka.worker import GROUP
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, record_cipher, refused_cipher
from crivo.bootstrap.service import champion_bundle
from crivo.decision import record
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Unavailable
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows.copy_log import undecided
from crivo.governance.record_cipher import Rotation
from crivo.settings import load_settings
from tests.e2e.homes import ROOT, make_home, settings_of
from tests.integration.commands import crivo
from tests.outages import SECONDS_MAX, await_so
from tests.ports.kafka_logs import open_log_in, url_of
from tests.unit.decision.worlds import ACCEPTED, CLAIMED, START, transfer, world


def make_decided_home(folder, count=700):
    """A home whose service has decided some hundreds of transfers."""
    folder = make_home(folder)
    with world(folder, bundle=champion_bundle(settings_of(folder))) as played:
        decide_all(played, 5, count)
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
            ).result(60)
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
        played.decide(made, received_at=now).result(60)
        sent.append(made)


def waiting_of(home):
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
    await_settled(where)
    with closing(KafkaLogReader(where, cipher=cipher)) as reader:
        found = reader.read(start=0, limit=100_000, streams=frozenset({Stream.DECISIONS}))
        records = [
            decode_record(each.event.payload)
            for each in found
            if each.event.schema == record.SCHEMA
        ]
        transfers = reader.read(start=0, limit=100_000, streams=frozenset({Stream.TRANSFERS}))
        derived = {each.end_to_end_id: each.derived for each in records}
        assert len(derived) == len(records)
        assert len(records) == len(transfers), "one answer a transfer"
        return derived, reader.doubles


def refused_of(home):
    """What opens what was refused by whoever has the keys of a home."""
    return refused_cipher(load_settings({}, home=Path(home)))


def await_settled(where, seconds=SECONDS_MAX):
    """Until brokers have taken back what a killed worker had begun: it hides what came since."""
    until = time.monotonic() + seconds
    while ends_of(where, is_settled=True) != ends_of(where, is_settled=False):
        assert time.monotonic() < until, "a transaction stands open"
        time.sleep(0.2)


def ends_of(where, *, is_settled):
    """How far each topic of a log goes, the manifest's among them, as `read_ends` tells it."""
    isolation = IsolationLevel.READ_COMMITTED if is_settled else IsolationLevel.READ_UNCOMMITTED
    manifest = [TopicPartition(where.named(MANIFEST), 0)]
    admin = open_admin(where)
    told = partial(offsets, admin, manifest, LATEST, isolation=isolation)
    end = ask(where, "tell where its manifest ends", admin, told)
    return end, read_ends(where, 4, is_settled=is_settled)


def assert_as_served(home, where):
    """Law: workers decide as the service did, byte for byte."""
    derived, doubles = answers(home, where)
    expected = served(home)
    assert len(expected) > 300
    assert derived == expected
    return doubles


def assert_nothing_twice(home, where):
    """Law: each transfer has one answer, the service's, and no record of one came again."""
    assert assert_as_served(home, where) == 0


def environment(home, *, snapshots=False):
    """Tests share homes and the id of their logs, so that only some keep snapshots."""
    return {
        **os.environ,
        "CRIVO_HOME": str(home),
        "CRIVO_POLICY": str(ROOT / "policy"),
        "CRIVO_SNAPSHOTS__ENABLED": str(snapshots).lower(),
    }


class Running:
    """A worker's process. What it says goes to a file: a pipe that nobody reads would stop it."""

    verb = "decide"

    def __init__(self, said, home, where, *more):
        self._said = said
        words = [*self.verb.split(), "--log", url_of(where), "--json"]
        with said.open("wb") as lines:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crivo", *words, *more],
                env=environment(home),
                stdout=subprocess.PIPE,
                stderr=lines,
                text=True,
            )

    @property
    def said(self):
        """What it has said so far."""
        return self._said.read_text(encoding="utf-8")

    def kill(self):
        """Ends it as a power cut would; one that has ended stays so."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def await_assigned(self):
        """Until the group has given the worker its partitions."""
        self.await_so(lambda: "worker.assigned" in self.said)

    def await_so(self, is_so, seconds=SECONDS_MAX):
        """Until something is so while the worker works."""
        until = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.1)

    def stopped(self):
        """What a worker says that is asked to end."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=SECONDS_MAX)
        assert self.process.returncode == 0, self.said
        return json.loads(out)


def member_of(cluster):
    """A consumer of a group of tests, which commits when it is told to."""
    options = {"group.id": cluster.named("movers"), "enable.auto.commit": False}
    return Consumer({**cluster.options(), **options})


def start(held, home, where, *more):
    """A worker that is killed at the end of the block, if it still works then."""
    folder = held.enter_context(tempfile.TemporaryDirectory())
    worker = Running(Path(folder) / "said", home, where, *more)
    held.callback(worker.kill)
    return worker


def decide_rest(capsys, monkeypatch, home, where, *more, snapshots=False):
    for name, value in environment(home, snapshots=snapshots).items():
        monkeypatch.setenv(name, value)
    said = crivo(capsys, "decide", "--log", url_of(where), "--until-end", "--json", *more)
    assert said.code == 0, said.err
    return json.loads(said.out)


def submit(log, events):
    """Hands events to the log's writer, bit by bit, which tries until they are there."""
    for at in range(0, len(events), 10):
        log.submit(events[at : at + 10], lambda _failure: None)


def append_in_time(log, events):
    """Appends them: one of its commits that fails is tried again by the log's writer until done."""
    end = log.end() + len(events)

    def is_there():
        try:
            log.check()
        except Unavailable as failed:
            if failed.code is not Code.LOG_UNAVAILABLE:
                raise
            return False
        return log.end() == end

    try:
        log.append(events)
    except Unavailable as failed:
        if failed.code is not Code.LOG_UNAVAILABLE:
            raise
        await_so(is_there)


class Feeding:
    """Appends events bit by bit, in a thread of its own."""

    def __init__(self, where, events, *, size=10, seconds=0.15):
        self._stop = threading.Event()

        def feed():
            with closing(open_log_in(where)) as log:
                for at in range(0, len(events), size):
                    append_in_time(log, events[at : at + size])
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


def decided(where):
    """About how many records the topic of decisions holds."""
    ends = patiently(where, partial(read_ends, where, 4))
    rank = list(Stream).index(Stream.DECISIONS)
    return sum(high - low for (each, _), (low, high) in ends.items() if each == rank)


def await_decided(where, count):
    """Until a worker has decided about so many."""
    until = time.monotonic() + SECONDS_MAX
    while decided(where) < count:
        assert time.monotonic() < until, "a worker decides"
        time.sleep(0.05)


def is_all_answered(where):
    """Whether the group has committed past the last transfer of each partition."""
    options = {**where.options(), "group.id": where.named(GROUP)}
    topic = where.named(Stream.TRANSFERS.value)
    places = [TopicPartition(topic, each) for each in range(4)]
    with closing(Consumer(options)) as group:
        found = patiently(where, partial(committed_in, where, group, places))
    behind = {part: offset for (_, part), offset in found.items()}
    return patiently(where, partial(number_at, where, behind)) is None


def await_answered(where, worker):
    """Until the group has answered all, while the worker works."""
    worker.await_so(lambda: is_all_answered(where))
