"""Fraudsters who adapt leave every account that was reported, if they can get others."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

import numpy as np
import pytest

from crivo.simulator import adversary
from crivo.simulator.adversary import Mode
from crivo.simulator.levers import Lever
from crivo.simulator.play import play
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.world import World
from tests.laws.test_simulator_adversary import campaigns, hold_large, world

pytestmark = pytest.mark.slow

#: What they live by are accounts just opened: they have no others.
NEW_ALONE = {"T13", "T16"}


def days_of_beginning(of: World) -> dict[int, int]:
    """For each campaign the start of the day on which it pays or prepares something first."""
    first: dict[int, int] = {}
    for table in (of.plan.frauds, of.plan.facts):
        pairs = zip(table["campaign"].tolist(), table["occurred_at"].tolist(), strict=True)
        for campaign, at in pairs:
            first[campaign] = min(first.get(campaign, at), at)
    starts = [day.start for day in of.days]
    days = {campaign: max(bisect_right(starts, at) - 1, 0) for campaign, at in first.items()}
    return {campaign: starts[day] for campaign, day in days.items()}


def reported_and_used(seed: int, mode: Mode) -> Counter[str]:
    """By typology the accounts that campaigns use which were marked when these began.

    Asked of campaigns that begin after the first refusal that their crew met; shops are left out,
    at which money is spent.
    """
    of = world(seed)
    marks: dict[int, set[int]] = {}
    refused: dict[int, int] = {}
    parts: list[Rows] = []

    def noting(day: Day, seen: Rows, marked: np.ndarray) -> np.ndarray:
        marks[day.start] = set(marked.tolist())
        return hold_large(day, seen, marked)

    for played in play(of, noting, mode):
        frauds = played.rows[played.rows["typology"] != NONE]
        parts.append(frauds)
        for place in np.unique(frauds["typology"][(frauds["hop"] == 1) & frauds["stopped"]]):
            refused.setdefault(int(place), played.day.start)
    rows, begins, size = np.concatenate(parts), days_of_beginning(of), of.town.census
    used: Counter[str] = Counter()
    for typology, planned in campaigns(of):
        begin = begins[int(planned["campaign"][0])]
        if refused.get(of.typologies.index(typology), begin) >= begin:
            continue
        payees = rows["payee"][rows["campaign"] == planned["campaign"][0]]
        payees = payees[(payees < size.first_business) | (payees >= size.first_outsider)]
        used[typology.code] += len(set(payees.tolist()) & marks[begin])
    return used


def leaves_them(seed: int, mode: Mode) -> bool:
    """Whether no crew that can get other accounts goes on with a reported one."""
    return {code for code, count in reported_and_used(seed, mode).items() if count} <= NEW_ALONE


def test_all_crews_but_those_that_live_by_new_accounts_can_get_others():
    adapting = [typology for typology in world(1).typologies if typology.means]
    assert {one.code for one in adapting if Lever.PAYEE_AGE not in one.means} == NEW_ALONE


@pytest.mark.parametrize("seed", [1, 2])
def test_no_campaign_uses_an_account_that_was_reported_before_it_began(seed: int):
    assert leaves_them(seed, Mode.ADAPTIVE)


def test_who_does_not_adapt_goes_on_with_reported_accounts():
    assert not leaves_them(1, Mode.STATIC)


def test_sabotage_a_crew_that_keeps_reported_accounts_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adversary, "_others", lambda *_: {})
    assert not leaves_them(1, Mode.ADAPTIVE)
