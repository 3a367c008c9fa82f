"""A job of Spark on `local[2]`: Kafka to decisions, topics, bronze, silver and gold, by stage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import lake
from benchmarks.harness import Row, Setting
from benchmarks.load import model_server, service
from benchmarks.load.kafka_logs import JARS, past_transfers, told_peer, wait_for_decisions
from benchmarks.load.peers import said
from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.client import Cluster
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.flows.codec import stored_transfer
from crivo.flows.event_of import event_of
from crivo.settings import SparkSettings

PYTHON: Final = service.ROOT / ".tools" / "spark" / "bin" / "python"
SPARK_JARS: Final = service.ROOT / ".tools" / "engines" / "spark"
#: Why it is left out where it is not there.
MISSING: Final = "not installed: make engines, make extra NAME=spark"

#: Events that wait in the log, and batches that they come in; the first one is cold.
EVENTS: Final = 200_000
EVENTS_QUICK: Final = 40_000
#: Of the world whose past they are.
SCALE: Final = "4.4"
SCALE_QUICK: Final = "1.8"
BATCHES: Final = 4
#: Transfers of one call of the obvious version.
ROWS_OF_A_CALL: Final = (1, 1_000)

WHOLE: Final = "Kafka to decisions, topics, bronze, silver and gold"
AIM: Final = 15_000.0

#: Stages that the job times, in their order, and Spark's own name of all of a batch.
STAGES: Final = ("read", "bronze", "decide", "publish")
REFINE: Final = "refine"
AWAIT: Final = "await"
BATCH: Final = "triggerExecution"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a job said at its end, which refined beside its batches, and behind the last what was
    left.
    """

    decided: int
    batches: int
    records: int
    first_records: int
    first_seconds: float
    seconds: Mapping[str, float]

    @property
    def taken(self) -> float:
        """Seconds of all its records, each at what one of the batches after the first took, and
        those in which nothing was left but to refine.
        """
        later = self.seconds[BATCH] - self.first_seconds
        return later / (self.records - self.first_records) * self.records + self.seconds[AWAIT]


def run(setting: Setting) -> Iterator[Row]:
    """The rows: rates of the obvious version and of the job, its stages, and refining alone."""
    yield setting.row("load of the machine before", "processes", [os.getloadavg()[0]])
    if not PYTHON.exists() or not SPARK_JARS.is_dir():
        yield setting.not_run(WHOLE, "decisions/s", MISSING, at_least=AIM)
        return
    count = EVENTS_QUICK if setting.quick else EVENTS
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        home = service.prepare_home(Path(folder), scale=SCALE_QUICK if setting.quick else SCALE)
        events = with_claims(past_transfers(home, count))[:count]
        peer = None
        for size in ROWS_OF_A_CALL:
            what = f"pandas UDF that asks a model server, calls of {size:,}"
            found = [_obvious(each, home, events, size) for each in _logs(setting, folder, events)]
            yield setting.row(what, "answers/s", found)
            peer = found[-1]
        ran = [_ran(cluster, home, events) for cluster in _logs(setting, folder, events)]
    yield from job_rows(setting, ran, decided=_transfers(events), peer=peer)
    yield _refining(setting, len(ran), events)


def job_rows(
    setting: Setting, ran: Sequence[tuple[Ran, Ran]], *, decided: int, peer: float | None
) -> Iterator[Row]:
    """The rows of some runs, each of two jobs: one that decides what waits and takes it to the
    lake, and one that takes there what was decided.
    """
    rates = [decided / (first.taken + second.taken) for first, second in ran]
    yield setting.row(WHOLE, "decisions/s", rates, at_least=AIM, peer=peer)
    million = 1e6 / decided
    for name in STAGES:
        took = [first.seconds[name] * million for first, _ in ran]
        yield setting.row(f"a million decisions: {name}", "s", took)
    rest = [first.seconds[BATCH] - sum(first.seconds[name] for name in STAGES) for first, _ in ran]
    yield setting.row(
        "a million decisions: the rest of batches", "s", [each * million for each in rest]
    )
    took = [second.seconds[BATCH] * million for _, second in ran]
    yield setting.row("a million decisions: batches of what was decided", "s", took)
    for place, what in enumerate(("transfers", "what was decided")):
        took = [each[place].seconds[REFINE] * million for each in ran]
        yield setting.row(f"a million decisions: refine {what}", "s", took)
        took = [each[place].seconds[AWAIT] * million for each in ran]
        yield setting.row(f"a million decisions: refine {what}, behind all batches", "s", took)


