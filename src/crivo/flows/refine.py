"""Refining: a log's records into bronze, once; bronze into silver and gold, day by day.

A day is due while gold counts its events otherwise than bronze. What a day gives is a
function of bronze, and its rows replace those of before, so that a refining that was killed, or met
another, is made good by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from crivo.domain.errors import Code, Misconfigured, Unavailable, Unfit
from crivo.domain.streams import Stream
from crivo.flows.arrow import arrow_schema, days_of
from crivo.flows.event_rows import EventRow
from crivo.flows.gold import QUALITY, aggregate, quality_rows
from crivo.flows.lake import Lake, LakeTable, Part, Refined, StoredLog
from crivo.flows.ports import Manifest
from crivo.flows.silver import Open, Silver, refine_rows
from crivo.lake.measure import Gold
from crivo.lake.measure import Part as GoldPart
from crivo.lake.table import BRONZE, DAY, LOGS, QUARANTINE, Table

#: Rows of one commit to bronze.
APPEND_ROWS: Final = 200_000
#: Rows of bronze that are refined together, where several days fit in.
REFINE_ROWS: Final = 2_000_000
#: How often a commit is tried again that met another writer's.
TRIES_MAX: Final = 8

#: Called with (rows done, rows to do).
Progress = Callable[[int, int], None]


class Refinery:
    """Refines one log into one lake.

    Args:
        lake: Where the tables are.
        silvers: How each schema is refined.
        golds: The gold tables, each behind those that it is made of.
        open_payload: What opens sealed payloads.
    """

    def __init__(
        self,
        lake: Lake,
        silvers: Mapping[str, Silver],
        golds: Sequence[Gold],
        open_payload: Open,
    ) -> None:
        self._lake = lake
        self._silvers = silvers
        self._golds = golds
        self._open_payload = open_payload

    def append(self, log: StoredLog, *, progress: Progress) -> int:
        """Appends to bronze what the log holds and bronze not yet; how many rows that were.

        Raises:
            Misconfigured: LOG_MISMATCH where bronze is of another log. Unavailable: LAKE_BUSY,
                LAKE_UNAVAILABLE.
        """
        appended = 0
        for _ in range(TRIES_MAX):
            bronze = self._lake.open(BRONZE)
            offsets = _positions(bronze, log)
            self.note_log(log.manifest)
            for rows in log.rows_after(offsets, limit=APPEND_ROWS):
                moved = {_part(row): row[3] + 1 for row in rows}
                id_ = log.manifest.log_id
                positions = {application(id_, part): at for part, at in moved.items()}
                if not bronze.append(bronze_rows(rows), positions):
                    break
                appended += len(rows)
                progress(appended, 0)
                bronze = self._lake.open(BRONZE)
            else:
                return appended
        raise _busy(BRONZE.name)

    def append_batch(self, rows: Sequence[EventRow], batches: str, number: int) -> None:
        """Appends the rows of the batch of a number to bronze, unless bronze has that batch, or a
        later one, of these batches: by their name it keeps how far they have come.

        Raises:
            Unavailable: LAKE_BUSY, LAKE_UNAVAILABLE.
        """
        for _ in range(TRIES_MAX):
            bronze = self._lake.open(BRONZE)
            newest = bronze.position(batches)
            if newest is not None and newest >= number:
                return
            if bronze.append(bronze_rows(rows), {batches: number}):
                return
        raise _busy(BRONZE.name)

    def note_log(self, manifest: Manifest) -> None:
        """Notes which log bronze is of; whoever is first, it is the same."""
        logs, mark = self._lake.open(LOGS), f"crivo/{manifest.log_id}/log"
        if logs.position(mark) is None:
            row = (manifest.log_id, manifest.clock.value, manifest.partitions)
            cells = [[cell] for cell in row]
            logs.append(pa.table(cells, schema=arrow_schema(LOGS)), {mark: 1})

    def refine(self, *, progress: Progress) -> Refined:
        """Refines the days that are due.

        Raises:
            Unfit: LAKE_DIFFERS where rows were lost or doubled on the way. Unavailable: as
                `append`. Misconfigured: KEY_MISSING, SEAL_BROKEN.
        """
        done = Refined(0, 0, 0, 0, 0)
        for _ in range(TRIES_MAX):
            due = self.due()
            left = sum(due.values())
            is_done = True
            for days in _together(due):
                made = self._refine_days(days)
                if made is None:
                    is_done = False
                    break
                done = _added(done, made)
                progress(done.rows, left)
            if is_done:
                return done
        raise _busy(QUALITY.name)

    def rebuild(self, *, progress: Progress) -> Refined:
        """Refines every day of bronze anew.

        Raises:
            As `refine`.
        """
        for _ in range(TRIES_MAX):
            if self._lake.open(QUALITY).replace(arrow_schema(QUALITY).empty_table(), None):
                return self.refine(progress=progress)
        raise _busy(QUALITY.name)

    def due(self) -> dict[date, int]:
        """The days whose events gold counts otherwise than bronze, with bronze's count."""
        told = self._lake.open(QUALITY).read(["day", "events"])
        known: dict[date, int] = {}
        for day, events in zip(told["day"].to_pylist(), told["events"].to_pylist(), strict=True):
            known[day] = known.get(day, 0) + events
        counts = self._lake.open(BRONZE).counts()
        return {day: n for day, n in sorted(counts.items()) if n != known.get(day, 0)}

    def _refine_days(self, days: Sequence[date]) -> Refined | None:
        """Refines these days; None where another writer was first, and it is to be done again."""
        # Opened before bronze is read: who writes in between makes these writes fail.
        quality = self._lake.open(QUALITY)
        tables = [*(each.table for each in self._silvers.values()), QUARANTINE]
        opened = {each.name: self._lake.open(each) for each in tables if self._lake.has(each)}
        rows = self._lake.open(BRONZE).read(None, {DAY: days})
        refined = refine_rows(rows, self._silvers, self._open_payload)
        check_conserved(rows.num_rows, refined)
        for table in tables:
            made = refined.get(table.name)
            handle = opened.get(table.name)
            if made is None and (handle is None or not _has_any(handle, days)):
                continue
            handle = handle or self._lake.open(table)
            if not handle.replace(_or_empty(made, table), days):
                return None
        if not self._make_gold(refined) or not quality.replace(quality_rows(refined), days):
            return None
        aside = refined[QUARANTINE.name].num_rows if QUARANTINE.name in refined else 0
        return Refined(0, len(days), rows.num_rows, rows.num_rows - aside, aside)

    def _make_gold(self, refined: Mapping[str, pa.Table]) -> bool:
        due: dict[str, set[date]] = {}

        def told(source: str, column: str) -> Collection[date]:
            return refined[source][column].unique().to_pylist() if source in refined else ()

        for gold in self._golds:
            days = sorted(gold_days(gold, told, due)) if gold.is_daily else []
            due[gold.name] = set(days)
            handle = self._lake.open(gold.table)
            if gold.is_daily and not days:
                continue
            rows = self.gold_rows(gold, days)
            if not handle.replace(rows, days if gold.is_daily else None):
                return False
        return True

    def gold_rows(self, gold: Gold, days: Sequence[date]) -> pa.Table:
        """The rows of a gold table for these days (of the transfers), or all of one without days,
        from the tables that it is made of as they are now.
        """

        def read(part: GoldPart, columns: Sequence[str]) -> pa.Table:
            table = self.table(part.source)
            if not self._lake.has(table):
                return arrow_schema(table).empty_table().select(list(columns))
            among = {part.keys[DAY]: days} if gold.is_daily else None
            return self._lake.open(table).read(columns, among)

        return aggregate(gold, read)

    def table(self, name: str) -> Table:
        """The declared table of that name.

        Raises:
            Unavailable: NOT_FOUND.
        """
        known = {each.table.name: each.table for each in self._silvers.values()}
        known |= {gold.name: gold.table for gold in self._golds}
        known |= {each.name: each for each in (BRONZE, LOGS, QUARANTINE, QUALITY)}
        if name not in known:
            raise Unavailable(
                Code.NOT_FOUND,
                f"{name} is no table of the lake",
                hint=f"There are: {', '.join(sorted(known))}.",
                field="table",
            )
        return known[name]


