"""Random streams of attempts and of what became of them, and a plain reference of their sums."""

from __future__ import annotations

import dataclasses
import random

from crivo.decision.follow_up import FollowUp, FollowUpKind
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import Outcome
from crivo.decision.record import (
    INITIATION,
    SETTLEMENT,
    Derived,
    Given,
    Observed,
    Versions,
    decision_event_id,
    encode_derived,
    encode_record,
)
from crivo.decision.sums import Sums
from crivo.domain.device import DeviceChange, DeviceStatus
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection, ReturnReason, Settlement, SettlementStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.flows.codec import encode_transfer
from crivo.flows.event_of import event_of, value_of
from tests.unit.decision.worlds import START, account, transfer

VERSIONS = Versions("", "", "", "", "", "", "")
DEVICES = [account(number) for number in (71, 72, 73)]
HOURS_BEFORE_MIDNIGHT = 3


def attempt(value: Transfer, received_at: int, outcome: str | None, phase=INITIATION) -> Event:
    """A transfer of the past (`outcome` None), or one that was decided so."""
    if outcome is None:
        return Event(
            Stream.HISTORY, value.payer_id, transfer_event_id(value.end_to_end_id),
            value.occurred_at, received_at, "transfer.v1", "bank", encode_transfer(value),
        )  # fmt: skip
    payload = encode_record(
        value,
        given=Given(0, "log", VERSIONS),
        derived=encode_derived(Derived(b"", 0, None, None, (), (), (), (), outcome)),
        observed=Observed("host", 0, 0, 0),
        kept=b"",
        phase=phase,
    )
    return Event(
        Stream.DECISIONS, value.payer_id, decision_event_id(value.end_to_end_id, phase),
        value.occurred_at, received_at, "decision.v1", "http", payload,
    )  # fmt: skip


def settlement(
    value: Transfer,
    status: SettlementStatus,
    at: int,
    *,
    returned: int | None = None,
    number: int = 1,
) -> Event:
    """What the rail did with a transfer; a return is of the whole amount, or of `returned`."""
    extra = {}
    if status is SettlementStatus.REJECTED:
        extra = {"rejection": Rejection.AM02}
    if status is SettlementStatus.RETURNED:
        extra = {
            "return_id": f"D12345678202611231200{value.end_to_end_id[-10:]}{number}",
            "return_reason": ReturnReason.MD06,
            "returned_centavos": value.amount_centavos if returned is None else returned,
        }
    told = Settlement(
        end_to_end_id=value.end_to_end_id,
        payer_id=value.payer_id,
        payee_id=value.payee_id,
        amount_centavos=value.amount_centavos,
        transfer_occurred_at=value.occurred_at,
        occurred_at=at,
        status=status,
        **extra,
    )
    return event_of(told, occurred_at=at, received_at=at, source="bank")


def follow_up(value: Transfer, kind: FollowUpKind, at: int) -> Event:
    """What payer or institution did after a decision."""
    told = FollowUp(value.end_to_end_id, Phase.INITIATION, value.payer_id, at, kind)
    return event_of(told, occurred_at=at, received_at=at, source="bank")


def hold_end(value: Transfer, outcome: Outcome, at: int) -> Event:
    """A hold that nobody ended."""
    told = HoldEnd(value.end_to_end_id, Phase.INITIATION, value.payer_id, at, outcome)
    return event_of(told, occurred_at=at, received_at=at, source="crivo")


def device(number: str, payer: bytes, device_id: bytes, status: DeviceStatus, at: int) -> Event:
    """A device of an account is seen or registered."""
    told = DeviceChange(number, at, payer, device_id, None, status)
    return event_of(told, occurred_at=at, received_at=at, source="bank")


def night_start(number: str, payer: bytes, hour: int, at: int) -> Event:
    """An account's night begins at another hour from then on."""
    told = LimitChange(
        number, at, at, payer, LimitKind.NIGHT_START, night_start_hour=hour
    )  # fmt: skip
    return event_of(told, occurred_at=at, received_at=at, source="bank")


