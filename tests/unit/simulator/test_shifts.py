"""A day that memory cannot hold at once is made shift by shift, and is a day all the same."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from crivo.domain.instant import HOUR, MINUTE
from crivo.simulator import daily_life
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.adversary import Mode
from crivo.simulator.composition import NATURE_MIX
from crivo.simulator.draws import Draws
from crivo.simulator.natures import NATURES, Nature, place_of
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import natures
from crivo.simulator.play import play, played_world
from crivo.simulator.policy import default_policies
from crivo.simulator.rhythm import Day, calendar, instants_during
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.sampling import Sampling
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import World, simulate

pytestmark = pytest.mark.slow

OPTIONS = SimulationOptions(seed=3, days=7, scale=Decimal(2))
WHOLE = calendar(dt.date(2026, 8, 4), 1, 4_000)[0]
#: A day of the world holds some 3,300 transfers.
SHORT = 500


@pytest.fixture
def _short_shifts(monkeypatch) -> None:
    monkeypatch.setattr(daily_life, "SHIFT_TRANSFERS", SHORT)


def by_day(world: World) -> Iterator[tuple[Day, list[tuple[Day, Rows]]]]:
    """Each day of a world with its shifts."""
    shifts: list[tuple[Day, Rows]] = []
    for shift, rows in world.rows():
        shifts.append((shift, rows))
        if shift.is_last_shift:
            yield world.days[shift.index], shifts
            shifts = []


def test_shifts_are_stretches_of_half_hours_that_make_the_day():
    counts = np.full(48, 100)
    counts[20] = 900
    shifts = WHOLE.shifts(counts, 500)
    assert shifts[0].start == WHOLE.start
    assert shifts[-1].end == WHOLE.end
    assert [shift.shift for shift in shifts] == list(range(len(shifts)))
    for before, after in itertools.pairwise(shifts):
        assert before.end == after.start
    assert sum(shift.transfers for shift in shifts) == counts.sum()
    assert [
        shift.transfers for shift in shifts if shift.half_hours > 1 and shift.transfers > 500
    ] == []
    assert [shift.transfers for shift in shifts if shift.transfers > 500] == [900]
    assert [shift.is_last_shift for shift in shifts] == [False] * (len(shifts) - 1) + [True]
    assert {shift.midnight for shift in shifts} == {WHOLE.start}


def test_a_day_that_fits_is_one_shift_and_draws_as_the_day_does():
    (only,) = WHOLE.shifts(np.full(48, 10), 480)
    assert only == replace(WHOLE, transfers=480)
    assert only.stream == (WHOLE.index,)


def test_instants_of_a_shift_lie_in_it():
    shift = WHOLE.shifts(np.full(48, 100), 700)[3]
    at = instants_during(Draws(1, "shift"), 5_000, shift)
    assert shift.start <= at.min() < shift.start + MINUTE
    assert shift.end - MINUTE < at.max() < shift.end


@pytest.mark.usefixtures("_short_shifts")
def test_a_world_of_shifts_holds_what_it_should():
    world = simulate(OPTIONS)
    frauds = 0
    for day, shifts in by_day(world):
        assert len(shifts) > 4
        assert sum(len(rows) for _, rows in shifts) == day.transfers
        for shift, rows in shifts:
            assert len(rows) == shift.transfers
            assert len(rows) <= SHORT or shift.half_hours == 1
            at = rows["occurred_at"]
            assert (np.diff(at) >= 0).all()
            assert shift.start <= at[0] <= at[-1] < shift.end
            frauds += int((rows["typology"] != NONE).sum())
    assert frauds == OPTIONS.window_frauds


@pytest.mark.usefixtures("_short_shifts")
def test_the_natures_of_a_day_of_shifts_are_the_official_ones():
    world = simulate(replace(OPTIONS, prevalence=Decimal(0)))
    counts = np.zeros(len(NATURES))
    for _, rows in world.rows():
        counts += np.bincount(natures(world.town, rows), minlength=len(NATURES))
    for nature in (Nature.P2P, Nature.P2B, Nature.B2P, Nature.B2B):
        official = NATURE_MIX[nature][0] / 100_000
        assert abs(counts[place_of(nature)] / counts.sum() - official) < 0.01


@pytest.mark.usefixtures("_short_shifts")
def test_whole_days_are_their_shifts_together():
    world = simulate(OPTIONS)
    for (day, shifts), (same, rows) in zip(by_day(world), world.whole_days(), strict=True):
        assert day == same
        assert np.array_equal(np.concatenate([part for _, part in shifts]), rows)


@pytest.mark.usefixtures("_short_shifts")
def test_a_tally_of_shifts_counts_days():
    world, tally = simulate(OPTIONS), Tally()
    for shift, rows in world.rows():
        tally.add(shift.date, rows, sides(world.town, rows))
    assert [each.date for each in tally.days] == [day.date for day in world.days]
    assert tally.transfers == OPTIONS.transfers


@pytest.mark.usefixtures("_short_shifts")
@pytest.mark.slow
def test_a_played_world_of_shifts_is_what_was_played_day_by_day():
    world = simulate(OPTIONS)
    policy = next(each for each in default_policies() if each.stops)
    days = list(play(world, policy.begin(), Mode.STATIC))
    assert sum(int(day.rows["stopped"].sum()) for day in days) > 10
    walked = played_world(world, policy, Mode.STATIC).whole_days()
    for played, (day, rows) in zip(days, walked, strict=True):
        assert played.day == day
        assert np.array_equal(played.rows, rows)


@pytest.mark.usefixtures("_short_shifts")
def test_a_sample_of_shifts_stands_for_every_transfer():
    world = simulate(OPTIONS)
    weights = sum(
        int(column.values.sum())
        for piece in platform_tables(world, sampling=Sampling(5))
        for column in piece.columns
        if column.name == "weight"
    )
    assert weights == OPTIONS.transfers


def test_sabotage_a_shift_that_ends_early_is_no_day():
    shifts = WHOLE.shifts(np.full(48, 100), 500)
    assert not replace(shifts[-1], half_hours=shifts[-1].half_hours - 1).is_last_shift
    assert shifts[0].end - shifts[0].start < 24 * HOUR
