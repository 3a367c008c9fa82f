"""A log of decisions with its ledger, and what may be done to their files behind their backs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crivo.adapters.files.segments_file import SegmentsFile
from crivo.adapters.sqlite.log import SqliteLog
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.ledger import audit_ledger, newest_segments, published
from crivo.domain.event import Event
from crivo.domain.instant import EARLIEST
from crivo.domain.streams import Stream
from crivo.flows.ledger_findings import Audit
from crivo.flows.seal import Sealer
from crivo.governance.segment import Segment, Signer
from tests.ports.logs import KeysInMemory, event, open_test_log, seeded_cipher

SIGNER = Signer(bytes(range(32)))


def decisions(first: int, last: int) -> list[Event]:
    """Events of which every third is no decision."""
    streams = (Stream.DECISIONS, Stream.HISTORY, Stream.DECISIONS)
    made = [event(number, stream=streams[number % 3]) for number in range(first, last)]
    return [
        each._replace(
            occurred_at=EARLIEST + each.occurred_at,
            received_at=EARLIEST + each.received_at,
        )
        for each in made
    ]


@dataclass
class Ledger:
    """A log in a folder and its ledger; `seal` does what the thread of a service does."""

    folder: Path
    keys: KeysInMemory = field(default_factory=KeysInMemory)
    signer: Signer = SIGNER

    @property
    def log_file(self) -> Path:
        return self.folder / "log.sqlite"

    @property
    def segments(self) -> Path:
        return self.folder / "ledger"

    @contextmanager
    def log(self) -> Iterator[SqliteLog]:
        opened = open_test_log(self.log_file, cipher=seeded_cipher(self.keys))
        with closing(opened):
            yield opened

    @contextmanager
    def sealer(self, log: SqliteLog, **parts) -> Iterator[Sealer]:
        place = SegmentsFile(self.segments, public_key=self.signer.public_key)
        reader = open_reader(self.log_file)
        options = {
            "records": reader,
            "segments": partial(published, reader, settled=0),
            "find": log.find,
            "end": log.end,
            "publish": log.append,
            "place": place,
            "signer": self.signer,
            "log_id": log.manifest.log_id,
            "partitions": log.manifest.partitions,
        }
        with closing(reader), closing(place):
            yield Sealer(**options | parts)

    def write(self, first: int, last: int, *, step: int = 10) -> None:
        """Appends decisions and seals them, a segment a partition every `step` events."""
        with self.log() as log, self.sealer(log) as sealer:
            sealer.resume()
            for start in range(first, last, step):
                log.append(decisions(start, min(start + step, last)))
                seal_all(sealer)

    def audit(self, checkpoint: Sequence[Segment] = (), *, key: bytes | None = None) -> Audit:
        return audit_ledger(
            self.log_file, self.segments, key=key or self.signer.public_key, checkpoint=checkpoint
        )

    def checkpoint(self) -> list[Segment]:
        return newest_segments(self.segments)

    @contextmanager
    def behind_its_back(self) -> Iterator[sqlite3.Connection]:
        """The log's file as somebody opens it who has the disk and no key."""
        with closing(sqlite3.connect(self.log_file)) as connection, connection:
            yield connection


def seal_all(sealer: Sealer) -> list[Segment]:
    """Reads what is durable, and closes."""
    while sealer.read():
        pass
    return sealer.close()


def copied(ledger: Ledger, folder: Path) -> Ledger:
    """The same files elsewhere."""
    shutil.copytree(ledger.folder, folder)
    return Ledger(folder, ledger.keys, ledger.signer)