def _refining(setting: Setting, runs: int, events: Sequence[Event]) -> Row:
    """Refining the same events, with nothing beside it."""
    rows = lake.log_rows(events)
    found = [len(rows) / lake.refined(rows).refine for _ in range(runs)]
    what = f"bronze to silver to gold, {len(rows):,} events of {service.DAYS} days"
    return setting.row(what, "rows/s", found, at_least=lake.AIM)


def with_claims(transfers: Iterable[Event]) -> list[Event]:
    """The transfers, and behind every so many of them a claim about the last."""
    found: list[Event] = []
    for number, event in enumerate(transfers, start=1):
        found.append(event)
        if number % (lake.CLAIMS_ONE_IN - 1) == 0:
            about = lake.claim(number, stored_transfer(event.payload))
            times = {"occurred_at": event.occurred_at, "received_at": event.received_at}
            found.append(event_of(about, **times, source="benchmark"))
    return found


def _transfers(events: Sequence[Event]) -> int:
    return sum(event.stream is Stream.TRANSFERS for event in events)


def _logs(setting: Setting, folder: str, events: Sequence[Event]) -> Iterator[Cluster]:
    """A broker of its own for each run, while it runs, in which the events wait."""
    for _ in range(1 if setting.quick else 3):
        with running(Path(folder) / f"kafka-{time.monotonic_ns()}", JARS) as brokers:
            wait_for_decisions(brokers.cluster, events)
            yield brokers.cluster


def _ran(cluster: Cluster, home: Path, events: Sequence[Event]) -> tuple[Ran, Ran]:
    """What a job did with a log, and a second one with the answers of the first."""
    for name in ("spark", "lake"):
        shutil.rmtree(home / name, ignore_errors=True)
    first = _job(cluster, home, len(events))
    if first.decided != _transfers(events) or first.records != len(events):
        raise RuntimeError(f"{first.decided} transfers of {first.records} records were decided")
    second = _job(cluster, home, len(events))
    if second.decided or second.records < first.decided:
        raise RuntimeError(f"{second.records} records of {first.decided} decisions were laid down")
    return first, second


def _job(cluster: Cluster, home: Path, count: int) -> Ran:
    """A job up to the end of a log.

    Raises:
        RuntimeError: it did not answer 0; the message holds what it said.
    """
    command = [str(PYTHON), "-m", "crivo", "decide", "--spark", "local[2]", "--until-end"]
    environ = {
        **service.environment(home),
        "CRIVO_SPARK__JARS": str(SPARK_JARS),
        "CRIVO_SPARK__BATCH_RECORDS": str(count // BATCHES),
        "CRIVO_SPARK__REFINE_BATCHES": "1",
        "CRIVO_SNAPSHOTS__ENABLED": "false",
    }
    answer = subprocess.run(
        [*command, "--json", "--log", f"kafka://{cluster.brokers}"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise RuntimeError(f"the job answered {answer.returncode}: {answer.stderr[-4_000:]}")
    return msgspec.json.decode(answer.stdout, type=Ran)


def _obvious(cluster: Cluster, home: Path, events: Sequence[Event], size: int) -> float:
    """Answers a second of the obvious version, which asks for so many transfers in one call.

    Raises:
        RuntimeError: it failed, or did not answer all.
    """
    with (
        tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder,
        model_server.serving(home, said=Path(folder) / "said") as port,
    ):
        job = {
            **told_peer(cluster),
            "jars": str(SPARK_JARS),
            "memory": SparkSettings().memory,
            "port": port,
            "rows": size,
            "batch": len(events) // BATCHES,
            "table": f"{folder}/table",
            "checkpoint": f"{folder}/checkpoint",
        }
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        found = said(["-m", "benchmarks.peers.spark", str(path)], python=PYTHON)
    if isinstance(found, str) or found["answers"] != _transfers(events):
        raise RuntimeError(f"the obvious version did not answer all: {found}")
    return float(found["rows"]) / float(found["seconds"])
