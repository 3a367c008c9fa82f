"""The laws of typologies and look-alikes, for each that lies in its folder."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.simulator import lookalikes
from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, default_look_alikes
from crivo.simulator.reports import DelayTable
from crivo.simulator.typology import Typology, default_typologies
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL, offences, small_world

TYPOLOGIES = {typology.name: typology for typology in default_typologies(scenarios=("T18",))}
LOOK_ALIKES = {look_alike.name: look_alike for look_alike in default_look_alikes()}


def test_there_are_typologies_and_their_codes_are_their_own():
    codes = [typology.code for typology in TYPOLOGIES.values()]
    assert len(codes) >= 19
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("name", TYPOLOGIES)
def test_a_typology_keeps_the_laws(name: str):
    assert list(offences(TYPOLOGIES[name])) == []


def _with_recipe_column(column: str, shift: int) -> Typology:
    original = TYPOLOGIES["mule_network"]

    def crooked(casting: Casting, draws: Draws) -> Campaign:
        campaign = original.recipe(casting, draws)
        campaign.rows[column] += shift
        return campaign

    return replace(original, recipe=crooked)


@pytest.mark.parametrize(
    ("crooked", "offence"),
    [
        (_with_recipe_column("payee", 10**6), "has an unknown payee"),
        (_with_recipe_column("payer", 10**6), "has an unknown payer"),
        (_with_recipe_column("occurred_at", -(10**13)), "leaves the world's days"),
        (_with_recipe_column("hop", -3), "has a fraud without a hop"),
        (_with_recipe_column("amount_centavos", -(10**12)), "moves nothing"),
        (
            replace(
                TYPOLOGIES["remote_access"],
                contest_delays=DelayTable(((1, -(10**9), -(10**8)),)),
            ),
            "is contested before it happens",
        ),
        (replace(TYPOLOGIES["fake_store"], source=""), "says too little about itself"),
        (replace(TYPOLOGIES["fake_store"], signals=()), "says too little about itself"),
        (replace(TYPOLOGIES["fake_store"], name_pt=""), "has no Portuguese name"),
        (replace(TYPOLOGIES["fake_receipt"], recipe=TYPOLOGIES["fake_job"].recipe), "moves money"),
        (replace(TYPOLOGIES["key_scan"], recipe=lambda *_: Campaign()), "leaves no trace"),
        (replace(TYPOLOGIES["refund_abuse"], recipe=TYPOLOGIES["fake_job"].recipe), "steals"),
        (replace(TYPOLOGIES["illegal_betting"], background=None), "makes too few transfers"),
        (replace(TYPOLOGIES["provider_breach"], share_per_mille=1), "has impossible shares"),
        (replace(TYPOLOGIES["fake_store"], reported_per_mille=0), "has impossible shares"),
    ],
)
def test_sabotage_a_crooked_typology_breaks_its_law(crooked: Typology, offence: str):
    assert offence in set(offences(crooked))


def test_sabotage_a_mule_who_forwards_what_never_came_is_noticed():
    original = TYPOLOGIES["mule_network"]

    def crooked(casting: Casting, draws: Draws) -> Campaign:
        campaign = original.recipe(casting, draws)
        campaign.rows["occurred_at"][campaign.rows["hop"] > 1] = casting.days[0].start
        return campaign

    assert "passes on what never came" in set(offences(replace(original, recipe=crooked)))


def test_sabotage_a_mule_who_forwards_more_than_came_is_noticed():
    original = TYPOLOGIES["mule_network"]

    def crooked(casting: Casting, draws: Draws) -> Campaign:
        campaign = original.recipe(casting, draws)
        campaign.rows["amount_centavos"][campaign.rows["hop"] > 1] *= 9
        return campaign

    assert "passes on more than came" in set(offences(replace(original, recipe=crooked)))


def test_sabotage_a_typology_without_transfers_is_refused():
    empty = replace(TYPOLOGIES["fake_store"], recipe=lambda casting, draws: Campaign())
    with pytest.raises(Misconfigured) as refusal:
        list(offences(empty))
    assert refusal.value.code is Code.DEFINITION_INVALID


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_look_alike_is_honest_and_stays_in_its_town(name: str):
    look_alike = LOOK_ALIKES[name]
    world = small_world()
    if look_alike.season is not None:
        world = simulate(replace(SMALL, start=look_alike.season, days=2))
    assert look_alike.meaning
    codes = {typology.code for typology in TYPOLOGIES.values()}
    assert look_alike.resembles
    assert set(look_alike.resembles) <= codes
    of_day = look_alike.prepare(world.town, Draws(1, name))
    rows = np.concatenate([of_day(day, Draws(1, name, day.index)) for day in world.days])
    assert len(rows) > 0
    assert (rows["typology"] == -1).all()
    assert (rows["amount_centavos"] >= 100).all()
    assert (rows["payer"] != rows["payee"]).all()
    assert (rows["occurred_at"] >= world.days[0].start).all()
    for side in ("payer", "payee"):
        assert (rows[side] >= 0).all()
        assert (rows[side] < world.town.census.first_fraud).all()


def test_a_file_without_its_declaration_is_refused():
    with pytest.raises(Misconfigured) as refusal:
        one_a_file(lookalikes, "NO_SUCH_NAME", LookAlike)
    assert refusal.value.code is Code.DEFINITION_INVALID


def test_an_empty_folder_holds_nothing():
    empty = ModuleType("empty")
    empty.__path__ = []
    assert one_a_file(empty, "TYPOLOGY", Typology) == ()
