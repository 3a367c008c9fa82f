"""Composes what runs without a service: import, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from crivo.adapters.files.reader import FileReader
from crivo.adapters.files.streams import days_of_streams
from crivo.bootstrap.collecting import give_back, seldom_collected
from crivo.bootstrap.home import (
    Importing,
    open_home,
    open_log_reader,
    require_log,
    wall_clock,
)
from crivo.bootstrap.service import serving_plan
from crivo.bootstrap.snapshots import snapshot_files, start_of
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import SECOND, from_datetime
from crivo.flows.ingest import IngestResult, ingest
from crivo.flows.ingest_streams import ingest_streams
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.flows.ports import OpenLogReader, Table
from crivo.flows.rows import RowReader
from crivo.settings import Settings, found_here

#: Where a checkout's mappings lie.
_MAPPINGS: Final = Path("mappings")

#: Called with (done, total) in the unit of the work.
Progress = Callable[[int, int], None]


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file; `mappings/NAME` is the checkout's where the working folder has none.

    Raises:
        Refused: FILE_UNREADABLE. Misconfigured: MAPPING_INVALID.
    """
    if path.parent == _MAPPINGS and not path.exists():
        path = found_here(_MAPPINGS.name) / path.name
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            Code.FILE_UNREADABLE,
            f"the mapping {path} cannot be read: {error}",
            hint="mappings/ in the repository holds examples.",
            file=str(path),
            expected="a mapping in UTF-8",
            found=str(error),
        ) from error
    return parse_mapping(text, name=path.name)


def read_table(path: Path, mapping: Mapping) -> Table:
    """The columns of a table that its mapping reads.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING, IMPORT_TOO_LARGE.
    """
    return FileReader(path).read(mapping.columns())


def last_days(table: Table, mapping: Mapping, days: int) -> tuple[int, int]:
    """The stretch of the table's last `days` whole days: [from, to), days of the mapping's zone.

    Raises:
        Refused: DATA_TOO_SMALL for a table without one readable time.
    """
    rows = RowReader(table, mapping)
    order = rows.order(start=None, until=None)
    if not len(order):
        raise Refused(
            Code.DATA_TOO_SMALL,
            f"{table.name} has no row with a readable time",
            hint="Look at [time] in the mapping.",
            field="time",
            expected="a row with a readable time",
            found="none",
        )
    return days_up_to(rows.received_at(int(order[-1])), days, zone=mapping.zone)


def days_up_to(newest: int, days: int, *, zone: tzinfo) -> tuple[int, int]:
    """The whole days of a zone that end with the one of an instant: [from, to).

    A day on which clocks are changed has the hours that it has there.
    """
    last = datetime.fromtimestamp(newest // SECOND, zone).date()
    first, after = last - timedelta(days=days - 1), last + timedelta(days=1)
    begun, ended = (
        from_datetime(datetime(each.year, each.month, each.day, tzinfo=zone))
        for each in (first, after)
    )
    return begun, ended


def import_table(
    settings: Settings,
    path: Path,
    mapping: Mapping,
    *,
    until: int | None,
    progress: Progress,
    received_at: int | None = None,
    is_to_train: bool = False,
) -> IngestResult:
    """What became of the table's rows in the log and the quarantine of the home folder.

    Raises:
        Refused, Unavailable: as `flows.ingest`; Unavailable LOG_LOCKED while a service writes it.
    """
    # Looked at before the home is made: a file that is not there leaves nothing behind.
    reader = FileReader(path)
    reader.check(mapping.columns())
    with importing(settings) as home:
        return ingest(
            reader,
            mapping,
            home.log,
            home.quarantine,
            home.pseudonyms,
            now=wall_clock(),
            until=until,
            received_at=received_at,
            is_to_train=is_to_train,
            progress=progress,
        )


def import_streams(
    settings: Settings,
    folder: Path,
    mapping: Mapping,
    *,
    until: int | None,
    progress: Progress,
    is_to_train: bool = False,
) -> IngestResult:
    """What became of the rows of a folder of streams in the log and the quarantine of the home.

    Raises:
        Refused, Unavailable: as `flows.ingest_streams`, and as `import_table`.
    """
    days = days_of_streams(folder, mapping)
    with importing(settings) as home, seldom_collected():
        return ingest_streams(
            days,
            mapping,
            home.log,
            home.quarantine,
            home.pseudonyms,
            now=wall_clock(),
            until=until,
            is_to_train=is_to_train,
            progress=progress,
        )


@contextmanager
def importing(settings: Settings) -> Iterator[Importing]:
    """The log as its writer holds it, and what an import needs beside it; what the import took of
    memory goes back to the system at the end, since a training may follow.

    Raises:
        Unavailable: LOG_LOCKED while a service writes it. Misconfigured: LOG_MISMATCH.
    """
    try:
        if settings.log.url is not None:
            from crivo.bootstrap.kafka import importing_to_kafka

            with importing_to_kafka(settings) as opened:
                yield opened
            return
        with open_home(settings, writer=True) as home:
            yield Importing(home.log, home.quarantine, home.pseudonyms)
    finally:
        give_back()


def log_reader(settings: Settings, *, answers: bool = True) -> OpenLogReader:
    """The log of the settings, for reading: the home folder's, or the one that a URL names.

    Without `answers` it is what the log's writer numbered, without what workers answered to it.

    Raises:
        Unavailable: NOT_FOUND where there is no log yet.
    """
    if settings.log.url is not None:
        from crivo.bootstrap.kafka import open_kafka_reader

        return open_kafka_reader(settings, answers=answers)
    return open_log_reader(require_log(settings))


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """State at `cut`, of which a former snapshot held `before`; equal where nothing was new."""

    plan_hash: str
    cut: int
    before: int
    #: Bytes that idle keys gave back.
    released: int


def take_snapshot(settings: Settings, progress: Progress) -> SnapshotTaken:
    """Keeps the state at the log's end: the newest snapshot, and what came after it.

    Raises:
        Unavailable: NOT_FOUND without a log, FILE_UNWRITABLE.
    """
    plan = serving_plan()
    log = log_reader(settings, answers=False)
    try:
        replica = start_of(settings, plan, log)
        before = replica.folded
        # Of a log in Kafka a partition may lag behind by days, and its workers must read it all.
        releases = settings.log.url is None
        released = replica.catch_up(log, progress, releases=releases)
        if replica.folded > before:
            released += replica.release() if releases else 0
            replica.engine.make_room()  # else each start would have to
            files = snapshot_files(settings, log.manifest)
            files.keep(replica.snapshot(log.manifest.log_id))
        return SnapshotTaken(plan.plan_hash, replica.folded, before, released)
    finally:
        log.close()
