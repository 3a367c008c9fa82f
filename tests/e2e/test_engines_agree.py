"""One log, three engines: what the service decided over HTTP on its file, a worker and a job of
Spark decide again in catch-up, on copies in Kafka of four partitions a stream, byte for byte.

The long form is the same test over 200,000 events:

    ENGINES_EVENTS=200000 .venv/bin/python -m pytest tests/e2e/test_engines_agree.py -s
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.bootstrap.home import Paths, open_log_reader, record_cipher
from crivo.decision.record import decode_record
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.copy_log import undecided
from crivo.flows.ports import LogReader
from crivo.governance.record_cipher import Rotation
from tests.e2e.homes import make_home, patient_policy
from tests.e2e.played_log import TOLD_OF, play
from tests.e2e.serving import serving
from tests.e2e.spark_jobs import job, told
from tests.integration.workers import await_settled
from tests.ports.kafka_logs import forget_space, new_space, open_log_in, url_of

pytestmark = pytest.mark.slow

EVENTS = int(os.environ.get("ENGINES_EVENTS", "2000"))
PARTITIONS = 4
#: Batches of Spark's.
BATCHES = 4
#: Events that a sabotaged log has: as many of each account, however long the log is.
FEW = EVENTS // 5
#: Of each command, on a machine that does much else.
SECONDS_MAX = 600 + EVENTS // 50

#: SHA-256 of the bytes that follow from log and bundle, by EndToEndId.
Decided = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Played:
    """A home whose service decided a log, by which policy, and what each engine decided of it."""

    home: Path
    policy: Path
    events: int
    schemas: frozenset[str]
    decided: Mapping[str, Decided]


@pytest.fixture(scope="module")
def played(tmp_path_factory, kafka, require_extra, spark_jars) -> Played:
    spark = require_extra("spark")
    home = make_home(tmp_path_factory.mktemp("home"))
    policy = patient_policy(tmp_path_factory.mktemp("policy") / "policy")
    begun = time.perf_counter()
    with serving(home, POLICY=str(policy), SNAPSHOTS__ENABLED="false") as service:
        asked = play(service, EVENTS)
        assert service.stop() == 0
    seconds = {"service": time.perf_counter() - begun}
    with closing(open_log_reader(Paths(home).log)) as reader:
        assert reader.manifest.partitions == PARTITIONS
        events = reader.end()
        schemas = frozenset(each.event.schema for each in events_of(reader, *Stream))
        decided = {"service": decisions(reader)}
    told_all = told(home, spark_jars, POLICY=policy)
    for name in ("worker", "spark"):
        where = new_space(kafka.cluster, partitions=PARTITIONS)
        copy = ["log", "copy", "--from", str(home), "--undecided", "--to", url_of(where), "--json"]
        run([sys.executable, "-m", "crivo", *copy], told_all)
        command = worker(where) if name == "worker" else job(spark, "local[2]", where)
        begun = time.perf_counter()
        said = run(command, told_all)
        seconds[name] = time.perf_counter() - begun
        assert said["decided"] == asked
        decided[name] = decided_in(home, where)
        forget_space(where)
    shown = ", ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items())
    print(f"{events:,} events, {asked:,} transfers; starts included: {shown}")
    return Played(home, policy, events, schemas, decided)


def worker(where: Cluster) -> list[str]:
    """The command of a worker that ends with the log."""
    return [
        sys.executable,
        "-m",
        "crivo",
        "decide",
        "--until-end",
        "--json",
        "--log",
        url_of(where),
    ]


def run(command: list[str], environ: Mapping[str, str]) -> dict[str, int]:
    """What a command says that ends well."""
    size = str(max(200, EVENTS // BATCHES))
    own = {"CRIVO_SPARK__LAKE": "false", "CRIVO_SPARK__BATCH_RECORDS": size}
    environ = {**environ, **own, "CRIVO_SNAPSHOTS__ENABLED": "false"}
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout)


def events_of(reader: LogReader, *streams: Stream) -> Iterator[StoredEvent]:
    """The events of these streams, to the end."""
    start = 0
    while found := reader.read(start=start, limit=10_000, streams=frozenset(streams)):
        yield from found
        start = found[-1].seq + 1


def decisions(reader: LogReader) -> Decided:
    """What was decided of each transfer; one that was decided twice is a failure."""
    records = (
        decode_record(each.event.payload)
        for each in events_of(reader, Stream.DECISIONS)
        if each.event.schema == "decision.v1"
    )
    found: dict[str, bytes] = {}
    for record in records:
        assert record.end_to_end_id not in found, record.end_to_end_id
        found[record.end_to_end_id] = hashlib.sha256(record.derived).digest()
    return found


def decided_in(home: Path, where: Cluster) -> Decided:
    """What was decided in a log in Kafka."""
    await_settled(where)
    cipher = record_cipher(Paths(home), Rotation())
    with closing(KafkaLogReader(where, cipher=cipher)) as reader:
        return decisions(reader)


def disagreements(decided: Mapping[str, Decided]) -> set[str]:
    """The transfers that one engine did not decide, or decided otherwise than another."""
    asked = {id_ for each in decided.values() for id_ in each}
    return {id_ for id_ in asked if len({each.get(id_) for each in decided.values()}) > 1}


def test_service_worker_and_spark_decide_one_log_alike(played):
    assert played.decided.keys() == {"service", "worker", "spark"}
    assert played.events >= EVENTS
    assert len(played.decided["service"]) > 0.9 * EVENTS
    assert played.schemas > set(TOLD_OF)
    assert disagreements(played.decided) == set()


def test_sabotage_another_amount_in_one_engines_log_is_noticed(played, kafka, spark_jars):
    with closing(open_log_reader(Paths(played.home).log)) as reader:
        found = [undecided(each) for each in reader.read(start=0, limit=FEW)]
    events = [event for event in found if event is not None]
    at = next(n for n, each in enumerate(events) if each.stream is Stream.TRANSFERS)
    parts = msgspec.msgpack.decode(events[at].payload)
    parts[2] += 1
    bent, where = parts[0], new_space(kafka.cluster, partitions=PARTITIONS)
    events[at] = events[at]._replace(payload=msgspec.msgpack.encode(parts))
    with closing(open_log_in(where)) as log:
        log.append(events)
    run(worker(where), told(played.home, spark_jars, POLICY=played.policy))
    bent_log = decided_in(played.home, where)
    forget_space(where)
    spark = {id_: each for id_, each in played.decided["spark"].items() if id_ in bent_log}
    differ = disagreements({"spark": spark, "worker": bent_log})
    assert bent in differ and len(differ) > 1, "it and what came after it"
    assert len(differ) < len(bent_log)


def test_sabotage_a_transfer_that_one_engine_left_out_is_noticed(played):
    left_out = next(iter(played.decided["worker"]))
    fewer = {id_: each for id_, each in played.decided["worker"].items() if id_ != left_out}
    assert disagreements({**played.decided, "worker": fewer}) == {left_out}
