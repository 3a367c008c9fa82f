"""What each recipe promises of a single campaign, over many drawn campaigns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind
from crivo.simulator.rhythm import hours_of
from crivo.simulator.roles import Role
from crivo.simulator.rows import DEVICE_SLOTS, INITIATIONS, NONE, Rows
from crivo.simulator.typology import default_typologies
from tests.unit.simulator.worlds import small_world

TYPOLOGIES = {typology.code: typology for typology in default_typologies(scenarios={"T18"})}
CAMPAIGNS = 40


def campaigns(code: str, count: int = CAMPAIGNS) -> Iterator[Campaign]:
    world = small_world()
    casting, draws = Casting(world.town, world.days), Draws(1, "recipes", code)
    for _ in range(count):
        yield TYPOLOGIES[code].recipe(casting, draws)


def stolen(campaign: Campaign) -> Rows:
    rows = campaign.rows[campaign.rows["hop"] == 1]
    return rows[np.argsort(rows["occurred_at"], kind="stable")]


def span(rows: Rows) -> int:
    return int(rows["occurred_at"].max() - rows["occurred_at"].min())


def test_t01_twenty_to_two_hundred_buyers_pay_one_store_within_eleven_days():
    for campaign in campaigns("T01"):
        rows = stolen(campaign)
        assert 20 <= len(rows) <= 200
        assert len(set(rows["payee"].tolist())) == 1
        assert span(rows) < 11 * DAY
        assert len(set(rows["payer"].tolist())) > len(rows) // 2


def test_t02_two_rewards_come_before_rising_payments_to_other_payees():
    for campaign in campaigns("T02"):
        rows = stolen(campaign)
        rewards = campaign.rows[campaign.rows["role"] == Role.REWARD]
        victim = int(rows["payer"][0])
        assert (rewards["payee"] == victim).all()
        assert len(rewards) == 2
        assert ((rewards["amount_centavos"] >= 1000) & (rewards["amount_centavos"] <= 6000)).all()
        assert rewards["occurred_at"].max() < rows["occurred_at"].min()
        assert 3 <= len(rows) <= 8
        assert rows["amount_centavos"][-1] > rows["amount_centavos"][0]
        assert len(set(rows["payee"].tolist())) > 1


def test_t03_one_stranger_gets_up_to_four_stakes_and_the_last_may_be_a_fee():
    is_fee = []
    for campaign in campaigns("T03", 100):
        rows = stolen(campaign)
        assert 1 <= len(rows) <= 4
        assert len(set(rows["payee"].tolist())) == len(set(rows["payer"].tolist())) == 1
        assert span(rows) < 13 * DAY
        if len(rows) == 2:
            first, last = rows["amount_centavos"].tolist()
            is_fee.append(100 * last < 40 * first)
    assert 0.3 < np.mean(is_fee) < 0.9


def test_t04_up_to_three_payments_to_one_mule_within_forty_minutes_by_day():
    for campaign in campaigns("T04"):
        rows = stolen(campaign)
        assert 1 <= len(rows) <= 3
        assert len(set(rows["payee"].tolist())) == 1
        assert span(rows) <= 40 * MINUTE
        assert 8 <= hours_of(rows["occurred_at"])[0] < 21


@pytest.mark.parametrize("code", ["T04", "T05"])
def test_older_people_are_called_more_often_than_others(code):
    seniors = small_world().town.seniors
    called = [seniors[stolen(campaign)["payer"][0]] for campaign in campaigns(code, 400)]
    # The second of two is taken where that one alone is old: 31 % for 17.
    assert np.mean(called) > np.mean(seniors) + 0.07


def test_t05_four_to_fourteen_payments_within_ninety_minutes_and_a_loan_before():
    lent = 0
    for campaign in campaigns("T05"):
        rows, facts = stolen(campaign), campaign.facts
        assert 4 <= len(rows) <= 14
        assert span(rows) <= 90 * MINUTE
        loans = facts[facts["kind"] == FactKind.LOAN_DISBURSED]
        assert (loans["occurred_at"] < rows["occurred_at"].min()).all()
        lent += len(loans)
    assert 5 < lent < CAMPAIGNS - 5


def test_t06_steps_of_one_to_three_minutes_take_more_than_nine_tenths():
    for campaign in campaigns("T06"):
        rows = stolen(campaign)
        steps = np.diff(rows["occurred_at"])
        assert ((steps >= MINUTE) & (steps < 3 * MINUTE)).all()


def test_t07_one_mule_gets_what_malware_takes_of_each_balance():
    for campaign in campaigns("T07"):
        rows = stolen(campaign)
        assert 1 <= len(rows) <= 4
        assert len(set(rows["payee"].tolist())) == 1
        assert span(rows) < 4 * DAY
        # Nobody chose the amount: it is no round one.
        assert (rows["amount_centavos"] % 5000 == 0).mean() < 0.5


def test_t08_a_new_company_gets_bills_of_several_shops_by_code_or_key():
    first_fraud = small_world().town.census.first_fraud
    forms = set()
    for campaign in campaigns("T08"):
        rows = stolen(campaign)
        assert 2 <= len(rows) <= 8
        assert len(set(rows["payee"].tolist())) == 1
        assert (rows["payee"] >= first_fraud).all()
        assert span(rows) < 8 * DAY
        forms |= {INITIATIONS[place] for place in rows["initiation"].tolist()}
    assert forms == {Initiation.QRDN, Initiation.QRES, Initiation.DICT}


def test_t09_the_victim_pays_to_a_third_account_what_came_and_the_first_is_claimed_back():
    for campaign in campaigns("T09"):
        baits = campaign.rows[campaign.rows["role"] == Role.REWARD]
        for bait, back in zip(baits, campaign.rows[campaign.rows["hop"] == 1], strict=True):
            assert bait["payee"] == back["payer"]
            assert bait["payer"] != back["payee"]
            assert bait["amount_centavos"] == back["amount_centavos"]
            assert 0 < back["occurred_at"] - bait["occurred_at"] < 6 * HOUR
            assert HOUR <= bait["contested_at"] - bait["occurred_at"] < 24 * HOUR


def test_t11_the_parts_are_the_night_limit_to_the_centavo():
    for campaign in campaigns("T11"):
        rows = stolen(campaign)
        assert rows["amount_centavos"].sum() in {100_000, 200_000, 300_000, 500_000}
        assert 3 <= len(rows) <= 6
        assert span(rows) <= 2 * HOUR
        refused = campaign.facts[campaign.facts["kind"] == FactKind.LIMIT_REFUSED]
        assert len(refused) >= 1


def test_t12_a_new_device_keeps_to_two_hundred_a_time_and_a_thousand_a_day():
    for campaign in campaigns("T12"):
        rows = stolen(campaign)
        assert rows["amount_centavos"].max() <= 20_000
        assert set((rows["device"] - rows["payer"] * DEVICE_SLOTS).tolist()) == {DEVICE_SLOTS - 1}
        day = (rows["occurred_at"] - small_world().days[0].start) // DAY
        for one in np.unique(day):
            assert rows["amount_centavos"][day == one].sum() <= 100_000
        added = campaign.facts[campaign.facts["kind"] == FactKind.DEVICE_ADDED]
        assert 0 < rows["occurred_at"][0] - added["occurred_at"][0] < DAY


def test_t13_a_cluster_of_up_to_thirty_accounts_pays_one_collector():
    for campaign in campaigns("T13"):
        tail = campaign.rows[campaign.rows["hop"] == 2]
        assert 3 <= len(set(tail["payer"].tolist())) <= 30
        assert len(set(tail["payee"].tolist())) == 1


def test_t15_a_house_replaces_its_account_every_one_to_seven_days():
    world = small_world()
    background = TYPOLOGIES["T15"].background
    assert background is not None
    of_day = background(Casting(world.town, world.days), Draws(1, "recipes", "T15"), lambda: 7)
    hubs = []
    for day in world.days:
        rows = of_day(day, Draws(1, "recipes", "T15", day.index))
        assert len(set(rows["payee"].tolist())) == 1
        assert len(set(rows["payer"].tolist())) > 1
        # A centavo more than was meant, until worlds get another version.
        assert ((rows["amount_centavos"] >= 2000) & (rows["amount_centavos"] <= 10_001)).all()
        assert (hours_of(rows["occurred_at"]) >= 17).all()
        hubs.append(int(rows["payee"][0]))
    assert len(set(hubs)) >= len(hubs) / 7
    assert max(hubs.count(hub) for hub in hubs) <= 7


def test_t16_few_grant_what_very_many_were_asked_for():
    for campaign in campaigns("T16"):
        rows, facts = stolen(campaign), campaign.facts
        asked = facts[facts["kind"] == FactKind.AUTHORISATIONS_ASKED]["count"].sum()
        assert len(rows) == (facts["kind"] == FactKind.AUTHORISATION_GRANTED).sum()
        assert 0 < len(rows) <= asked * 3 // 100
        assert (rows["initiation"] == INITIATIONS.index(Initiation.AUTO)).all()


def test_t17_more_than_half_of_the_keys_looked_up_do_not_exist():
    for campaign in campaigns("T17"):
        facts = campaign.facts
        assert len(campaign.rows) == 0
        assert (facts["missing"] * 2 > facts["count"]).all()
        assert (facts["missing"] <= facts["count"]).all()


def test_t18_companies_pay_large_sums_within_three_hours_of_a_night():
    for campaign in campaigns("T18"):
        rows = stolen(campaign)
        assert span(rows) <= 3 * HOUR
        assert hours_of(rows["occurred_at"]).max() < 7
        assert rows["amount_centavos"].min() >= 5_000_000
        assert rows["amount_centavos"].max() <= 90_000_000


def test_t19_a_claimant_buys_from_one_merchant_and_contests_some_of_it():
    contested = 0
    for campaign in campaigns("T19"):
        rows = campaign.rows
        assert len(set(rows["payer"].tolist())) == len(set(rows["payee"].tolist())) == 1
        assert (rows["hop"] == 0).all()
        contested += int((rows["contested_at"] != NONE).sum())
    assert contested > CAMPAIGNS
