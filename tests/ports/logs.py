"""Events for the laws of a log, and the laws that a sabotage has to break."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

from crivo.adapters.sqlite.log import SqliteLog, open_log
from crivo.adapters.sqlite.reader import open_reader
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.flows.ports import Log, LogReader
from crivo.governance.identity import IdentitySealer
from crivo.governance.record_cipher import DataKey, DataKeys, RecordCipher, Rotation
from crivo.governance.refused_cipher import RefusedCipher
from tests.ports.disk import Disk


def event(number: int, *, stream: Stream = Stream.HISTORY, payer: int | None = None) -> Event:
    """The event of a number: always the same bytes."""
    key = hashlib.sha256(b"payer %d" % (number % 7 if payer is None else payer)).digest()[:16]
    return Event(
        stream=stream,
        key=key,
        event_id=hashlib.sha256(b"event %d" % number).digest()[:16],
        occurred_at=1_000 * number,
        received_at=1_000 * number + 5,
        schema="transfer.v1",
        source="test",
        payload=b"payload %d" % number,
    )


def events(first: int, last: int) -> list[Event]:
    """The events of the numbers first .. last - 1."""
    return [event(number) for number in range(first, last)]


class KeysInMemory:
    """`DataKeys` of a test."""

    def __init__(self) -> None:
        self.keys: list[DataKey] = []

    def read(self) -> list[DataKey]:
        return list(self.keys)

    def add(self, key: DataKey) -> None:
        if all(key.number != each.number for each in self.keys):
            self.keys.append(key)


#: When every key of a seeded cipher was made: 2026-09-01.
MADE_AT = 1_788_220_800_000_000


def seeded_cipher(keys: DataKeys | None = None, *, seed: int = 1) -> RecordCipher:
    """A cipher whose randomness has a seed, and whose clock stands still."""
    random = Random(seed).randbytes
    keys = KeysInMemory() if keys is None else keys
    return RecordCipher(keys, now=lambda: MADE_AT, random=random, rotation=Rotation())


#: What seals and opens what a test itself refuses.
REFUSED = RefusedCipher(seeded_cipher)


def open_test_log(
    path: Path,
    *,
    vfs: str | None = None,
    partitions: int = 4,
    cipher: RecordCipher | None = None,
    identities: IdentitySealer | None = None,
) -> SqliteLog:
    """A log of the tests' manifest."""
    return open_log(
        path,
        clock=ClockKind.REPLAY,
        new_log_id="test",
        partitions=partitions,
        vfs=vfs,
        cipher=cipher,
        identities=identities,
    )


def stored(log: Log) -> list[Event]:
    """Every durable event."""
    return [each.event for each in log.read(start=0, limit=1_000_000)]


def assert_nothing_is_lost_without_power(folder: Path, disk: Disk, log: Log) -> None:
    """Law: whatever `append` returned for is there after the power was cut."""
    for number in range(12):
        log.append(events(3 * number, 3 * number + 3))
        left = disk.cut_power(folder / f"cut-{number}")
        assert left.exists() and left.stat().st_size > 0, "not even the file survived"
        reader = open_reader(left)
        survived = [each.event for each in reader.read(start=0, limit=1_000)]
        reader.close()
        assert survived == events(0, 3 * number + 3), f"append {number} was lost"


def assert_gapless(log: LogReader, *, but_offsets: bool = False) -> None:
    """Law: sequence numbers and the offsets of each partition count from 0 without gaps.

    `but_offsets`: those of Kafka only rise, since each transaction takes one for itself.
    """
    offsets: dict[tuple[Stream, int], int] = {}
    for seq, each in enumerate(log.read(start=0, limit=1_000_000)):
        assert each.seq == seq
        place = (each.event.stream, each.partition)
        least = offsets.get(place, 0)
        assert each.offset >= least if but_offsets else each.offset == least
        offsets[place] = each.offset + 1
