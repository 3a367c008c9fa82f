"""Composes the lake: its tables by delta-rs, the log that they are refined from, the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa

from crivo.adapters.delta.lake import DeltaLake
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, record_cipher, require_home, rotation_of, wall_clock
from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.service import serving_plan
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import brasilia_day
from crivo.features.plan import Plan
from crivo.flows.event_rows import open_payload
from crivo.flows.feature_tables import CARDS, vectors_table
from crivo.flows.gold import QUALITY
from crivo.flows.gold_set import SETS, set_table
from crivo.flows.lake import Refined, StoredLog
from crivo.flows.lake_log import forgotten
from crivo.flows.lineage import Origin, trace, trace_quality
from crivo.flows.refine import Progress, Refinery
from crivo.flows.silver import Open, silver_tables
from crivo.governance.record_cipher import is_sealed
from crivo.lake.column import Kind
from crivo.lake.measure import Gold
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE, LOGS, QUARANTINE, Table
from crivo.settings import Settings

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Tidied:
    """A table that was tidied, and how many files or rows it lost by it."""

    table: str
    rows: int
    files: int


class LakeHouse:
    """The lake of a home folder, and what is done with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        wanted = settings.lake
        place = wanted.url or str(Paths(settings.home).lake)
        self.lake = DeltaLake(place, wanted.options)
        self.golds: Mapping[str, Gold] = {each.name: each for each in gold_tables()}
        self.silvers = silver_tables()

    @cached_property
    def refinery(self) -> Refinery:
        """What refines into it."""
        opener = payload_opener(self._settings)
        return Refinery(self.lake, self.silvers, tuple(self.golds.values()), opener)

    def refine(self, *, progress: Progress) -> Refined:
        """Appends what the log holds to bronze, and refines the days that are due.

        Raises:
            As `Refinery.append` and `Refinery.refine`.
        """
        with open_stored_log(self._settings) as log:
            appended = self.refinery.append(log, progress=progress)
        done = self.refinery.refine(progress=progress)
        return Refined(appended, done.days, done.rows, done.silver, done.quarantined)

    @cached_property
    def plan(self) -> Plan:
        """The features that are served: feature tables are theirs."""
        return serving_plan()

    def table(self, name: str) -> Table:
        """The declared table of that name, or one of today's features.

        Raises:
            Unavailable: NOT_FOUND, LAKE_UNAVAILABLE.
        """
        return self._of_features().get(name) or self.refinery.table(name)

    def tables(self) -> list[Table]:
        """The tables that there are, by name."""
        declared = [BRONZE, LOGS, QUARANTINE, QUALITY]
        declared += [gold.table for gold in self.golds.values()]
        declared += [silver.table for silver in self.silvers.values()]
        declared += self._of_features().values()
        return sorted(filter(self.lake.has, declared), key=lambda each: each.name)

    def rows(
        self, name: str, *, version: int | None, at: str | None, where: Mapping[str, str]
    ) -> tuple[int, pa.Table]:
        """The version and rows of a table as it is, or was; only those with these cells.

        Raises:
            Unavailable: NOT_FOUND, LAKE_UNAVAILABLE. Refused: FIELD_UNKNOWN, FIELD_VALUE.
        """
        table = self.table(name)
        found = self.lake.at(table, version=version, time=at)
        among = {each: [cell] for each, cell in parse_cells(table, where).items()}
        rows = found.read(None, among)
        return found.version, rows.sort_by([(each, "ascending") for each in table.key])

    def trace(self, name: str, key: Mapping[str, str]) -> Origin:
        """The events that a row of gold was made of.

        Raises:
            Unavailable: NOT_FOUND. Refused: FIELD_MISSING, FIELD_UNKNOWN, FIELD_VALUE.
        """
        table = self.refinery.table(name)
        if table is QUALITY:
            silvers = {schema: silver.table for schema, silver in self.silvers.items()}
            return trace_quality(self.lake, silvers, parse_cells(table, key))
        gold = self.golds.get(name)
        if gold is None:
            raise Refused(
                Code.FIELD_VALUE,
                f"{name} is no gold table with lineage",
                hint="Rows of silver bear their place in the log themselves.",
                field="table",
                expected=", ".join([*self.golds, QUALITY.name]),
                found=name,
            )
        cells = parse_cells(table, key)
        return trace(self.lake, self.golds, self.refinery.table, gold, cells)

    def _of_features(self) -> dict[str, Table]:
        """The feature table of today's plan, cards, and the training sets of that plan."""
        found = [vectors_table(self.plan), CARDS, SETS]
        if self.lake.has(SETS):
            made = self.lake.at(SETS).read(["name"], {"plan_hash": [self.plan.plan_hash]})
            found += [set_table(name, self.plan) for name in made["name"].to_pylist()]
        return {table.name: table for table in found}

    def compact(self) -> list[Tidied]:
        """Makes few files of many in each table.

        Raises:
            Unavailable: LAKE_UNAVAILABLE.
        """
        return [Tidied(each.name, 0, self.lake.at(each).compact()) for each in self.tables()]

    def vacuum(self, *, hours: int) -> list[Tidied]:
        """Deletes rows past their table's retention, and files that nobody needs.

        Raises:
            Unavailable: LAKE_UNAVAILABLE.
        """
        today = _EPOCH + timedelta(days=brasilia_day(wall_clock()))
        done = []
        for each in self.tables():
            rows = 0
            if each.partition is not None and each.retention_days is not None:
                before = today - timedelta(days=each.retention_days)
                marks = forgotten(self.lake, before) if each is BRONZE else {}
                rows = self.lake.at(each).forget(before, marks)
            done.append(Tidied(each.name, rows, self.lake.at(each).vacuum(hours=hours)))
        return done


