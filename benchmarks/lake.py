"""The lake by delta-rs: a log's rows into bronze, bronze into silver and gold, stage by stage."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.harness import Row, Setting
from crivo.adapters.delta.lake import DeltaLake
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.domain.report import Report, ReportStatus
from crivo.domain.streams import Stream, partition_of
from crivo.domain.transfer import Initiation, Transfer
from crivo.flows.event_of import event_of
from crivo.flows.event_rows import EventRow, row_of
from crivo.flows.lake import Lake, LakeTable, Part, Taken
from crivo.flows.ports import Manifest
from crivo.flows.refine import Refinery
from crivo.flows.silver import silver_tables
from crivo.lake.registry import gold_tables
from crivo.lake.table import Table

SEED: Final = 7
PARTITIONS: Final = 4
START: Final = parse_rfc3339("2026-10-05T03:00:00Z")

#: Events of the log, its days and accounts.
EVENTS: Final = 1_000_000
EVENTS_QUICK: Final = 100_000
DAYS: Final = 5
ACCOUNTS: Final = 100_000
#: One event in so many is a claim about a transfer.
CLAIMS_ONE_IN: Final = 50

#: Rows a second that are to be refined.
AIM: Final = 300_000.0


@dataclass(frozen=True, slots=True)
class _Log:
    """A `StoredLog` of rows in memory: reading a log's file is no part of these figures."""

    rows: list[EventRow]
    place: str = ""

    @property
    def manifest(self) -> Manifest:
        return Manifest("benchmark", ClockKind.REPLAY, PARTITIONS)

    def ends(self) -> Mapping[Part, int]:
        return {}

    def rows_after(self, taken: Mapping[Part, Taken], *, limit: int) -> Iterator[list[EventRow]]:
        assert not taken, "the lake is new"
        for start in range(0, len(self.rows), limit):
            yield self.rows[start : start + limit]


@dataclass(slots=True)
class _Timed:
    """A lake that counts the processor time of its calls, by what they do."""

    lake: Lake
    seconds: dict[str, float] = field(default_factory=dict)

    def open(self, table: Table) -> Any:
        layer = table.name.partition(".")[0]
        return _TimedTable(self.call("open", self.lake.open, table), layer, self)

    def has(self, table: Table) -> bool:
        found: bool = self.call("open", self.lake.has, table)
        return found

    def call(self, name: str, work: Any, *given: Any) -> Any:
        """What the work gives; its seconds of processor time count under that name."""
        begun = time.process_time()
        try:
            return work(*given)
        finally:
            used = time.process_time() - begun
            self.seconds[name] = self.seconds.get(name, 0.0) + used


@dataclass(frozen=True, slots=True)
class _TimedTable:
    table: LakeTable
    layer: str
    timed: _Timed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.table, name)
        if not callable(found):
            return found
        what = f"{'read' if name in {'read', 'counts', 'position'} else 'write'} {self.layer}"
        return lambda *given: self.timed.call(what, found, *given)


def run(setting: Setting) -> Iterator[Row]:
    """The rows: rates of appending and of refining, and the seconds of each stage a million."""
    yield setting.row("load of the machine before", "processes", [os.getloadavg()[0]])
    rows = log_rows(log_events(EVENTS_QUICK if setting.quick else EVENTS))
    found = [refined(rows) for _ in range(1 if setting.quick else 3)]
    count, what = len(rows), f"{len(rows):,} events of {DAYS} days"
    yield setting.row(f"log to bronze, {what}", "rows/s", [count / each.append for each in found])
    refining = [count / each.refine for each in found]
    yield setting.row(f"bronze to silver to gold, {what}", "rows/s", refining, at_least=AIM)
    cpu = [count / each.processor for each in found]
    yield setting.row("the same, a second of processor time", "rows/s", cpu)
    for stage in sorted(found[0].stages):
        seconds = [each.stages.get(stage, 0.0) / count * 1e6 for each in found]
        yield setting.row(f"processor time of refining a million rows: {stage}", "s", seconds)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that a log's rows took by delta-rs: by the clock to bronze and from there to silver
    and gold, and of the latter those of the processor, all and by stage.
    """

    append: float
    refine: float
    processor: float
    stages: Mapping[str, float]


def refined(rows: list[EventRow]) -> Took:
    """What a new lake takes for the rows of a log.

    Raises:
        RuntimeError: not every row was refined.
    """
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        timed = _Timed(DeltaLake(folder, {}))
        works = Refinery(timed, silver_tables(), gold_tables(), lambda payload, _: payload)
        begun = time.perf_counter()
        works.append(_Log(rows), progress=lambda _done, _total: None)
        appended, processor = time.perf_counter(), time.process_time()
        timed.seconds.clear()
        done = works.refine(progress=lambda _done, _total: None)
        took, used = time.perf_counter() - appended, time.process_time() - processor
    if done.silver != len(rows):
        raise RuntimeError(f"{done.silver} of {len(rows)} rows were refined")
    timed.seconds["decode and group"] = used - sum(timed.seconds.values())
    return Took(appended - begun, took, used, timed.seconds)


def log_rows(events: Iterable[Event]) -> list[EventRow]:
    """Rows of a log of these events."""
    rows, offsets = [], Counter[tuple[str, int]]()
    for number, event in enumerate(events):
        part = event.stream.value, partition_of(event.key, PARTITIONS)
        rows.append(row_of(event, seq=number, partition=part[1], offset=offsets[part]))
        offsets[part] += 1
    return rows


def log_events(count: int) -> Iterator[Event]:
    """Transfers over some days that nobody decides, and claims about them."""
    chance = random.Random(SEED)
    step = DAYS * DAY // count
    transfer = _transfer(chance, 0, START)
    for number in range(count):
        at = START + number * step
        value: Transfer | Report
        if number % CLAIMS_ONE_IN == CLAIMS_ONE_IN - 1:
            value, stream = claim(number, transfer), None
        else:
            value = transfer = _transfer(chance, number, at)
            stream = Stream.HISTORY
        yield event_of(value, occurred_at=at, received_at=at, source="benchmark", stream=stream)


def _transfer(chance: random.Random, number: int, at: int) -> Transfer:
    return Transfer(
        end_to_end_id=derived_end_to_end_id(at, "benchmark", str(number)),
        occurred_at=at,
        amount_centavos=chance.randrange(100, 500_000),
        payer_account_id=_id(1, chance.randrange(ACCOUNTS)),
        payee_account_id=_id(1, chance.randrange(ACCOUNTS)),
        payee_key_id=_id(2, chance.randrange(ACCOUNTS)),
        payer_ispb="00000000",
        payee_ispb="60701190",
        initiation=Initiation.DICT,
    )


def claim(number: int, about: Transfer) -> Report:
    """A claim about a transfer; two in three are accepted."""
    return Report(
        report_id=f"claim-{number}",
        status=ReportStatus.ACCEPTED if number % 3 else ReportStatus.CLAIMED,
        end_to_end_id=about.end_to_end_id,
        payer_id=about.payer_id,
        payee_id=about.payee_id,
        amount_centavos=about.amount_centavos,
        transfer_occurred_at=about.occurred_at,
    )


def _id(kind: int, number: int) -> bytes:
    return bytes([kind]) + number.to_bytes(15, "big")
