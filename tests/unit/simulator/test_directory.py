"""The directory's counts about those who were reported, against a slow count of the same claims."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import numpy as np
import pytest

from crivo.domain.instant import BRASILIA, DAY, HOUR, MINUTE, SECOND, from_datetime
from crivo.simulator.events.accounts import Accounts
from crivo.simulator.events.directory import EVERY, Settlements
from crivo.simulator.events.past import Past
from crivo.simulator.events.reported import COUNTERS, Claims, Markers, Reported, Reports
from crivo.simulator.events.windows import WINDOWS, window_dates
from tests.unit.simulator.event_worlds import dense_world

EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Claim:
    """One claim, as the slow count reads it."""

    payee: int
    contested_at: int
    settled_at: int
    accepted: bool
    reporter: int
    kind: int
    centavos: int


def accounts_of_dense_world() -> Accounts:
    world = dense_world()
    return Accounts(world)


def drawn_claims(seed: int, accounts: Accounts) -> list[Claim]:
    """Four hundred claims over fourteen months about accounts that were never marked before."""
    rng = random.Random(seed)
    first = accounts.town.census.first_newcomer
    claims = []
    for _ in range(400):
        contested_at = accounts.start + rng.randrange(430 * DAY // SECOND) * SECOND
        claims.append(
            Claim(
                payee=first + rng.randrange(6),
                contested_at=contested_at,
                settled_at=contested_at + 30 * MINUTE + rng.randrange(7 * DAY),
                accepted=rng.random() < 0.6,
                reporter=rng.randrange(5),
                kind=rng.randrange(4),
                centavos=rng.randrange(1, 500_000),
            )
        )
    return claims


def noted(reported: Reported, claims: list[Claim]) -> None:
    """Notes the claims as the chronicle does."""
    reported.note(
        Claims(
            contested_at=np.asarray([one.contested_at for one in claims]),
            settled_at=np.asarray([one.settled_at for one in claims]),
            accepted=np.asarray([one.accepted for one in claims]),
            payees=np.asarray([one.payee for one in claims]),
            reporters=np.asarray([one.reporter for one in claims]),
            fraud_types=np.asarray([one.kind for one in claims]),
            amounts=np.asarray([one.centavos for one in claims]),
        )
    )


def date(instant: int) -> dt.date:
    return dt.datetime.fromtimestamp(instant / SECOND, tz=BRASILIA).date()


def in_window(instant: int, until: int, window: str) -> bool:
    """Whether a Brasília date counts, said with calendars instead of numbers."""
    day, today = date(instant), date(until - SECOND)
    if window == "d90":
        return today - dt.timedelta(89) <= day <= today
    months = {"m12": 12, "m60": 60}[window]
    ended = today.year * 12 + today.month - 1
    month = day.year * 12 + day.month - 1
    return ended - months <= month < ended


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_markers_and_reports_are_those_of_a_slow_count(seed: int):
    accounts = accounts_of_dense_world()
    claims = drawn_claims(seed, accounts)
    reported = Reported(accounts)
    noted(reported, claims)
    markers, reports = Markers(reported), Reports(reported)
    payees = np.arange(6) + accounts.town.census.first_newcomer
    for after in (3 * HOUR, 40 * DAY + 5 * HOUR, 130 * DAY, 420 * DAY + 17 * HOUR):
        until = accounts.start + after
        markers.advance(until)
        reports.advance(until)
        found = {**markers.read(payees), **reports.read(payees)}
        for place, payee in enumerate(payees.tolist()):
            mine = [one for one in claims if one.payee == payee]
            for name, expected in slow_counts(mine, until).items():
                assert found[name][place] == expected, (name, payee, after)


def slow_counts(claims: list[Claim], until: int) -> dict[str, int]:
    """Every counter of one payee."""
    made = [one for one in claims if one.accepted and one.settled_at < until]
    decided = [one for one in claims if one.settled_at < until]
    opened = [one for one in claims if one.contested_at < until <= one.settled_at]
    found = {
        "open_reports": len(opened),
        "open_reporters": len({one.reporter for one in opened}),
        "markers_watermark": until if made else 0,
    }
    for window in WINDOWS:
        counted = [one for one in made if in_window(one.settled_at, until, window)]
        for kind, counter in enumerate(COUNTERS):
            found[f"{counter}_{window}"] = sum(one.kind == kind for one in counted)
        reais = sum(one.centavos for one in counted if one.kind != 0) // 100
        found[f"fraud_reais_{window}"] = reais
        found[f"fraud_reporters_{window}"] = len({one.reporter for one in counted})
        found[f"rejected_reports_{window}"] = sum(
            not one.accepted and in_window(one.settled_at, until, window) for one in decided
        )
    return found


def test_receipts_by_days_and_by_full_months_are_those_of_a_slow_count():
    world, accounts = dense_world(), accounts_of_dense_world()
    block = Settlements(accounts, Past(accounts, world.options.seed, world.days[0]))
    payees = np.arange(6) + accounts.town.census.first_newcomer
    rng = random.Random(8)
    receipts = [
        (accounts.start + rng.randrange(430 * DAY), rng.choice(payees.tolist()))
        for _ in range(3000)
    ]
    block.note(*(np.asarray(column) for column in zip(*receipts, strict=True)))
    looked_at = {1, 60, 181, 400, 858}
    for half_day in range(1, 860):
        until = accounts.start + half_day * EVERY
        block.advance(until)
        if half_day not in looked_at:
            continue
        found = block.read(payees)
        for place, payee in enumerate(payees.tolist()):
            mine = [at for at, own in receipts if own == payee and at < until]
            for window in WINDOWS:
                expected = sum(in_window(at, until, window) for at in mine)
                assert found[f"settlements_{window}"][place] == expected, (half_day, window)
        assert (found["key_settlements_d90"] == found["settlements_d90"]).all()


def test_windows_are_dates_of_brasilia():
    until = from_datetime(dt.datetime(2026, 3, 1, 3, 0, 1, tzinfo=dt.UTC))
    (d90, today), (m12, ends), (m60, same) = window_dates(until)
    assert EPOCH + dt.timedelta(today - 1) == dt.date(2026, 3, 1)
    assert today - d90 == 90
    assert EPOCH + dt.timedelta(m12) == dt.date(2025, 3, 1)
    assert EPOCH + dt.timedelta(m60) == dt.date(2021, 3, 1)
    assert EPOCH + dt.timedelta(ends) == dt.date(2026, 3, 1) == EPOCH + dt.timedelta(same)


def test_a_claim_that_is_not_made_yet_counts_nowhere():
    accounts = accounts_of_dense_world()
    reported = Reported(accounts)
    markers, reports = Markers(reported), Reports(reported)
    markers.advance(accounts.start)
    reports.advance(accounts.start)
    claims = drawn_claims(4, accounts)
    noted(reported, claims)
    payees = np.asarray([one.payee for one in claims])
    for block in (markers, reports):
        assert all((counts == 0).all() for counts in block.read(payees).values())
