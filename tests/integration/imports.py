"""A small table to import, and a place to import it into."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crivo.adapters.files.reader import FileReader
from crivo.adapters.sqlite.log import SqliteLog, open_log
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.domain.instant import HOUR, format_rfc3339, parse_rfc3339
from crivo.flows.ingest import IngestResult, Progress, ingest
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.governance.pseudonym import Pseudonymiser
from tests.ports.logs import REFUSED

START = parse_rfc3339("2018-04-01T00:00:00Z")
NOW = parse_rfc3339("2026-01-01T00:00:00Z")
PSEUDONYMS = Pseudonymiser(b"k" * 32)

MAPPING_TEXT = """
source = "bank"
kind = "events"
[time]
column = "time"
[transfer]
id = "id"
payer = "payer"
payee = "payee"
amount = { column = "amount" }
[label]
column = "fraud"
known_after_days = 7
"""
MAPPING = parse_mapping(MAPPING_TEXT, name="bank.toml")
HEADER = "id,time,payer,payee,amount,fraud"


def good_rows(count: int, *, seed: int = 1) -> list[str]:
    """Rows an hour apart, shuffled, every tenth a fraud."""
    rng = random.Random(seed)
    rows = [
        f"{number},{format_rfc3339(START + number * HOUR)},p{rng.randrange(9)},"
        f"q{rng.randrange(9)},{rng.randrange(1, 99_999) / 100:.2f},{int(number % 10 == 3)}"
        for number in range(count)
    ]
    rng.shuffle(rows)
    return rows


def write_csv(path: Path, rows: list[str], *, header: str = HEADER) -> Path:
    """The rows as a CSV file."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@dataclass
class Place:
    """An open log and quarantine."""

    log: SqliteLog
    quarantine: SqliteQuarantine

    def ingest(
        self,
        path: Path,
        mapping: Mapping = MAPPING,
        *,
        until: int | None = None,
        received_at: int | None = None,
        progress: Progress = lambda _done, _total: None,
    ) -> IngestResult:
        """What became of the file."""
        return ingest(
            FileReader(path),
            mapping,
            self.log,
            self.quarantine,
            PSEUDONYMS,
            now=NOW,
            until=until,
            received_at=received_at,
            progress=progress,
        )

    def events(self) -> list[Event]:
        """Everything in the log."""
        return [each.event for each in self.log.read(start=0, limit=10**6)]


@contextmanager
def place(folder: Path, *, clock: ClockKind = ClockKind.REPLAY) -> Iterator[Place]:
    """A log and a quarantine in a folder, closed at the end."""
    folder.mkdir(exist_ok=True)
    log = open_log(folder / "log.sqlite", clock=clock, new_log_id="test")
    quarantine = SqliteQuarantine(folder / "quarantine.sqlite", REFUSED)
    try:
        yield Place(log, quarantine)
    finally:
        log.close()
        quarantine.close()
