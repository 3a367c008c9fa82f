"""Presets of difficulty are what they are called: the same simple eye sees less and less."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.simulator.difficulty import SETTINGS, Difficulty, parse_difficulty
from crivo.simulator.options import SimulationOptions
from crivo.simulator.rows import Rows
from crivo.simulator.world import simulate
from tests.laws.average_precision import average_precision
from tests.unit.simulator.worlds import all_rows

SEEDS = (3, 4, 5)


@cache
def rows_of(difficulty: Difficulty, seed: int) -> Rows:
    options = SimulationOptions(
        seed=seed, days=21, past_days=14, scale=Decimal(1), difficulty=difficulty
    )
    return all_rows(simulate(options))


def simple_eye(rows: Rows) -> float:
    """Average precision of ranking by the amount of first payments to somebody; repeats last."""
    pairs = rows["payer"] * 10**8 + rows["payee"]
    _, first = np.unique(pairs, return_index=True)
    scores = np.zeros(len(rows), dtype=np.int64)
    scores[first] = rows["amount_centavos"][first]
    return average_precision(rows["typology"] >= 0, scores)


def seen(difficulty: Difficulty) -> float:
    return sum(simple_eye(rows_of(difficulty, seed)) for seed in SEEDS) / len(SEEDS)


@pytest.mark.slow
def test_a_simple_eye_sees_less_and_less():
    found = [seen(difficulty) for difficulty in Difficulty]
    assert found[0] > 1.3 * found[1] > 1.3 * 1.3 * found[2], found


@pytest.mark.slow
def test_sabotage_presets_that_change_nothing_are_noticed():
    same = [simple_eye(rows_of(Difficulty.STANDARD, seed)) for seed in SEEDS]
    assert not same[0] > 1.3 * same[1] > 1.3 * 1.3 * same[2], same


def test_every_preset_says_what_it_means_and_keeps_the_number_of_frauds():
    assert set(SETTINGS) == set(Difficulty)
    assert len({setting.meaning for setting in SETTINGS.values()}) == len(Difficulty)
    options = SimulationOptions(days=7, scale=Decimal("0.3"))
    for difficulty in Difficulty:
        world = simulate(replace(options, difficulty=difficulty))
        assert len(world.frauds) == options.frauds_wanted
        assert (world.frauds["amount_centavos"] >= 1).all()
        assert bool(world.look_alikes) == SETTINGS[difficulty].has_look_alikes


def test_another_preset_is_refused():
    with pytest.raises(Refused) as refusal:
        parse_difficulty("nightmare")
    assert refusal.value.code is Code.FIELD_VALUE
