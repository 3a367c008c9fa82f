"""Composes the export of a log's transfers into files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.adapters.files.rotated import RotatedFiles
from crivo.adapters.sqlite.reader import SqliteLogReader
from crivo.bootstrap.home import (
    Paths,
    open_log_reader,
    record_cipher,
    require_home,
    rotation_of,
)
from crivo.bootstrap.kafka import cluster_of
from crivo.domain.event import StoredEvent
from crivo.flows.exported_transfers import SCHEMA, Events, Exported, Progress, export_transfers
from crivo.flows.ports import Manifest
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.tail import Tail

#: How long a turn waits for events where none are there.
TURN_SECONDS: Final = 0.2

#: Makes events from a number on.
From = Callable[[int], Events]


@dataclass(frozen=True, slots=True)
class Exporting:
    """Where to, and for how long: without `follow` up to the log's end as it is now."""

    to: Path
    follow: bool
    rotate_bytes: int
    rotate_seconds: float


def export_log(
    settings: Settings,
    wanted: Exporting,
    *,
    should_stop: Callable[[], bool],
    progress: Progress,
) -> Exported:
    """Writes the transfers of the log of CRIVO_LOG__URL, else of the home's file, behind those that
    whole files have.

    Raises:
        As `RotatedFiles`, `export_transfers`, `open_log_reader` and `Tail`.
    """
    require_home(settings)
    with (
        _events_of(settings) as (manifest, from_),
        RotatedFiles(
            wanted.to,
            manifest.log_id,
            SCHEMA,
            bytes_max=wanted.rotate_bytes,
            seconds_max=wanted.rotate_seconds,
            now=time.monotonic,
        ) as files,
    ):
        return export_transfers(
            from_(files.next),
            files,
            follow=wanted.follow,
            should_stop=should_stop,
            progress=progress,
        )


@contextmanager
def _events_of(settings: Settings) -> Iterator[tuple[Manifest, From]]:
    if settings.log.url is None:
        with closing(open_log_reader(Paths(settings.home).log)) as reader:
            yield reader.manifest, lambda start: _FileEvents(reader, start)
        return
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.intake import read_ends
    from crivo.adapters.kafka.manifest import require_manifest
    from crivo.adapters.kafka.tail import Tail

    manifest = require_manifest(cluster)
    ends = read_ends(cluster, manifest.partitions)
    cipher = record_cipher(Paths(settings.home), rotation_of(settings))
    opened: list[Tail] = []

    def tail(start: int) -> Events:
        opened.append(Tail(cluster, manifest.partitions, start=start, cipher=cipher))
        return _KafkaEvents(opened[-1], {part: end for part, (_, end) in ends.items()})

    try:
        yield manifest, tail
    finally:
        for each in opened:
            each.close()


class _FileEvents:
    """The `Events` of a log's file."""

    def __init__(self, reader: SqliteLogReader, start: int) -> None:
        self._reader = reader
        self._next = start
        self._end = reader.end()

    def take(self, limit: int) -> list[StoredEvent]:
        found = self._reader.read(start=self._next, limit=limit)
        if found:
            self._next = found[-1].seq + 1
        else:
            time.sleep(TURN_SECONDS)
        return found

    def is_at_end(self) -> bool:
        return self._next >= self._end


class _KafkaEvents:
    """The `Events` of a log in Kafka: what its writer numbered, whatever workers answered."""

    def __init__(self, tail: Tail, ends: Mapping[tuple[int, int], int]) -> None:
        self._tail = tail
        self._ends = ends

    def take(self, limit: int) -> list[StoredEvent]:
        """The next ones.

        Raises:
            Misconfigured: LOG_MISMATCH where the next one is not there any more.
        """
        return self._tail.take(limit, TURN_SECONDS)

    def is_at_end(self) -> bool:
        return self._tail.has_reached(self._ends)
