"""What accounts attempted today and tonight: a state beside the vector, for limits of sums.

An attempt counts until it came to nothing: the rail rejected or cancelled it, its decision or a
revision rejected it, it was abandoned, failed a step-up or was cancelled, or its hold ended in
rejection; the end that a worker tells is no event of the log, and the rail's word is waited for.
What the rail settled counts whatever else was said, less what was returned of it.

What is asked of is a function of the set of events below a cut. State holds three days of Brasília
by receipt, the newest and the two before; of a day older than the second nobody can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from crivo.decision import follow_up, hold_end, record, revision
from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.decision.record import WORKER, decode_derived, decode_record, transfer_of
from crivo.decision.sums import NIGHT_FROM, NIGHT_TO, RETURNS, Sums, counts
from crivo.domain import device, limit_change, settlement, transfer
from crivo.domain.device import DeviceChange, DeviceStatus
from crivo.domain.event import Event
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, brasilia_day
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.settlement import Settlement, SettlementStatus
from crivo.domain.transfer import Transfer
from crivo.flows.attempts import (
    ALL,
    CASH_COLUMN_OF_HOUR,
    CASH_DAY,
    CASH_EARLY,
    CASH_LATE,
    COLUMN_OF_HOUR,
    COLUMNS,
    DEVICE,
    EARLY,
    NO_RETURNS,
    OF_HOUR,
    SETTLED,
    UNDONE,
    Attempt,
    Line,
    Returns,
    joined,
)
from crivo.flows.codec import TransferFields, transfer_fields
from crivo.flows.dated import Dated
from crivo.flows.event_of import value_of
from crivo.flows.packed_state import pack, unpack

#: Another name than that of arrays without withdrawals: their snapshots are not used.
_ARRAY: Final = "account_sums_and_cash"

#: Whole days that are kept before the day of the newest receipt.
DAYS_BEFORE: Final = 2
#: Accounts of a day that is over let go at once, so that no midnight pauses.
LET_GO_AT_ONCE: Final = 4

_NOTHING: Final = (0,) * COLUMNS

#: The first day that is kept before anything was received.
_NEVER: Final = -(1 << 40)

_RAIL: Final = {
    SettlementStatus.SETTLED: SETTLED,
    SettlementStatus.REJECTED: UNDONE,
    SettlementStatus.CANCELLED: UNDONE,
}
_STOPS: Final = {FollowUpKind.WARN_ABANDONED, FollowUpKind.STEP_UP_FAILED, FollowUpKind.CANCELLED}
_REJECT: Final = Outcome.REJECT.value
_ENDS: Final = {hold_end.SCHEMA, revision.SCHEMA}


class _State(msgspec.Struct, array_like=True, frozen=True):
    first_day: int
    days: list[tuple[int, list[tuple[bytes, list[tuple[str, Attempt]]]]]]
    early: list[tuple[bytes, str, int, int, Returns]]
    devices: list[tuple[bytes, list[tuple[int, bytes, bool]]]]
    night_starts: list[tuple[bytes, list[tuple[int, bytes, int]]]]


_STATES: Final = msgspec.msgpack.Decoder(_State)


class AccountSums:
    """Sums by payer: the account, else the person."""

    def __init__(self) -> None:
        #: How many attempts are held; any thread may ask.
        self.held = 0
        self._begin(_NEVER)
        self._days: dict[int, dict[bytes, Line]] = {}
        self._over: list[dict[bytes, Line]] = []
        #: What was said of attempts that were not told yet, and returned: (payer, id) -> day.
        self._early: dict[tuple[bytes, str], dict[int, tuple[int, Returns]]] = {}
        self._registered: Dated[bool] = Dated()
        self._night_starts: Dated[int] = Dated()

    def begin_at(self, received_at: int) -> None:
        """Passes over what is of no use once an event of that receipt is folded."""
        if received_at >= self._turn:
            self._turn_to(received_at)

    def of(self, asked: Transfer, received_at: int) -> Sums | None:
        """What the payer attempted before this transfer, itself apart; None for a return, and where
        it came after the day that follows its own.
        """
        at = asked.occurred_at + BRASILIA_OFFSET
        day = at // DAY
        first = self._first_day if received_at < self._turn else _first_day(received_at)
        if day <= first or asked.purpose in RETURNS:
            return None
        payer, id_ = asked.payer_id, asked.end_to_end_id
        totals = self._totals(day, payer, id_)
        night = by_device = None
        hour = at % DAY // HOUR
        if hour >= NIGHT_FROM or hour < NIGHT_TO:
            start = self._night_start(payer, asked.occurred_at)
            if hour < NIGHT_TO:
                night = totals[EARLY]
                if start:
                    night += sum(self._totals(day - 1, payer, id_)[start + OF_HOUR : CASH_DAY])
            elif start and hour >= start:
                # What is told of the hours behind midnight is of this night, too.
                night = sum(totals[start + OF_HOUR : CASH_DAY])
                night += self._totals(day + 1, payer, id_)[EARLY]
        if asked.device_id is not None and self._registered:
            if self._is_unregistered(payer, asked.device_id, asked.occurred_at):
                by_device = totals[DEVICE]
        cash = None
        if counts(asked.initiation, asked.purpose).is_cash:
            cash = self._cash(day, hour, payer, id_)
        return Sums(totals[ALL], night, by_device, cash)

    def _cash(self, day: int, hour: int, payer: bytes, id_: str) -> int:
        """What was withdrawn in the same day from 6 to 20 h, or in the same night."""
        today = self._totals(day, payer, id_)
        if hour < NIGHT_TO:
            return today[CASH_EARLY] + self._totals(day - 1, payer, id_)[CASH_LATE]
        if hour < NIGHT_FROM:
            return today[CASH_DAY]
        return today[CASH_LATE] + self._totals(day + 1, payer, id_)[CASH_EARLY]

    def is_settled(self, payer: bytes, end_to_end_id: str) -> bool:
        """Whether the rail settled this payer's attempt; False also of days that are let go."""
        lines = (accounts.get(payer) for accounts in self._days.values())
        attempts = (line.attempts.get(end_to_end_id) for line in lines if line is not None)
        return any(each is not None and each.said & SETTLED for each in attempts)

    def decided(self, value: Transfer, received_at: int, outcome: str, sums: Sums | None) -> None:
        """Folds a decision in place that was just made, with these `sums` before it."""
        if received_at >= self._turn:
            self._turn_to(received_at)
        if self._over:
            self._let_go()
        payer = value.payer_id
        # What was just looked up need not be again.
        self._attempt(payer, value, None if sums is None else sums.device is not None)
        if outcome == _REJECT:
            self._say(payer, value.end_to_end_id, value.occurred_at, UNDONE)

    def fold(self, event: Event) -> None:
        """Takes note of attempts, of what became of them, of devices and of nights."""
        if event.received_at >= self._turn:
            self._turn_to(event.received_at)
        if self._over:
            self._let_go()
        schema = event.schema
        if schema == device.SCHEMA:
            self._device(event)
        elif schema == limit_change.SCHEMA:
            self._limit(event)
        elif brasilia_day(event.occurred_at) >= self._first_day:
            if schema == transfer.SCHEMA:
                self._attempt(event.key, transfer_fields(event.payload))
            elif schema == record.SCHEMA:
                self._record(event)
            elif schema == settlement.SCHEMA:
                self._settlement(event)
            elif schema == follow_up.SCHEMA:
                value = value_of(event)
                if value.kind in _STOPS:
                    self._stopped(event, value.end_to_end_id)
            elif schema in _ENDS and event.source != WORKER:
                ended = value_of(event)
                if ended.outcome is Outcome.REJECT:
                    self._stopped(event, ended.end_to_end_id)

    def _record(self, event: Event) -> None:
        decided = decode_record(event.payload)
        if decided.in_place:
            self._attempt(event.key, transfer_of(decided))
        if decode_derived(decided.derived).outcome == _REJECT:
            self._stopped(event, decided.end_to_end_id)

    def _settlement(self, event: Event) -> None:
        value: Settlement = value_of(event)
        # What is told to have ended before it began is no end of it.
        if value.occurred_at < value.transfer_occurred_at:
            return
        said, returns = _RAIL.get(value.status, 0), NO_RETURNS
        if value.status is SettlementStatus.RETURNED:
            centavos = value.returned_centavos or value.amount_centavos
            returns = ((event.event_id, centavos),)
        at = value.transfer_occurred_at
        self._say(value.payer_id, value.end_to_end_id, at, said, returns)

    def _stopped(self, event: Event, id_: str) -> None:
        self._say(event.key, id_, event.occurred_at, UNDONE)

    def _attempt(
        self,
        payer: bytes,
        value: Transfer | TransferFields,
        is_unregistered: bool | None = None,
    ) -> None:
        """Counts an attempt; `is_unregistered` says of its device what is known, None: look."""
        occurred_at, id_ = value.occurred_at, value.end_to_end_id
        at = occurred_at + BRASILIA_OFFSET
        day = at // DAY
        if day < self._first_day:
            return
        accounts = self._days.get(day)
        if accounts is None:
            accounts = self._days[day] = {}
        line = accounts.get(payer)
        if line is None:
            line = accounts[payer] = Line([0] * COLUMNS, {})
        elif id_ in line.attempts:
            return
        where = counts(value.initiation, value.purpose)
        device_id = value.device_id if where.by_device else None
        if device_id is None:
            is_unregistered = False
        elif is_unregistered is None:
            is_unregistered = self._is_unregistered(payer, device_id, occurred_at)
        said, returns = 0, NO_RETURNS
        if self._early:
            for said_on, (what, back) in self._early.pop((payer, id_), {}).items():
                if said_on >= day:
                    said |= what
                    returns = joined(returns, back)
        column = None
        if where.in_period or where.is_cash:
            columns = CASH_COLUMN_OF_HOUR if where.is_cash else COLUMN_OF_HOUR
            column = columns[at % DAY // HOUR]
        attempt = line.attempts[id_] = Attempt(
            occurred_at, value.amount_centavos, device_id, column, is_unregistered, said, returns
        )
        self.held += 1
        if said != UNDONE:
            line.add(attempt)

    def _say(
        self, payer: bytes, id_: str, at: int, said: int, returns: Returns = NO_RETURNS
    ) -> None:
        """Something became of an attempt, which was made on the day of `at` or before."""
        day = brasilia_day(at)
        if day < self._first_day:
            return
        for attempted_on, accounts in self._days.items():
            line = accounts.get(payer)
            attempt = None if line is None else line.attempts.get(id_)
            if line is not None and attempt is not None:
                if day >= attempted_on:
                    if attempt.is_counted:
                        line.add(attempt, -1)
                    attempt.said |= said
                    attempt.returns = joined(attempt.returns, returns)
                    if attempt.is_counted:
                        line.add(attempt)
                return
        days = self._early.setdefault((payer, id_), {})
        before, back = days.get(day, (0, NO_RETURNS))
        days[day] = before | said, joined(back, returns)

    def _device(self, event: Event) -> None:
        """A device's status changed: attempts that were told before count by it all the same."""
        value: DeviceChange = value_of(event)
        account, device_id = value.account_id, value.device_id
        is_registered = value.status is DeviceStatus.REGISTERED
        self._registered.note(account + device_id, value.occurred_at, event.event_id, is_registered)
        for line in [each[account] for each in self._days.values() if account in each]:
            for attempt in line.attempts.values():
                if attempt.device == device_id:
                    is_counted = attempt.is_counted
                    if is_counted:
                        line.add(attempt, -1)
                    attempt.is_unregistered = self._is_unregistered(account, device_id, attempt.at)
                    if is_counted:
                        line.add(attempt)

    def _limit(self, event: Event) -> None:
        value: LimitChange = value_of(event)
        if value.kind is LimitKind.NIGHT_START and value.night_start_hour is not None:
            self._night_starts.note(
                value.account_id, value.effective_at, event.event_id, value.night_start_hour
            )

    def _is_unregistered(self, payer: bytes, device_id: bytes, at: int) -> bool:
        """Whether the newest word on the device was another than REGISTERED; without any, nobody
        can say.
        """
        return self._registered.before(payer + device_id, at) is False

    def _night_start(self, payer: bytes, at: int) -> int:
        """The hour in which the payer's night begins: 20 to 23, or 0 for midnight."""
        if not self._night_starts:
            return NIGHT_FROM
        hour = self._night_starts.before(payer, at + 1)
        return NIGHT_FROM if hour is None or 0 < hour < NIGHT_FROM else hour

    def _totals(self, day: int, payer: bytes, id_: str) -> Sequence[int]:
        accounts = self._days.get(day)
        line = None if accounts is None else accounts.get(payer)
        if line is None:
            return _NOTHING
        own = line.attempts.get(id_)
        return line.totals if own is None or not own.is_counted else line.without(own)

    def _turn_to(self, received_at: int) -> None:
        """A receipt of another day: what lies too far before it is let go."""
        first = _first_day(received_at)
        self._begin(first)
        for day in [each for each in self._days if each < first]:
            self._over.append(self._days.pop(day))
        for key, days in list(self._early.items()):
            kept = {day: said for day, said in days.items() if day >= first}
            if kept:
                self._early[key] = kept
            else:
                del self._early[key]

    def _begin(self, first_day: int) -> None:
        self._first_day = first_day
        #: A receipt from this instant on is of another day.
        self._turn = (first_day + DAYS_BEFORE + 1) * DAY - BRASILIA_OFFSET

    def _let_go(self) -> None:
        for _ in range(LET_GO_AT_ONCE):
            if self._over and not self._over[0]:
                self._over.pop(0)
            if self._over:
                self.held -= len(self._over[0].popitem()[1].attempts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was folded, as one array of bytes, in an order of its own."""
        state = _State(
            self._first_day,
            [(day, _sorted(accounts)) for day, accounts in sorted(self._days.items())],
            sorted(
                (*key, day, *told)
                for key, days in self._early.items()
                for day, told in days.items()
            ),
            [(key, list(told)) for key, told in self._registered.state()],
            [(key, list(told)) for key, told in self._night_starts.state()],
        )
        return pack(_ARRAY, state)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Holds what `arrays` of another one gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID.
        """
        state = unpack(_ARRAY, arrays, _STATES, told="sums", parts="attempts, devices and nights")
        self._begin(state.first_day)
        for day, accounts in state.days:
            self._days[day] = {payer: _line(attempts) for payer, attempts in accounts}
            self.held += sum(len(attempts) for _, attempts in accounts)
        for payer, id_, day, said, returns in state.early:
            self._early.setdefault((payer, id_), {})[day] = said, returns
        self._registered.restore(state.devices)
        self._night_starts.restore(state.night_starts)


def _first_day(received_at: int) -> int:
    return brasilia_day(received_at) - DAYS_BEFORE


def _sorted(accounts: Mapping[bytes, Line]) -> list[tuple[bytes, list[tuple[str, Attempt]]]]:
    return [(payer, sorted(line.attempts.items())) for payer, line in sorted(accounts.items())]


def _line(attempts: Iterable[tuple[str, Attempt]]) -> Line:
    line = Line([0] * COLUMNS, dict(attempts))
    for attempt in line.attempts.values():
        if attempt.is_counted:
            line.add(attempt)
    return line