def random_stream(seed: int, count: int) -> tuple[list[Event], list[Transfer]]:
    """Events in the order of their receipts with repeats among them, and the transfers."""
    chance = random.Random(seed)
    now, events, made = START - 2 * DAY, [], []
    for number in range(count):
        now += chance.choice([1, MINUTE, HOUR // 2, 3 * HOUR])
        payer = account(chance.randrange(1, 4))
        kind = chance.random()
        if kind < 0.08:
            status = chance.choice([DeviceStatus.SEEN, DeviceStatus.REGISTERED])
            at = now - chance.choice([0, 0, 5 * HOUR])
            events.append(device(f"d{number}", payer, chance.choice(DEVICES), status, at))
        elif kind < 0.12:
            hour = chance.choice([20, 21, 22, 23, 0, 5])
            events.append(night_start(f"n{number}", payer, hour, now))
        else:
            value = transfer(
                seed * 10_000 + number,
                occurred_at=now - chance.choice([0, 0, 0, 2, 2 * HOUR, 20 * HOUR]),
                amount_centavos=chance.choice([1, 700, 30_000, 99_999]),
                initiation=chance.choice([None, Initiation.DICT, Initiation.AUTO]),
                purpose=chance.choice([None, None, Purpose.IPAY, Purpose.GSCB, Purpose.REFU]),
                device_id=chance.choice([None, *DEVICES]),
            )
            value = dataclasses.replace(value, payer_account_id=payer)
            made.append(value)
            outcome = chance.choice([None, "ALLOW", "ALLOW", "HOLD", "REJECT"])
            events.append(attempt(value, now, outcome))
            events += _what_follows(value, now, chance)
    events += chance.choices(events, k=count // 10)
    return events, made


def _what_follows(value: Transfer, now: int, chance: random.Random) -> list[Event]:
    later = now + chance.choice([1, MINUTE, 26 * HOUR])
    return [
        event
        for event in (
            settlement(value, chance.choice(list(SettlementStatus)), later),
            settlement(value, SettlementStatus.SETTLED, later),
            settlement(
                value,
                SettlementStatus.RETURNED,
                later,
                returned=1 + value.amount_centavos // 3,
                number=2,
            ),
            follow_up(value, chance.choice(list(FollowUpKind)), later),
            hold_end(value, chance.choice([Outcome.ALLOW, Outcome.REJECT]), later),
            attempt(value, later, chance.choice(["ALLOW", "REJECT"]), SETTLEMENT),
        )
        if chance.random() < 0.15
    ]


def reference(events: list[Event], asked: Transfer, received_at: int) -> Sums | None:
    """The sums before a transfer, by looking through everything for each question."""
    newest = max([received_at, *(each.received_at for each in events)])
    if _day(newest) - _day(asked.occurred_at) > 1 or asked.purpose in {"REFU", "IPRT"}:
        return None
    values = {each.event_id: (each, _value(each)) for each in events}
    seen = {
        each.end_to_end_id: each
        for event, each in values.values()
        if isinstance(each, Transfer) and event.event_id != decision_event_id(
            each.end_to_end_id, SETTLEMENT
        )
    }  # fmt: skip
    others = [
        each
        for each in seen.values()
        if each.payer_id == asked.payer_id
        and each.end_to_end_id != asked.end_to_end_id
        and each.purpose not in {"REFU", "IPRT"}
        and each.initiation is not Initiation.AUTO
        and _stands(each, values.values())
    ]
    plain = [each for each in others if not _is_cash(each)]
    today = [each for each in plain if _day(each.occurred_at) == _day(asked.occurred_at)]
    night = _night(values.values(), asked)

    def left(each: Transfer) -> int:
        return max(0, each.amount_centavos - _returned(each, values.values()))

    tonight = None
    if night is not None:
        tonight = sum(left(each) for each in plain if each.occurred_at in night)
    by_device = None
    if asked.device_id is not None and _is_unregistered(values.values(), asked):
        by_device = sum(
            left(each)
            for each in others
            if _day(each.occurred_at) == _day(asked.occurred_at)
            and each.device_id is not None
            and _is_unregistered(values.values(), each)
        )
    cash = None
    if _is_cash(asked) and asked.initiation is not Initiation.AUTO:
        period = _cash_period(asked)
        cash = sum(left(each) for each in others if _is_cash(each) and each.occurred_at in period)
    return Sums(sum(map(left, today)), tonight, by_device, cash)


def _is_cash(value: Transfer) -> bool:
    return value.purpose in {"GSCB", "OTHR"}


def _cash_period(asked: Transfer) -> range:
    """From 6 to 20 h of its day, or from 20 to 6 h."""
    midnight = _day(asked.occurred_at) * DAY + 3 * HOUR
    six, twenty = midnight + 6 * HOUR, midnight + 20 * HOUR
    if asked.occurred_at < six:
        return range(twenty - DAY, six)
    return range(six, twenty) if asked.occurred_at < twenty else range(twenty, six + DAY)


def _returned(value: Transfer, values) -> int:
    return sum(
        told.returned_centavos
        for _, told in values
        if isinstance(told, Settlement)
        and told.status is SettlementStatus.RETURNED
        and told.end_to_end_id == value.end_to_end_id
    )


def _value(event: Event):
    if event.schema == "decision.v1":
        from crivo.decision.record import decode_record, transfer_of

        return transfer_of(decode_record(event.payload))
    return value_of(event)


def _stands(value: Transfer, values) -> bool:
    is_undone = False
    for event, told in values:
        if getattr(told, "end_to_end_id", None) != value.end_to_end_id:
            continue
        if isinstance(told, Settlement):
            if told.status is SettlementStatus.SETTLED:
                return True
            is_undone |= told.status is not SettlementStatus.RETURNED
        if isinstance(told, FollowUp):
            is_undone |= told.kind.value in {"warn_abandoned", "step_up_failed", "cancelled"}
        if isinstance(told, HoldEnd):
            is_undone |= told.outcome is Outcome.REJECT
        if event.schema == "decision.v1":
            is_undone |= b"REJECT" in event.payload
    return not is_undone


def _night(values, asked: Transfer) -> range | None:
    hour = (asked.occurred_at - 3 * HOUR) % DAY // HOUR
    midnight = _day(asked.occurred_at) * DAY + 3 * HOUR
    if 6 <= hour < 20:
        return None
    starts = [
        (told.effective_at, event.event_id, told.night_start_hour)
        for event, told in values
        if isinstance(told, LimitChange)
        and told.account_id == asked.payer_id
        and told.effective_at <= asked.occurred_at
    ]
    start = max(starts)[2] if starts else 20
    start = start if start >= 20 or start == 0 else 20
    begun = midnight + (start * HOUR if start else DAY)
    if hour < 6:
        begun -= DAY
    ends = midnight + 6 * HOUR + (0 if hour < 6 else DAY)
    return range(begun, ends) if asked.occurred_at >= begun else None


def _is_unregistered(values, of: Transfer) -> bool:
    told = [
        (told.occurred_at, event.event_id, told.status)
        for event, told in values
        if isinstance(told, DeviceChange)
        and (told.account_id, told.device_id) == (of.payer_id, of.device_id)
        and told.occurred_at < of.occurred_at
    ]
    return bool(told) and max(told)[2] is not DeviceStatus.REGISTERED


def _day(instant: int) -> int:
    return (instant - 3 * HOUR) // DAY
