"""Logs with a past: transfers of few accounts, late ones, returns, reports of every status, and
what is told of their holders, limits, keys, persons and devices.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from crivo.adapters.sqlite.log import open_log
from crivo.bootstrap.training_sets import reading
from crivo.domain import report, transfer
from crivo.domain.clock import ClockKind
from crivo.domain.dict_statistics import DictStatistics, Settlements, StatisticsOf, Windows
from crivo.domain.event import Event, make_event_id, transfer_event_id
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import DAY, HOUR, MINUTE, parse_rfc3339
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.login import Login, LoginAction, LoginMethod, LoginResult
from crivo.domain.report import Report, ReportStatus
from crivo.domain.risk_signals import RiskSignals, SignalOrigin
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.flows.codec import encode_report, encode_transfer
from crivo.flows.event_of import event_of
from crivo.flows.ports import LogReader

START = parse_rfc3339("2026-03-02T02:59:00Z")


def account(number: int) -> bytes:
    return number.to_bytes(16, "big")


def transfer_event(value: Transfer, received_at: int) -> Event:
    return Event(
        Stream.HISTORY,
        value.payer_id,
        transfer_event_id(value.end_to_end_id),
        value.occurred_at,
        received_at,
        transfer.SCHEMA,
        "past",
        encode_transfer(value),
    )


def report_event(value: Transfer, status: ReportStatus, known_at: int, name: str) -> Event:
    claim = Report(
        name,
        status,
        value.end_to_end_id,
        value.payer_id,
        value.payee_id,
        value.amount_centavos,
        value.occurred_at,
    )
    return Event(
        Stream.REPORTS,
        value.payer_id,
        make_event_id("report", "past", name),
        known_at,
        known_at,
        report.SCHEMA,
        "past",
        encode_report(claim),
    )


def past(seed: int, count: int, *, span: int = 30 * DAY) -> list[Event]:
    """Events in the order of their receipts."""
    chance = random.Random(seed)
    events = []
    for number in range(count):
        occurred_at = START + chance.randrange(span)
        value = Transfer(
            end_to_end_id=derived_end_to_end_id(occurred_at, f"past {seed}", str(number)),
            occurred_at=occurred_at,
            payer_account_id=account(chance.randrange(1, 40)),
            payee_account_id=account(chance.choice([1, chance.randrange(1, 60)])),
            amount_centavos=chance.choice([1, 5_000, 20_000, 120_000, 5_000_000]),
            initiation=chance.choice([None, Initiation.DICT, Initiation.MANU]),
            purpose=chance.choice([None, *[Purpose.IPAY] * 5, Purpose.REFU, Purpose.IPRT]),
            payee_person_id=account(1_000 + chance.randrange(1, 30)),
            # Keys change hands: none is of one account alone.
            payee_key_id=chance.choice([None, account(2_000 + chance.randrange(1, 20))]),
            device_id=chance.choice([None, account(3_000 + chance.randrange(1, 20))]),
            payee_ispb=chance.choice([None, "00000000", "00038166", "SIM00001"]),
        )
        delay = chance.choice([0, 0, 0, MINUTE, HOUR // 2, 3 * HOUR])
        events.append(transfer_event(value, occurred_at + delay))
        status = chance.choice([None] * 7 + list(ReportStatus))
        if status is not None:
            known_at = occurred_at + 4 * HOUR + chance.randrange(6 * DAY)
            events.append(report_event(value, ReportStatus.CLAIMED, known_at, f"c{number}"))
            if status is not ReportStatus.CLAIMED:
                later = known_at + chance.randrange(3 * DAY)
                events.append(report_event(value, status, later, f"r{number}"))
    return in_order(events + told(seed, count // 4, span=span))


def told(seed: int, count: int, *, span: int = 30 * DAY) -> list[Event]:
    """Events about those who take part in `past`."""
    chance = random.Random(f"told {seed}")
    events = []
    for number in range(count):
        value = chance.choice(_TELLERS)(f"told-{number}", START + chance.randrange(span), chance)
        at = value.occurred_at
        delay = chance.choice([0, 0, MINUTE])
        events.append(event_of(value, occurred_at=at, received_at=at + delay, source="past"))
    return events


def _limit(name: str, at: int, chance: random.Random) -> LimitChange:
    who, stands = account(chance.randrange(1, 60)), at + chance.choice([0, 0, DAY])
    kind = chance.choice([LimitKind.DAY, LimitKind.NIGHT, LimitKind.NIGHT_START])
    if kind is LimitKind.NIGHT_START:
        return LimitChange(name, at, stands, who, kind, night_start_hour=chance.choice([20, 22]))
    return LimitChange(name, at, stands, who, kind, 100, chance.choice([50, 100_000, 9_000_000]))


def _login(name: str, at: int, chance: random.Random) -> Login:
    return Login(
        name,
        at,
        account(chance.randrange(1, 40)),
        chance.choice([LoginAction.LOGIN, LoginAction.CREDENTIAL_RESET]),
        LoginMethod.PASSWORD,
        chance.choice([LoginResult.SUCCEEDED, LoginResult.FAILED]),
        device_id=account(3_000 + chance.randrange(1, 20)),
    )


def _marker(name: str, at: int, chance: random.Random) -> FraudMarker:
    who, key = account(1_000 + chance.randrange(1, 30)), account(2_000 + chance.randrange(1, 20))
    kind, status = FraudType.MULE_ACCOUNT, MarkerStatus.REGISTERED
    return FraudMarker(name, at, who, kind, None, status, chance.choice([None, key]))


def _statistics(name: str, at: int, chance: random.Random) -> DictStatistics:
    person, key = 1_000 + chance.randrange(1, 30), 2_000 + chance.randrange(1, 20)
    of = chance.choice([StatisticsOf.PERSON, StatisticsOf.KEY])
    who = account(person if of is StatisticsOf.PERSON else key)
    counted = chance.randrange(9)
    received = Windows(counted, counted + 1, counted + 2)
    return DictStatistics(name, at, of, who, settlements=Settlements(at - HOUR, received))


def _signals(name: str, at: int, chance: random.Random) -> RiskSignals:
    who, is_remote = account(chance.randrange(1, 40)), chance.choice([None, True, False])
    return RiskSignals(name, at, who, SignalOrigin.OWN_APP, is_remote_access=is_remote)


_TELLERS: Final = (_limit, _login, _marker, _statistics, _signals)


def in_order(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.received_at, event.event_id))


def keep_log(folder: Path, events: Sequence[Event]) -> Path:
    """The file of a log that holds these events."""
    folder.mkdir(parents=True, exist_ok=True)
    log = open_log(folder / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="past")
    for start in range(0, len(events), 5_000):
        log.append(events[start : start + 5_000])
    log.close()
    return folder / "log.sqlite"


def opener(path: Path) -> Callable[[], object]:
    return partial(reading, path)


@contextmanager
def kept(folder: Path, events: Sequence[Event]) -> Iterator[LogReader]:
    """A log of these events, open for reading."""
    with reading(keep_log(folder, events)) as log:
        yield log


def moved(event: Event, later: int) -> Event:
    """The event as if it had been received so much later."""
    return event._replace(received_at=event.received_at + later)
