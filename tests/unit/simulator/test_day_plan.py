"""The composition of a day, and how ordinary life fills what habits leave."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from crivo.domain.transfer import Initiation
from crivo.simulator.composition import HOURS, NATURE_MIX, PARTS, VALUE_BY_HOUR, composition
from crivo.simulator.day_plan import Purse, fill, money_levels, spread
from crivo.simulator.draws import Draws
from crivo.simulator.initiations import MIXES, OFFICIAL, Forms
from crivo.simulator.natures import NATURES, Nature, Owner, place_of
from crivo.simulator.people import natures, owners
from crivo.simulator.rhythm import HALF_HOURS, WEEKDAY_VALUES, WEEKDAYS, calendar
from crivo.simulator.rows import INITIATIONS, make_rows
from tests.unit.simulator.worlds import small_world

DAY = calendar(dt.date(2026, 8, 4), 1, 20_000)[0]


def week() -> np.ndarray:
    """[weekday, hour]: the official share of a week's transfers."""
    hours = np.asarray(HALF_HOURS).reshape(HOURS, 2).sum(axis=1)
    weights = np.outer(WEEKDAYS, hours)
    return weights / weights.sum()


def values() -> np.ndarray:
    """[kind of day, hour]: the mean ticket in centavos."""
    means = np.asarray([NATURE_MIX[nature][1] for nature in NATURES])
    found = composition().shares * composition().levels * means
    return np.asarray(found.sum(axis=2) / (PARTS * 1000))


def test_the_composition_has_the_official_mix_of_natures():
    for place, nature in enumerate(NATURES):
        found = (composition().shares[:7, :, place] * week()).sum() / PARTS
        assert abs(found - NATURE_MIX[nature][0] / 100_000) < 0.0001


def test_the_composition_has_the_official_value_of_each_hour_and_weekday():
    money = values()[:7] * week()
    by_hour = money.sum(axis=0) / money.sum()
    assert np.abs(by_hour - np.asarray(VALUE_BY_HOUR) / sum(VALUE_BY_HOUR)).max() < 0.0005
    by_day = money.sum(axis=1) / money.sum()
    assert np.abs(by_day - np.asarray(WEEKDAY_VALUES) / sum(WEEKDAY_VALUES)).max() < 0.005


def test_every_hour_has_room_for_every_common_nature():
    common = [place_of(nature) for nature in (Nature.P2P, Nature.P2B, Nature.B2P, Nature.B2B)]
    assert composition().shares[:, :, common].min() > 0


@pytest.mark.parametrize("total", [0, 1, 999, 2_000_000])
def test_spreading_loses_nothing_and_gives_each_part_its_share(total: int):
    weights = composition().cells(0)
    found = spread(Draws(1, "spread", total), total, weights)
    assert found.sum() == total
    exact = weights.astype(object) * total / int(weights.sum())
    assert max(abs(found.ravel() - exact.ravel().astype(float))) <= 1


def test_ordinary_life_leaves_the_half_hours_what_habits_took():
    draws = Draws(4, "habits")
    count = 3000
    taken = np.full(count, place_of(Nature.P2P)), DAY.start + draws.spans(0, 7_200_000_000, count)
    cells = fill(DAY, draws, 17_000, *taken)
    assert cells.sum() == 17_000
    # Two hours hold far more than the curve; ordinary life keeps out of them and follows it else.
    assert cells[:, :4].sum() == 0
    later = cells[:, 4:].sum(axis=0) / 17_000
    curve = np.asarray(HALF_HOURS[4:]) / sum(HALF_HOURS[4:])
    assert np.abs(later - curve).max() < 0.0005


