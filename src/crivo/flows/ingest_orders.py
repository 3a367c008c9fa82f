"""Import of payment orders: each message is a transfer of the past; what is none is put aside.

An order says when it was accepted, and no more of its receipt: unless that is given, it was
received then. What its parties are called is judged and kept nowhere, as of a row of a table:
nobody decides an imported transfer, so nobody could ask whose it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final, Protocol

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, make_event_id
from crivo.domain.instant import format_rfc3339
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer, check_two_accounts
from crivo.flows.appending import Appender
from crivo.flows.event_of import event_of
from crivo.flows.ingest import (
    APPEND_ROWS,
    RAW_CHARACTERS_MAX,
    UP_TO_NOW,
    IngestResult,
    Progress,
    origin_of,
    quarantined_row,
)
from crivo.flows.ports import Log, Quarantine, QuarantinedRow

#: Messages of one import: the transfers of all of them are held at once, to be sorted by receipt.
IMPORT_ORDERS_MAX: Final = 1_000_000

#: The transfer that a message orders.
#: Raises Refused, as `crivo.adapters.http.pacs008.parse_pacs008`.
ParseOrder = Callable[[bytes], Transfer]

#: The id that a message names, though it be no order; None where it names none, or several.
NameOf = Callable[[bytes], str | None]

#: Which door the transfers came through, for people.
SOURCE: Final = "pacs.008"

#: A message is the one row of its file.
_ROW_NUMBER: Final = 1

_OLD_APART: Final = (
    "Move messages that were accepted before what `expected` says out of the folder, and import "
    "those by themselves with `--received` and the time of today, at which the log then has them; "
    "or import the whole folder into a new home."
)


class OrderFile(Protocol):
    """A file that holds one message."""

    @property
    def name(self) -> str:
        """What the file is called, for people: within a folder its path there."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex.

        Raises:
            Refused: FILE_UNREADABLE.
        """
        ...

    def read(self) -> bytes:
        """The message; of a file that is longer than any may be, as much as shows that.

        Raises:
            Refused: FILE_UNREADABLE.
        """
        ...


def ingest_orders(
    files: Sequence[OrderFile],
    parse: ParseOrder,
    name_of: NameOf,
    log: Log,
    quarantine: Quarantine,
    *,
    now: int,
    until: int | None = None,
    received_at: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> IngestResult:
    """What became of the messages, one a file, once all of it is durable.

    They go to `pix.history.v1` in the order of receipt, whatever that of the files. One that cannot
    be read is put aside like what is no order. Running it again adds what is missing and nothing
    else. One that was refused and comes in under the id that it named is noted as mended. `now`,
    `until` and `received_at` are as in `ingest`.

    Raises:
        Refused: IMPORT_TOO_LARGE; LOG_ORDER where the messages reach back before what the log
            holds, or beyond a wall clock.
        Unavailable: LOG_UNAVAILABLE; what was appended until then stays, and is skipped next time.
    """
    if len(files) > IMPORT_ORDERS_MAX:
        raise Refused(
            Code.IMPORT_TOO_LARGE,
            f"the folder holds over {IMPORT_ORDERS_MAX} messages",
            hint="Import them in parts, by time and in order.",
            field="FILE",
            expected=f"at most {IMPORT_ORDERS_MAX} messages",
            found=len(files),
        )
    run = _Run(name_of, log, quarantine, now)
    orders, refused = run.parse(files, parse, received_at, progress)
    wanted = [each for each in orders if until is None or each.received_at < until]
    if log.manifest.clock is ClockKind.WALL:
        _check_not_ahead(wanted, now)
    run.result.later = len(orders) - len(wanted)
    run.put_aside(refused)
    wanted.sort(key=attrgetter("received_at"))
    run.take(wanted)
    assert run.result.is_conserved, run.result
    return run.result


@dataclass(frozen=True, slots=True)
class _Order:
    """A transfer, when it was received, and the file that orders it."""

    transfer: Transfer
    received_at: int
    file: OrderFile


class _Run:
    """One import under way."""

    def __init__(self, name_of: NameOf, log: Log, quarantine: Quarantine, now: int) -> None:
        self.result = IngestResult()
        self._name_of = name_of
        self._quarantine = quarantine
        self._now = now
        self._appender = Appender(
            log,
            lambda event: self._orders[id(event)].file.name,
            self._count,
            self._conflict,
            hint=_OLD_APART,
        )
        self._orders: dict[int, _Order] = {}
        self._conflicts: list[QuarantinedRow] = []
        # Messages that were refused once, and may come in mended.
        self._awaited: set[str] = set()

    def parse(
        self,
        files: Sequence[OrderFile],
        parse: ParseOrder,
        received_at: int | None,
        progress: Progress,
    ) -> tuple[list[_Order], list[QuarantinedRow]]:
        """The orders of the files, in theirs, and the messages that are none."""
        orders, refused = [], []
        for done, file in enumerate(files, start=1):
            try:
                transfer = parse(file.read())
                check_two_accounts(transfer)
            except Refused as refusal:
                refused.append(self._aside(file, refusal))
            else:
                receipt = transfer.occurred_at if received_at is None else received_at
                orders.append(_Order(transfer, receipt, file))
            progress(done, len(files))
        return orders, refused

    def take(self, orders: Sequence[_Order]) -> None:
        """Appends the orders, which are sorted by receipt; all that is refused was put aside."""
        self._awaited = self._quarantine.waiting()
        for start in range(0, len(orders), APPEND_ROWS):
            part = orders[start : start + APPEND_ROWS]
            self._appender.append([self._event(order) for order in part])
            self.result.received += len(part) - len(self._conflicts)
            self._mend()
            self.put_aside(self._conflicts)
            self._orders, self._conflicts = {}, []

    def _mend(self) -> None:
        """Notes which messages that were refused once came in with the last `append`."""
        names = (_identity(each.transfer.end_to_end_id) for each in self._orders.values())
        if came := self._awaited.intersection(names):
            self._quarantine.mend(sorted(came), at=self._now)
            self._awaited -= came

    def put_aside(self, refused: Sequence[QuarantinedRow]) -> None:
        """Counts and quarantines messages that are no orders, or whose id is another's."""
        if refused:
            self._quarantine.put(refused)
        self.result.received += len(refused)
        self.result.quarantined += len(refused)
        self.result.causes.update(row.code for row in refused)

    def _event(self, order: _Order) -> Event:
        transfer = order.transfer
        event = event_of(
            transfer,
            occurred_at=transfer.occurred_at,
            received_at=order.received_at,
            source=SOURCE,
            stream=Stream.HISTORY,
        )
        self._appender.note_transfer(event, transfer)
        self._orders[id(event)] = order
        return event

    def _count(self, _event: Event, is_new: bool) -> None:
        self.result.accepted += is_new
        self.result.duplicate += not is_new

    def _conflict(self, event: Event, refusal: Refused) -> None:
        self._conflicts.append(self._aside(self._orders.pop(id(event)).file, refusal))

    def _aside(self, file: OrderFile, refusal: Refused) -> QuarantinedRow:
        """A row of quarantine, which names a file that cannot be read by its path alone."""
        try:
            origin, raw = origin_of(file.name, file.sha256), file.read()
        except Refused:
            origin, raw = file.name, b""
        row = quarantined_row(origin, _ROW_NUMBER, refusal, {}, self._now, {})
        text = raw[: 4 * RAW_CHARACTERS_MAX].decode("utf-8", "replace")
        # The id of a conflict is another's: nothing that comes in under it mends this message.
        named = None if refusal.code is Code.CONFLICT else self._name_of(raw)
        identity = "" if named is None else _identity(named)
        return replace(row, raw=text[:RAW_CHARACTERS_MAX], identity=identity)


def _identity(end_to_end_id: str) -> str:
    """A digest of the id that a message names, by which a mended one is known again."""
    return make_event_id("row", SOURCE, end_to_end_id).hex()


def _check_not_ahead(orders: Sequence[_Order], now: int) -> None:
    ahead = [order for order in orders if order.received_at > now]
    if not ahead:
        return
    furthest = max(ahead, key=attrgetter("received_at"))
    raise Refused(
        Code.LOG_ORDER,
        f"{len(ahead):,} messages lie beyond the clock of the log, {furthest.file.name} the "
        "furthest",
        hint=f"See which were told another time than theirs. {UP_TO_NOW}",
        field="received_at",
        expected=f"nothing received after {format_rfc3339(now)}",
        found=format_rfc3339(furthest.received_at),
    )