def gold_days(
    gold: Gold,
    told: Callable[[str, str], Collection[date]],
    due: Mapping[str, Collection[date]],
) -> set[date]:
    """The days of a daily gold table that are to be made anew.

    `told` gives the days in a column of the rows of a table that were just refined; `due` has those
    of the gold tables that were made anew before.
    """
    found: set[date] = set()
    for part in gold.parts:
        found.update(due.get(part.source, ()))
        found.update(told(part.source, part.keys[DAY]))
    return found


def application(log_id: str, part: Part) -> str:
    """The name under which bronze keeps how far a (stream, partition) of a log was appended."""
    stream, partition = part
    return f"crivo/{log_id}/{stream}/{partition}"


def bronze_rows(rows: Sequence[EventRow]) -> pa.Table:
    """Records as rows of bronze: their bytes as they are stored."""
    schema = arrow_schema(BRONZE)
    columns: list[Any] = list(zip(*rows, strict=True))
    number, stream, partition, offset, event_id, key = columns[:6]
    occurred_at, received_at, schemas, source, payload, sealed = columns[6:]
    days = days_of(np.array(occurred_at, dtype=np.int64))
    found = [stream, partition, offset, event_id, key, occurred_at, received_at, schemas, source]
    found += [days, number, payload, sealed]
    arrays = [
        each if isinstance(each, pa.Array) else pa.array(each, field.type)
        for each, field in zip(found, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def check_conserved(rows: int, refined: Mapping[str, pa.Table]) -> None:
    """Nothing, if every row of bronze became one of silver or of quarantine.

    Raises:
        Unfit: LAKE_DIFFERS.
    """
    found = sum(table.num_rows for table in refined.values())
    if found != rows:
        raise Unfit(
            Code.LAKE_DIFFERS,
            "rows of bronze are not those of silver and quarantine together",
            hint="Nothing was written. Refine with the release that wrote the lake.",
            field="rows",
            expected=rows,
            found=found,
        )


def _positions(bronze: LakeTable, log: StoredLog) -> dict[Part, int]:
    manifest = log.manifest
    parts = [(stream.value, place) for stream in Stream for place in range(manifest.partitions)]
    found = {part: bronze.position(application(manifest.log_id, part)) for part in parts}
    known = {part: at for part, at in found.items() if at is not None}
    if not known and any(bronze.counts().values()):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the lake's bronze is of another log",
            hint="Give each log a lake of its own: CRIVO_LAKE__URL.",
            field="log_id",
            expected=manifest.log_id,
            found="another",
        )
    return known


def _part(row: EventRow) -> Part:
    return row[1], row[2]


def _together(due: Mapping[date, int]) -> Iterator[list[date]]:
    """Days that are refined together: as many as have `REFINE_ROWS` rows, at least one."""
    days: list[date] = []
    rows = 0
    for day, count in due.items():
        if days and rows + count > REFINE_ROWS:
            yield days
            days, rows = [], 0
        days.append(day)
        rows += count
    if days:
        yield days


def _has_any(table: LakeTable, days: Collection[date]) -> bool:
    counts = table.counts()
    return any(counts.get(day, 0) for day in days)


def _or_empty(rows: pa.Table | None, table: Table) -> pa.Table:
    return arrow_schema(table).empty_table() if rows is None else rows


def _added(first: Refined, second: Refined) -> Refined:
    return Refined(
        first.appended + second.appended,
        first.days + second.days,
        first.rows + second.rows,
        first.silver + second.silver,
        first.quarantined + second.quarantined,
    )


def _busy(table: str) -> Unavailable:
    return Unavailable(
        Code.LAKE_BUSY,
        f"other writers of {table} were first {TRIES_MAX} times",
        hint="Refine again when they are done; nothing is lost or doubled.",
        field="table",
        found=table,
    )
