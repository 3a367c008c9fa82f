"""Copying a log into another one: its stored bytes, or what of it may be decided anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from crivo.decision import record
from crivo.decision.record import decode_record
from crivo.domain import transfer
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.event import Event, StoredEvent, transfer_event_id
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Log, LogReader

#: Events of one append.
BATCH: Final = 10_000

#: Called with (events done, events of the log that is copied).
Progress = Callable[[int, int], None]

#: What a decision left behind, and what speaks of it: none of it is there before it is made.
_OF_DECISIONS: Final = frozenset(
    {Stream.DECISIONS, Stream.ALERTS, Stream.LEDGER, Stream.PRIVACY, Stream.TRANSFERS}
)


class StoredRows(Protocol):
    """A log whose rows can be read as they are stored, without any key."""

    def stored_rows(self, *, start: int, limit: int) -> list[EventRow]:
        """Some rows with `seq >= start`, at most `limit`; none where the log ends."""
        ...

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        ...


class RowLog(Protocol):
    """A log that takes rows as another one stored them."""

    def append_stored(self, rows: Sequence[EventRow]) -> None:
        """Appends them under their numbers; they are durable when it returns."""
        ...

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        ...


@dataclass(frozen=True, slots=True)
class CopyResult:
    """Events that were there before, and that were copied now."""

    before: int
    copied: int


def copy_log(source: StoredRows, target: RowLog, *, progress: Progress) -> CopyResult:
    """Copies what the target has not yet: the same numbers, the same stored bytes.

    Raises:
        Misconfigured: LOG_MISMATCH where the target holds more. Unavailable: as the target's.
    """
    before = target.end()
    while copy_next(source, target, limit=BATCH):
        progress(target.end(), source.end())
    return CopyResult(before, target.end() - before)


def copy_next(source: StoredRows, target: RowLog, *, limit: int) -> int:
    """Copies up to so many of the rows that the target has not yet; how many these were.

    Raises:
        Misconfigured: LOG_MISMATCH where the target holds more. Unavailable: as the target's.
    """
    at, end = target.end(), source.end()
    check_end(at, end)
    rows = source.stored_rows(start=at, limit=min(limit, end - at)) if at < end else []
    if rows:
        target.append_stored(rows)
    return len(rows)


def check_end(at: int, end: int) -> None:
    """Nothing, if a log of `at` events can be the beginning of one of `end`.

    Raises:
        Misconfigured: LOG_MISMATCH.
    """
    if at > end:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"the log that is copied into holds {at} events, and the one that is copied {end}",
            hint="Something else was appended to it, or this log is an older one: copy into a "
            "space of its own, kafka://HOST:PORT/NAME.",
            expected=end,
            found=at,
        )


def copy_undecided(source: LogReader, target: Log, *, progress: Progress) -> CopyResult:
    """Copies a log as it was before anything was decided: what was decided waits for it again.

    A decision made in place becomes the transfer that it was, in `pix.transfers.v1`, at the same
    place; other decisions, and what followed from any of them, are left out. What parties are
    called stays with the decision that it was sealed for. A copy that was stopped goes on where it
    stopped.

    Raises:
        Refused: FIELD_TYPE for a decision that cannot be read. Unavailable: as the target's.
    """
    before = target.end()
    passed, copied = 0, 0
    for events, at in _undecided(source):
        new = events[max(0, before - passed) :]
        passed += len(events)
        if new:
            target.append(new)
            copied += len(new)
        progress(at, source.end())
    return CopyResult(before, copied)


def _undecided(source: LogReader) -> Iterator[tuple[list[Event], int]]:
    at, end = 0, source.end()
    while at < end:
        found = source.read(start=at, limit=min(BATCH, end - at))
        at = found[-1].seq + 1
        events = [event for stored in found if (event := undecided(stored)) is not None]
        yield events, at


def undecided(stored: StoredEvent) -> Event | None:
    """The event as it was before anything was decided; None where it was not there then.

    Raises:
        Refused: FIELD_TYPE for a decision that cannot be read.
    """
    event = stored.event
    if event.schema == record.SCHEMA:
        decided = decode_record(event.payload)
        if not decided.in_place:
            return None
        return event._replace(
            stream=Stream.TRANSFERS,
            event_id=transfer_event_id(decided.end_to_end_id),
            schema=transfer.SCHEMA,
            payload=bytes(decided.transfer),
            sealed=None,
        )
    return event if event.stream is Stream.TRANSFERS or event.stream not in _OF_DECISIONS else None
