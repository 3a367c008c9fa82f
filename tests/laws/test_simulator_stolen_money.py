"""What frauds move and where it goes: sums by quota, companies' share, and the life of mules."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.instant import DAY, MINUTE
from crivo.simulator import casting, laundering
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import account_institutions, fraud_account_age_days, is_legal_person
from crivo.simulator.roles import Role
from crivo.simulator.rows import DEVICE_SLOTS, Rows
from crivo.simulator.world import World, simulate

pytestmark = pytest.mark.slow

SEEDS = (1, 2)


def planned(seed: int) -> World:
    return simulate(SimulationOptions(seed=seed, days=30, scale=Decimal(20)), look_alikes=())


@cache
def worlds() -> tuple[World, ...]:
    return tuple(planned(seed) for seed in SEEDS)


def accepted(world: World) -> Rows:
    return world.frauds[world.frauds["accepted"]]


def mean_reais(some: tuple[World, ...]) -> float:
    """Of the frauds whose claims were accepted."""
    return float(np.concatenate([accepted(one)["amount_centavos"] for one in some]).mean() / 100)


def companies_share(some: tuple[World, ...]) -> float:
    """Of the value of accepted frauds, what companies received."""
    whole = sum(int(accepted(one)["amount_centavos"].sum()) for one in some)
    companies = sum(
        int((rows["amount_centavos"] * is_legal_person(one.town, rows["payee"])).sum())
        for one in some
        for rows in [accepted(one)]
    )
    return companies / whole


def test_the_mean_accepted_fraud_is_that_of_the_official_months():
    assert 2100 < mean_reais(worlds()) < 2600


@pytest.mark.slow
def test_sabotage_sums_that_no_quota_leads_have_another_mean(monkeypatch: pytest.MonkeyPatch):
    def unled(self, _mean, name, draws, table, count):
        return self.quota(name).drawn(draws, table, count) // 2

    monkeypatch.setattr(casting.Casting, "asked", unled)
    assert not 2100 < mean_reais((planned(1),)) < 2600


def test_companies_receive_their_share_of_the_value():
    assert 0.60 < companies_share(worlds()) < 0.70


@pytest.mark.slow
def test_sabotage_without_the_quota_companies_receive_another_share(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(casting, "COMPANIES_PER_MILLE_OF_VALUE", 400)
    assert not 0.60 < companies_share((planned(1),)) < 0.70


def networks(world: World) -> Rows:
    """What mules passed on in networks."""
    place = [typology.code for typology in world.typologies].index("T14")
    frauds = world.frauds
    return frauds[(frauds["typology"] == place) & (frauds["role"] == Role.MULE)]


Passage = tuple[list[int], list[int]]


def passages(some: tuple[World, ...], *, networks_alone: bool = False) -> Iterator[Passage]:
    """Of each account that a campaign's money left: the instants at which it came, and left."""
    for world in some:
        frauds = world.frauds
        leaves = np.isin(frauds["role"], (Role.MULE, Role.EXIT))
        if networks_alone:
            codes = [typology.code for typology in world.typologies]
            leaves &= frauds["typology"] == codes.index("T14")
        came, left = by_account(frauds, "payee"), by_account(frauds[leaves], "payer")
        for account, times in left.items():
            yield came[account], times


def by_account(rows: Rows, side: str) -> dict[tuple[int, int], list[int]]:
    """The instants of each campaign and account, in order."""
    found: dict[tuple[int, int], list[int]] = {}
    columns = (rows[name].tolist() for name in ("campaign", side, "occurred_at"))
    for campaign, account, at in sorted(zip(*columns, strict=True), key=lambda row: row[2]):
        found.setdefault((campaign, account), []).append(at)
    return found


def of_one_payment(some: tuple[World, ...]) -> list[Passage]:
    """Of networks, the accounts that received once."""
    return [one for one in passages(some, networks_alone=True) if len(one[0]) == 1]


def since_first(some: list[Passage]) -> tuple[float, float]:
    """Median and 90th percentile of the minutes from the first payment in to the first out."""
    return median_and_p90([left[0] - came[0] for came, left in some])


def since_last(some: list[Passage]) -> tuple[float, float]:
    """The same from the last payment in before the first out."""
    return median_and_p90([left[0] - came[bisect_left(came, left[0]) - 1] for came, left in some])


def median_and_p90(spans: list[int]) -> tuple[float, float]:
    """In minutes."""
    median, p90 = np.quantile(np.asarray(spans) / MINUTE, (0.5, 0.9)).tolist()
    return median, p90


def is_as_meant(some: tuple[World, ...]) -> bool:
    """Whether what came in one payment waits as the prior says: 6 minutes, a tenth above 45."""
    median, p90 = since_first(of_one_payment(some))
    return 4 < median < 12 and 30 < p90 < 65


