"""A stream as long as one asks for, part by part from a seed: memory holds a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.features.door import MOVING
from crivo.features.row import ABSENT, EVENT_ROW, FACTS_MAX, PURPOSE_CODES, RowKind
from crivo.features.spec import EventKind
from crivo.features.terms import FACTS, INSTANTS, STANDING, Measure
from tests.parity.streams import PARTIES, START, told_by

PART_ROWS = 50_000
ACCOUNTS = 100_000
#: Most accounts are at few institutions, as anywhere; one in fifty is at one of many small ones.
INSTITUTIONS, SMALL_INSTITUTIONS = 40, 200
#: Of rows that are no report, this share is told of holders, limits, keys, persons and the rail.
TOLD = 0.12
REPORTED = 0.05
_TOLD_KINDS = [kind for kind in RowKind if kind not in (RowKind.TRANSFER, RowKind.REPORT)]
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
#: Receipts lie this far apart on average: a million of them make some twelve days.
STEP = SECOND

Rows = np.ndarray[Any, Any]


def parts(count: int, seed: int) -> Iterator[Rows]:
    """`count` rows in the order of the log: ties, delays, late ones, a hot payee, every kind."""
    now = START
    for number, start in enumerate(range(0, count, PART_ROWS)):
        part = _part(min(PART_ROWS, count - start), np.random.default_rng([seed, number]), now)
        part["event_0"] = np.arange(start, start + len(part))
        now = int(part["received_at"][-1])
        yield part


def _part(count: int, dice: np.random.Generator, now: int) -> Rows:
    rows = np.zeros(count, dtype=EVENT_ROW)
    rows["received_at"] = now + np.cumsum(dice.integers(0, 2 * STEP, count) // 1_000 * 1_000)
    delays = [0, 0, 0, 0, 1, 30 * SECOND, 20 * MINUTE, HOUR, HOUR + 1, 3 * HOUR]
    ahead = np.where(dice.random(count) < 0.02, dice.integers(0, MINUTE, count), 0)
    rows["occurred_at"] = rows["received_at"] - dice.choice(delays, count) + ahead
    is_report = dice.random(count) < REPORTED
    rows["kind"] = np.where(is_report, RowKind.REPORT, RowKind.TRANSFER)
    rows["occurred_at"][is_report] = rows["received_at"][is_report]
    rows["amount_centavos"] = np.clip(dice.lognormal(8.9, 1.5, count), 1, 10**11)
    # Half of the accounts' activity is that of a tenth of them; account 0 is paid by everybody.
    payer = _accounts(dice, count)
    payee = np.where(dice.random(count) < 0.02, 0, _accounts(dice, count))
    payee = np.where(dice.random(count) < 0.5, (payer * 7 + payee % 5) % ACCOUNTS, payee)
    # Some payees pay back: the same pair, the other way round.
    turned = dice.random(count) < 0.1
    payer, payee = np.where(turned, payee, payer), np.where(turned, payer, payee)
    for name, account in (("payer", payer), ("payee", payee)):
        _name(rows, name, account)
    rows["initiation"] = dice.integers(-1, 4, count)
    rows["purpose"] = dice.integers(ABSENT, len(PURPOSE_CODES), count)
    rows["accepted"] = np.where(is_report, dice.integers(0, 2, count), ABSENT)
    # One payer in ten has two devices, one account in three two keys, some say none; one person in
    # five has two accounts.
    device = 2 * payer + (dice.random(count) < 0.1) + 1
    _name(rows, "device", np.where(dice.random(count) < 0.01, ABSENT, device))
    key = 2 * payee + ((payee % 3 == 0) & (dice.random(count) < 0.5)) + 1
    _name(rows, "payee_key", np.where(dice.random(count) < 0.05, ABSENT, key))
    _name(rows, "payee_person", np.where(payee % 5 == 0, payee + 1, payee))
    for name, account in (("payer", payer), ("payee", payee)):
        small = INSTITUTIONS + account // 50 % SMALL_INSTITUTIONS
        rows[f"{name}_ispb"] = np.where(account % 50 == 1, small, account % INSTITUTIONS) + 1
    for place in range(FACTS_MAX):
        rows[f"fact_{place}"] = ABSENT
    _tell(rows, dice)
    return rows


def _name(rows: Rows, party: str, number: Any) -> None:
    """Ids of two words; ABSENT is nobody's."""
    rows[f"{party}_0"] = np.where(number == ABSENT, 0, number.astype(np.uint64) * _SPREAD)
    rows[f"{party}_1"] = np.where(number == ABSENT, 0, number + 1)


def _tell(rows: Rows, dice: np.random.Generator) -> None:
    """Makes some transfers events of the other kinds; each names whom its kind is about."""
    kinds = rows["kind"]
    is_told = (kinds == RowKind.TRANSFER) & (dice.random(len(rows)) < TOLD)
    kinds[is_told] = dice.choice([kind.value for kind in _TOLD_KINDS], is_told.sum())
    for name in ("initiation", "purpose", "payer_ispb", "payee_ispb"):
        rows[name][kinds != RowKind.TRANSFER] = ABSENT
    rows["amount_centavos"][~np.isin(kinds, MOVING)] = 0
    for kind in RowKind:
        mine = np.flatnonzero(kinds == kind)
        for party in sorted(set(PARTIES) - told_by(kind)):
            rows[f"{party}_0"][mine] = rows[f"{party}_1"][mine] = 0
        _tell_facts(rows, kind, mine, dice)
    # A list names one of those whom it may name.
    listed = np.flatnonzero(kinds == RowKind.LISTING)
    chosen = dice.integers(0, len(PARTIES), len(listed))
    for place, party in enumerate(PARTIES):
        others = listed[chosen != place]
        rows[f"{party}_0"][others] = rows[f"{party}_1"][others] = 0


def _tell_facts(rows: Rows, kind: RowKind, mine: Any, dice: np.random.Generator) -> None:
    """Draws what the events at the places `mine` tell; one fact in ten is not told."""
    event, count = EventKind[kind.name], len(mine)
    at = rows["occurred_at"][mine]
    if event in STANDING:  # what is asked for today may stand from tomorrow on
        rows["occurred_at"][mine] += dice.choice([0, HOUR, 2 * DAY], count)
    for place, fact in enumerate(FACTS.get(event, ())):
        if fact in INSTANTS:
            drawn = at - dice.integers(0, 400 * DAY, count)
        elif fact is Measure.NIGHT_START:
            drawn = dice.integers(18, 24, count)
        elif event is EventKind.RISK_SIGNALS:
            drawn = dice.integers(0, 2, count)
        else:
            drawn = dice.integers(0, 100_000, count)
        rows[f"fact_{place}"][mine] = np.where(dice.random(count) < 0.1, ABSENT, drawn)


def _accounts(dice: np.random.Generator, count: int) -> Any:
    busy = dice.random(count) < 0.5
    return np.where(
        busy, dice.integers(1, ACCOUNTS // 10, count), dice.integers(1, ACCOUNTS, count)
    )
