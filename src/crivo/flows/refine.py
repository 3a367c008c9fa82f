"""Refining: a log's records into bronze, once; bronze into silver and gold, day by day.

A day is due while gold counts its events otherwise than bronze. What a day gives is a
function of bronze, and its rows replace those of before, so that a refining that was killed, or met
another, is made good by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.domain.errors import Code, Misconfigured, Unavailable, Unfit
from crivo.domain.streams import Stream
from crivo.flows.arrow import arrow_schema, days_of
from crivo.flows.event_rows import EventRow
from crivo.flows.gold import QUALITY, aggregate, quality_rows
from crivo.flows.lake import Lake, LakeTable, Part, Refined, StoredLog, Taken
from crivo.flows.lake_log import is_answer
from crivo.flows.ports import Manifest
from crivo.flows.silver import REFINED_COLUMNS, Open, Silver, refine_rows
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


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written of some days of a table, and the version that it made."""

    version: int
    days: frozenset[date]
    rows: pa.Table


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
            taken, ends = _taken(bronze, log), log.ends()
            self.note_log(log.manifest)
            for rows in log.rows_after(taken, limit=APPEND_ROWS):
                positions = _positions(rows, log)
                if not bronze.append(bronze_rows(rows), positions):
                    break
                appended += len(rows)
                progress(appended, 0)
                bronze = self._lake.open(BRONZE)
            else:
                # Behind the last rows lie marks of transactions, which brokers let go of as well.
                behind = _behind(bronze, ends, log)
                if not behind or bronze.append(arrow_schema(BRONZE).empty_table(), behind):
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
        rows = self._lake.open(BRONZE).read(REFINED_COLUMNS, {DAY: days})
        refined = refine_rows(rows, self._silvers, self._open_payload)
        check_conserved(rows.num_rows, refined)
        written: dict[str, _Written] = {}
        for table in tables:
            made = refined.get(table.name)
            handle = opened.get(table.name)
            if made is None and (handle is None or not _has_any(handle, days)):
                continue
            if handle is None:
                handle = self._lake.open(table)
                if handle.counts():
                    # Another made it since, maybe of more of bronze than was read here.
                    return None
            made = _or_empty(made, table)
            if not handle.replace(made, days):
                return None
            written[table.name] = _Written(handle.version, frozenset(days), made)
        if not self._make_gold(refined, written):
            return None
        if not quality.replace(quality_rows(refined), days):
            return None
        aside = refined[QUARANTINE.name].num_rows if QUARANTINE.name in refined else 0
        return Refined(0, len(days), rows.num_rows, rows.num_rows - aside, aside)

    def _make_gold(self, refined: Mapping[str, pa.Table], written: dict[str, _Written]) -> bool:
        due: dict[str, set[date]] = {}

        def told(source: str, column: str) -> Collection[date]:
            return refined[source][column].unique().to_pylist() if source in refined else ()

        for gold in self._golds:
            days = sorted(gold_days(gold, told, due)) if gold.is_daily else []
            due[gold.name] = set(days)
            handle = self._lake.open(gold.table)
            if gold.is_daily and not days:
                continue
            rows = self._gold_rows(gold, days, written)
            if not handle.replace(rows, days if gold.is_daily else None):
                return False
            if gold.is_daily:
                written[gold.name] = _Written(handle.version, frozenset(days), rows)
        return True

    def _gold_rows(
        self, gold: Gold, days: Sequence[date], written: Mapping[str, _Written]
    ) -> pa.Table:
        """The rows of a gold table for these days (of the transfers), or all of one without days,
        from the tables that it is made of as they are now. What was just written to them is not
        read again, unless another has written there since.
        """

        def read(part: GoldPart, columns: Sequence[str]) -> pa.Table:
            table = self.table(part.source)
            if not self._lake.has(table):
                return arrow_schema(table).empty_table().select(list(columns))
            handle, known = self._lake.open(table), written.get(part.source)
            among = {part.keys[DAY]: days} if gold.is_daily else {}
            if known is None or known.version != handle.version:
                return handle.read(columns, among)
            rows = known.rows.select(list(columns))
            for name, cells in among.items():
                rows = rows.filter(pc.is_in(rows[name], pa.array(cells, pa.date32())))
            others = (set(among.get(DAY, ())) or handle.counts().keys()) - known.days
            if not others:
                return rows
            return pa.concat_tables([rows, handle.read(columns, {**among, DAY: sorted(others)})])

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


def _application(log: StoredLog, part: Part) -> str:
    """The name under which bronze keeps how far a (stream, partition) of a log was appended, of the
    place where it lies: a copy of it elsewhere has other offsets.
    """
    stream, partition = part
    return "/".join(filter(None, ("crivo", log.manifest.log_id, log.place, stream, str(partition))))


def _numbers(log: StoredLog, part: Part) -> str:
    """The name under which bronze keeps the greatest number of a partition's events."""
    return f"{_application(log, part)}/number"


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


def _taken(bronze: LakeTable, log: StoredLog) -> dict[Part, Taken]:
    manifest, known = log.manifest, {}
    for part in ((each.value, place) for each in Stream for place in range(manifest.partitions)):
        at = bronze.position(_application(log, part))
        number = bronze.position(_numbers(log, part))
        if at is not None:
            known[part] = Taken(at, -1 if number is None else number)
    if not known and any(bronze.counts().values()):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the lake was filled from elsewhere: another log, this one's file or its copy in "
            "Kafka, whichever it is not now, or a job of Spark",
            hint="Give each a lake of its own (CRIVO_LAKE__URL); what a job of Spark fills, "
            "`crivo lake rebuild silver --from bronze` refines.",
            field="log",
            expected=f"{manifest.log_id}, in {log.place or 'a file'}",
            found="another",
        )
    return known


def _positions(rows: Sequence[EventRow], log: StoredLog) -> dict[str, int]:
    """How far bronze is with these rows, each partition's in order: offsets, and numbers."""
    offsets = {_application(log, row[1:3]): row[3] + 1 for row in rows}
    return offsets | {_numbers(log, row[1:3]): row[0] for row in rows if not is_answer(row)}


def _behind(bronze: LakeTable, ends: Mapping[Part, int], log: StoredLog) -> dict[str, int]:
    """How far partitions were read beyond what bronze keeps."""
    named = {_application(log, part): end for part, end in ends.items()}
    return {name: end for name, end in named.items() if end > (bronze.position(name) or 0)}


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
