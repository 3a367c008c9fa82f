"""What frauds move and where it goes: sums by quota, companies' share, and the life of mules."""

from __future__ import annotations

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


def first_moves(some: tuple[World, ...]) -> Iterator[tuple[int, int]]:
    """Of accounts that one payment reached: microseconds until it moved, and in how many parts."""
    for world in some:
        received: dict[tuple[int, int], list[int]] = {}
        for row in world.frauds:
            at = (int(row["campaign"]), int(row["payee"]))
            received.setdefault(at, []).append(int(row["occurred_at"]))
        moved: dict[tuple[int, int], list[int]] = {}
        for row in networks(world):
            at = (int(row["campaign"]), int(row["payer"]))
            moved.setdefault(at, []).append(int(row["occurred_at"]))
        for at, times in moved.items():
            if len(received[at]) == 1:
                yield min(times) - received[at][0], len(times)


def median_wait_minutes(some: tuple[World, ...]) -> float:
    return float(np.median([wait for wait, _ in first_moves(some)])) / MINUTE


def test_stolen_money_moves_within_minutes_in_at_most_five_parts():
    assert 4 < median_wait_minutes(worlds()) < 12
    assert max(parts for _, parts in first_moves(worlds())) <= 5


@pytest.mark.slow
def test_sabotage_mules_who_wait_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(laundering, "_WAIT", (60 * MINUTE, 157))
    assert not 4 < median_wait_minutes((planned(1),)) < 12


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