def payload_opener(settings: Settings) -> Open:
    """What opens the sealed payloads of a home folder's log."""
    cipher = record_cipher(Paths(settings.home), rotation_of(settings))

    def opened(payload: bytes, event_id: bytes) -> bytes:
        if not is_sealed(payload):
            return payload
        return open_payload(payload, event_id=event_id, cipher=cipher)

    return opened


@contextmanager
def open_stored_log(settings: Settings) -> Iterator[StoredLog]:
    """The log of the settings, as it is stored: the one of CRIVO_LOG__URL, else a file.

    Raises:
        Misconfigured, Unavailable: as `open_reader`, or as `cluster_of` and `KafkaStoredLog`.
    """
    require_home(settings)
    if settings.log.url is not None:
        cluster = cluster_of(settings)
        from crivo.adapters.kafka.stored import KafkaStoredLog

        yield KafkaStoredLog(cluster)
        return
    reader = open_reader(Paths(settings.home).log)
    try:
        yield reader
    finally:
        reader.close()


def parse_cells(table: Table, texts: Mapping[str, str]) -> dict[str, Any]:
    """Cells of a table from texts: bytes in hex, dates as in 2026-11-23.

    Raises:
        Refused: FIELD_UNKNOWN, FIELD_VALUE.
    """
    names = [column.name for column in table.columns]
    found: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in names:
            raise invalid(Code.FIELD_UNKNOWN, field=name, expected=", ".join(names), found=name)
        kind = table.column(name).kind
        try:
            found[name] = _cell(kind, text)
        except ValueError:
            raise invalid(
                Code.FIELD_VALUE, field=name, expected=f"a cell of {kind}", found=text
            ) from None
    return found


def _cell(kind: Kind, text: str) -> Any:
    match kind:
        case Kind.INTEGER:
            return int(text)
        case Kind.BYTES:
            return bytes.fromhex(text)
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.FLAG:
            return text == "true"
        case Kind.NUMBER:
            return float(text)
        case Kind.TEXT:
            return text