def test_a_purse_gives_back_over_days_what_habits_moved_beyond_their_part():
    purse = Purse()
    place = place_of(Nature.B2P)
    cells = spread(Draws(1, "cells"), 20_000, composition().cells(DAY.kind))
    rich = make_rows(
        *(np.full(100, value) for value in (DAY.start + 12 * 3_600_000_000, 10**6)),
        np.arange(100),
        np.arange(100) + 7,
    )
    first = money_levels(DAY, cells, np.full(100, place), rich, purse)
    owed = purse.owed[Nature.B2P]
    assert owed > 0
    assert 730 < first[place] < 760
    assert first[place_of(Nature.B2B)] == 1000
    second = money_levels(DAY, cells, np.zeros(0, dtype=np.int64), rich[:0], purse)
    assert second[place] < 1000
    assert 0 <= purse.owed[Nature.B2P] < owed


def test_the_nature_of_a_transfer_follows_from_who_holds_the_accounts():
    town = small_world().town
    size = town.census
    accounts = np.asarray(
        [
            0,
            size.first_business,
            size.first_government,
            size.first_outsider,
            size.first_second,
            size.first_newcomer,
            size.first_newcomer + size.newcomers_a_day - 1,
            size.first_fraud,
            size.first_fraud + 1,
        ]
    )
    found = [Owner(owner).name[0] for owner in owners(town, accounts).tolist()]
    assert "".join(found) == "PBGPPBPPB"
    rows = make_rows(*(np.zeros(2, dtype=np.int64),) * 2, accounts[[0, 1]], accounts[[2, 3]])
    assert [NATURES[place] for place in natures(town, rows)] == [Nature.P2G, Nature.B2P]


def counts_of(counts: dict[Nature, int]) -> np.ndarray:
    return np.asarray([counts.get(nature, 0) for nature in NATURES], dtype=np.int64)


def test_initiation_forms_of_shifts_make_the_days_mix_whole():
    draws, nothing = Draws(2, "forms"), np.zeros(0, dtype=np.int64)
    forms = Forms(counts_of({Nature.P2P: 28_000, Nature.P2B: 22_000}), nothing, nothing, nothing)
    drawn = []
    # Persons pay persons in the morning, and shops in the evening.
    for persons, shops in ((20_000, 2_000), (8_000, 20_000)):
        to_shops = forms.drawn(draws, Nature.P2B, shops)
        forms.take(Nature.P2B, to_shops)
        between = forms.left(draws, persons)
        forms.note(between)
        drawn += [to_shops, between]
    whole = np.bincount(np.concatenate(drawn), minlength=len(INITIATIONS)) / 50_000
    for initiation, share in OFFICIAL.items():
        expected = share / sum(OFFICIAL.values())
        assert abs(whole[INITIATIONS.index(initiation)] - expected) < 0.006


def test_initiation_forms_make_the_mix_whole_again():
    draws = Draws(1, "forms")
    keys = np.full(2000, INITIATIONS.index(Initiation.DICT))
    nature = np.full(2000, place_of(Nature.B2B))
    forms = Forms(counts_of({Nature.B2B: 8000}), nature, keys, keys)
    found = forms.drawn(draws, Nature.B2B, 8000)
    whole = np.bincount(np.concatenate([found, keys]), minlength=len(INITIATIONS)) / 10_000
    for initiation, share in MIXES[Nature.B2B].items():
        assert abs(whole[INITIATIONS.index(initiation)] - share / 100_000) < 0.02
    nothing, codes = keys[:0], np.full(20_000, INITIATIONS.index(Initiation.QRDN))
    left = Forms(counts_of({Nature.P2P: 40_000}), nothing, nothing, codes).left(draws, 40_000)
    whole = np.bincount(left, minlength=len(INITIATIONS))
    whole[INITIATIONS.index(Initiation.QRDN)] += 20_000
    for initiation in (Initiation.DICT, Initiation.QRDN, Initiation.MANU, Initiation.QRES):
        expected = OFFICIAL[initiation] / sum(OFFICIAL.values())
        assert abs(whole[INITIATIONS.index(initiation)] / 60_000 - expected) < 0.01