def test_stolen_money_moves_within_minutes_in_at_most_five_parts():
    assert is_as_meant(worlds()), since_first(of_one_payment(worlds()))
    assert max(len(left) for _, left in of_one_payment(worlds())) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("wait", [(60 * MINUTE, 157), (6 * MINUTE, 60)])
def test_sabotage_mules_who_wait_or_never_do_are_noticed(
    monkeypatch: pytest.MonkeyPatch, wait: tuple[int, int]
):
    monkeypatch.setattr(laundering, "_WAIT", wait)
    assert not is_as_meant((planned(1),))


def waits_as_it_does(some: tuple[World, ...]) -> bool:
    """Whether all accounts wait as the page says. More than the prior of one payment: money waits
    for more until R$ 600 are there, accounts that twelve pay are swept by the hour, and those of
    false accounts (T13) by a person who comes within five hours.
    """
    every = list(passages(some))
    last, first = since_last(every), since_first(every)
    return 5 < last[0] < 13 and 50 < last[1] < 170 and 7 < first[0] < 15 and 100 < first[1] < 300


def test_all_accounts_together_wait_longer_than_those_that_one_payment_reached():
    every = list(passages(worlds()))
    assert waits_as_it_does(worlds()), (since_last(every), since_first(every))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [("_WORTH_MOVING", 6_000_000), ("_WAIT", (MINUTE, 157))]
)
def test_sabotage_accounts_that_wait_for_more_or_for_less_are_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
):
    monkeypatch.setattr(laundering, name, value)
    assert not waits_as_it_does((planned(1),))


def crossing_share(some: tuple[World, ...]) -> float:
    """Of what networks pass on, the payments that go to another institution."""
    crossing = [
        account_institutions(world.town, rows["payer"])
        != account_institutions(world.town, rows["payee"])
        for world in some
        for rows in [networks(world)]
    ]
    return float(np.concatenate(crossing).mean())


def test_four_in_five_parts_go_to_another_institution():
    assert 0.75 < crossing_share(worlds()) < 0.87


@pytest.mark.slow
def test_sabotage_mules_of_one_institution_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(laundering, "_SAME_INSTITUTION_PER_MILLE", 500)
    assert not 0.75 < crossing_share((planned(1),)) < 0.87


def receivers_ages(some: tuple[World, ...]) -> np.ndarray:
    """In days, of every account that victims paid; NONE where it serves other ends too."""
    ages = []
    for world in some:
        frauds = world.frauds
        receivers = np.unique(frauds["payee"][frauds["hop"] == 1])
        ages.append(fraud_account_age_days(world.town, receivers))
    return np.concatenate(ages)


def test_receivers_are_new_lent_and_dormant_accounts_in_their_shares():
    ages = receivers_ages(worlds())
    assert 0.45 < ((ages >= 0) & (ages < 90)).mean() < 0.65
    assert (ages >= 730).any()


@pytest.mark.slow
def test_sabotage_receivers_that_are_all_new_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(casting, "_NEW", 1000)
    ages = receivers_ages((planned(1),))
    assert not 0.45 < ((ages >= 0) & (ages < 90)).mean() < 0.65


def lives(some: tuple[World, ...]) -> np.ndarray:
    """Of accounts that victims paid more than once, microseconds from the first to the last."""
    found = []
    for world in some:
        stolen = world.frauds[world.frauds["hop"] == 1]
        order = np.argsort(stolen["payee"], kind="stable")
        _, first, counts = np.unique(stolen["payee"][order], return_index=True, return_counts=True)
        times = stolen["occurred_at"][order]
        spans = np.maximum.reduceat(times, first) - np.minimum.reduceat(times, first)
        found.append(spans[counts > 1])
    return np.concatenate(found)


def test_a_mule_account_lives_some_days_and_never_long():
    found = lives(worlds())
    assert np.median(found) < 4 * DAY
    assert np.quantile(found, 0.95) < 13 * DAY


@pytest.mark.slow
def test_sabotage_mules_that_are_never_marked_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(casting, "_LIFE", (30 * DAY, 1))
    assert not np.quantile(lives((planned(1),)), 0.95) < 13 * DAY


def test_a_cluster_of_false_accounts_shares_a_device_and_others_have_their_own():
    world = worlds()[0]
    codes = [typology.code for typology in world.typologies]
    frauds = world.frauds
    tails = frauds[(frauds["typology"] == codes.index("T13")) & (frauds["hop"] > 1)]
    for campaign in np.unique(tails["campaign"]):
        mine = tails[tails["campaign"] == campaign]
        assert len(set(mine["device"].tolist())) == 1
    thieves = frauds[frauds["typology"] == codes.index("T12")]
    assert (thieves["device"] == thieves["payer"] * DEVICE_SLOTS + DEVICE_SLOTS - 1).all()
    known = frauds[frauds["typology"] == codes.index("T06")]
    thiefs = known["payer"] * DEVICE_SLOTS + DEVICE_SLOTS - 1
    assert (known["device"] != thiefs).all()
