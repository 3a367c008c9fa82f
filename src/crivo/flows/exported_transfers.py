"""A log's transfers as rows that other programs read, in the order of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa

from crivo.decision import record
from crivo.decision.record import in_place_transfer
from crivo.domain import transfer
from crivo.domain.event import StoredEvent
from crivo.domain.transfer import Transfer
from crivo.flows.event_of import value_of

#: Events of one turn.
TURN_EVENTS: Final = 2_000

_TIME: Final = pa.timestamp("us", tz="UTC")

#: Columns by what they hold of a transfer; `mappings/exported-transfers.toml` reads all of them.
_FACTS: Final = {
    "payer_account": "payer_account_id",
    "payee_account": "payee_account_id",
    "payer_person": "payer_person_id",
    "payee_person": "payee_person_id",
    "payee_key": "payee_key_id",
    "device": "device_id",
    "payer_ispb": "payer_ispb",
    "payee_ispb": "payee_ispb",
    "initiation": "initiation",
    "purpose": "purpose",
    "service_level": "service_level",
    "txid": "txid",
    "initiator_ispb": "initiator_ispb",
    "payer_segment": "payer_segment",
    "payee_segment": "payee_segment",
}

#: What a row is.
SCHEMA: Final = pa.schema(
    [
        pa.field("end_to_end_id", pa.string(), nullable=False),
        pa.field("occurred_at", _TIME, nullable=False),
        pa.field("received_at", _TIME, nullable=False),
        pa.field("amount_centavos", pa.int64(), nullable=False),
        *(pa.field(name, pa.string()) for name in _FACTS),
    ]
)

#: Called with (transfers written, 0).
Progress = Callable[[int, int], None]


class Events(Protocol):
    """The events of a log from a number on, none left out."""

    def take(self, limit: int) -> list[StoredEvent]:
        """Up to so many of the next ones; none where none has come yet."""
        ...

    def is_at_end(self) -> bool:
        """Whether all that was there when it was opened has been taken."""
        ...


class Sink(Protocol):
    """Where rows go: whole files, each of a stretch of the log."""

    @property
    def next(self) -> int:
        """The number of the first event that no whole file covers, and nothing that waits."""
        ...

    @property
    def files(self) -> int:
        """How many files became whole."""
        ...

    def write(self, rows: pa.Table, next_: int) -> None:
        """Takes the rows of the events below that number, and ends a file that is due."""
        ...

    def finish(self) -> None:
        """Makes what waits a whole file."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """Transfers that were written now, whole files that these are, and where the next begins."""

    transfers: int
    files: int
    next: int


def export_transfers(
    events: Events,
    sink: Sink,
    *,
    follow: bool,
    should_stop: Callable[[], bool],
    progress: Progress,
) -> Exported:
    """Writes each transfer of the events once; with `follow` what comes too, until told to stop.

    Raises:
        Refused: FIELD_TYPE for an event that cannot be read. As `events` and `sink`.
    """
    written = 0
    while not should_stop():
        some = events.take(TURN_EVENTS)
        if not some and not follow and events.is_at_end():
            break
        rows = transfer_rows(some)
        sink.write(rows, some[-1].seq + 1 if some else sink.next)
        written += rows.num_rows
        progress(written, 0)
    sink.finish()
    return Exported(written, sink.files, sink.next)


def transfer_rows(events: Sequence[StoredEvent]) -> pa.Table:
    """The rows (`SCHEMA`) of the transfers among the events: attempts, each once, whether they
    wait for a decision, were decided in place or are history.

    Raises:
        Refused: FIELD_TYPE.
    """
    found = [(made, each) for each in events if (made := _transfer(each)) is not None]
    columns: list[pa.Array] = [
        pa.array([made.end_to_end_id for made, _ in found], pa.string()),
        pa.array([made.occurred_at for made, _ in found], pa.int64()).cast(_TIME),
        pa.array([each.event.received_at for _, each in found], pa.int64()).cast(_TIME),
        pa.array([made.amount_centavos for made, _ in found], pa.int64()),
    ]
    columns += [
        pa.array([_text(getattr(made, field)) for made, _ in found], pa.string())
        for field in _FACTS.values()
    ]
    return pa.table(columns, schema=SCHEMA)


def _transfer(stored: StoredEvent) -> Transfer | None:
    event = stored.event
    if event.schema == transfer.SCHEMA:
        made: Transfer = value_of(event)
        return made
    return in_place_transfer(event.payload) if event.schema == record.SCHEMA else None


def _text(fact: bytes | str | None) -> str | None:
    """Pseudonyms in hex; words and digits as they are."""
    return fact.hex() if isinstance(fact, bytes) else fact
