"""The parts that frauds are made of: quotas, accounts, signals and facts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.simulator import signals
from crivo.simulator.amounts import lognormal
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, make_facts
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import (
    FRAUD_CLASSES,
    account_institutions,
    fraud_account_age_days,
    is_legal_person,
)
from crivo.simulator.quota import Quota
from crivo.simulator.roles import Role
from crivo.simulator.rows import NONE
from crivo.simulator.signals import HONEST_PER_100_000, Signal
from crivo.simulator.typology import Kind, default_typologies, parse_scenarios
from crivo.simulator.world import World, simulate
from tests.unit.simulator.worlds import medium_rows, medium_world, small_world

pytestmark = pytest.mark.slow


def test_a_quota_covers_its_distribution_however_few_are_drawn():
    table = lognormal(10_000, 160)
    for count in (16, 64, 256):
        found = np.sort(Quota(7).drawn(Draws(1, "quota"), table, count))
        places = np.searchsorted(table, found, side="right") - 1
        assert set((places * 16 // 1024).tolist()) == set(range(16))
        assert np.abs(np.diff(places)).max() <= 2 * 1024 // count


def test_a_quota_goes_on_where_it_stopped():
    table = lognormal(10_000, 160)
    at_once = Quota(7).drawn(Draws(1, "quota"), table, 30)
    quota, draws = Quota(7), Draws(1, "quota")
    by_parts = np.concatenate([quota.drawn(draws, table, count) for count in (1, 9, 20)])
    assert at_once.tolist() == by_parts.tolist()


def test_an_account_is_opened_as_what_was_wanted():
    world = small_world()
    casting = Casting(world.town, world.days)
    for company in (False, True):
        for old in (False, True):
            account = np.asarray([casting.opened_account(company=company, old=old)])
            assert bool(is_legal_person(world.town, account)[0]) is company
            assert bool(fraud_account_age_days(world.town, account)[0] >= 90) is old
            assert account[0] < casting.accounts
    for institution in (0, 3, 5):
        found = casting.opened_at(institution, company=True)
        assert account_institutions(world.town, np.asarray([found]))[0] == institution
        assert (found - world.town.census.first_fraud) % FRAUD_CLASSES == 1


def test_accounts_of_other_ends_have_no_age_of_fraud():
    town = small_world().town
    assert (fraud_account_age_days(town, np.arange(town.census.first_fraud)) == NONE).all()


def test_a_mule_is_none_of_those_who_may_not_be_it():
    world = small_world()
    casting, draws = Casting(world.town, world.days), Draws(1, "mules")
    at = world.days[3].start
    taken = [casting.mule(draws, at, 1000) for _ in range(40)]
    for _ in range(200):
        assert casting.mule(draws, at, 1000, without=taken) not in taken


def test_honest_payments_show_every_signal_at_its_rate():
    rows = medium_rows()[medium_rows()["typology"] == NONE]
    for signal, rate in HONEST_PER_100_000.items():
        found = ((rows["signals"] & int(signal)) > 0).mean() * 100_000
        if signal is Signal.RECEIVER_MISMATCH:
            assert rate * 0.3 < found < rate  # only codes can have it
        else:
            assert rate * 0.85 < found < rate * 2.5, (signal, found)


@cache
def many() -> World:
    return simulate(SimulationOptions(seed=4, days=30, scale=Decimal(12)), look_alikes=())


def share_of_sessions(place: int, signal: Signal) -> float:
    """Of a typology's victims' payments, those that show the signal."""
    frauds = many().frauds
    mine = frauds[(frauds["typology"] == place) & (frauds["hop"] == 1)]
    return float(((mine["signals"] & int(signal)) > 0).mean())


def test_sessions_of_frauds_show_what_was_declared_and_not_always():
    for place, typology in enumerate(many().typologies):
        if typology.kind is Kind.THEFT and typology.share_per_mille >= 100:
            for signal, per_mille in typology.noticed:
                if per_mille >= 150:  # a rarer one needs more sessions than this world has
                    found = share_of_sessions(place, signal)
                    assert 0.45 * per_mille / 1000 < found < 2 * per_mille / 1000


def test_sabotage_signals_that_are_never_collected_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signals, "_COLLECTED_PER_MILLE", 0)
    world = simulate(SimulationOptions(seed=4, days=30, scale=Decimal(4)), look_alikes=())
    codes = [typology.code for typology in world.typologies]
    mine = world.frauds[world.frauds["typology"] == codes.index("T02")]
    assert ((mine["signals"] & int(Signal.KEY_PASTED)) > 0).mean() < 0.2


def test_a_loan_is_noticed_only_where_one_was_taken():
    world = many()
    codes = [typology.code for typology in world.typologies]
    place = codes.index("T05")
    facts = world.plan.facts
    lent = set(facts["campaign"][facts["kind"] == FactKind.LOAN_DISBURSED].tolist())
    mine = world.frauds[(world.frauds["typology"] == place) & (world.frauds["hop"] == 1)]
    with_loan = np.isin(mine["campaign"], list(lent))
    seen = (mine["signals"] & int(Signal.LOAN_TAKEN)) > 0
    assert seen[with_loan].mean() > 0.6
    assert seen[~with_loan].mean() < 0.1


def test_facts_lie_in_time_order_and_name_their_campaign():
    plan = medium_world().plan
    assert (np.diff(plan.facts["occurred_at"]) >= 0).all()
    assert (plan.facts["campaign"] >= 0).all()
    assert (plan.facts["campaign"] < len(plan.campaigns)).all()


def test_enough_campaigns_hold_facts_of_every_kind():
    """Few campaigns need not: half of the false banks' victims are lent nothing."""
    plan = simulate(replace(medium_world().options, prevalence=Decimal("0.02"))).plan
    assert set(FactKind) - {FactKind(kind) for kind in plan.facts["kind"].tolist()} == set()


def test_a_scheduled_order_is_cancelled_and_never_paid():
    facts = medium_world().plan.facts
    ordered = facts[facts["kind"] == FactKind.SCHEDULED]
    cancelled = facts[facts["kind"] == FactKind.SCHEDULE_CANCELLED]
    assert len(ordered) > 0
    assert 0 < len(cancelled) <= len(ordered)
    rows = medium_rows()
    assert not np.isin(rows["campaign"], ordered["campaign"]).any()


def test_a_fact_takes_one_value_for_all():
    made = make_facts(FactKind.LIMIT_ASKED, np.asarray([5, 6]), 3, amounts=np.asarray([7, 8]))
    assert made["account"].tolist() == [3, 3]
    assert made["other"].tolist() == [NONE, NONE]
    assert made["amount_centavos"].tolist() == [7, 8]


def test_a_scenario_happens_only_where_it_is_asked_for():
    codes = [typology.code for typology in default_typologies()]
    assert "T18" not in codes
    options = SimulationOptions(seed=9, days=6, scale=Decimal(1))
    asked = simulate(options, typologies=default_typologies(scenarios={"T18"}))
    place = [typology.code for typology in asked.typologies].index("T18")
    breach = asked.frauds[asked.frauds["typology"] == place]
    assert len(breach) >= 30
    assert breach["amount_centavos"].min() >= 5_000_000
    assert len(asked.frauds) - len(breach) == options.frauds_wanted
    assert (asked.frauds["occurred_at"] % MILLISECOND == 0).all()


@pytest.mark.parametrize("codes", [("T17",), ("t18",), ("",), ("T18", "T18"), ("T18", "T99")])
def test_what_is_no_scenario_cannot_be_asked_for_nor_one_twice(codes: tuple[str, ...]):
    with pytest.raises(Refused) as refusal:
        parse_scenarios(codes)
    assert refusal.value.code is Code.FIELD_VALUE
    assert parse_scenarios(("T18",)) == {"T18"}


def test_who_lends_an_account_is_paid_for_it():
    companions = many().plan.companions
    rent = companions[companions["role"] == Role.RENT]
    assert len(rent) > 0
    assert (rent["payee"] < many().town.census.persons).all()
    assert rent["amount_centavos"].max() <= 200_000
    lent = set(many().frauds["payee"].tolist())
    assert set(rent["payee"].tolist()) <= lent


def test_baits_and_contested_purchases_are_no_frauds():
    world = medium_world()
    companions = world.plan.companions
    assert len(companions) > 0
    assert (companions["typology"] == NONE).all()
    assert (companions["hop"] == 0).all()
    claimed = companions[companions["contested_at"] != NONE]
    assert 0 < claimed["accepted"].sum() < len(claimed) / 3
