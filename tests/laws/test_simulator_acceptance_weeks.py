"""What the acceptance checks say of parts of weeks: their mix is not that of months."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from crivo.cli.simulate import SimulateFlags, planned_world
from crivo.simulator.acceptance.finding import Check, Outcome, Verdict, default_checks, judged
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.acceptance.walk import walk

pytestmark = pytest.mark.slow

#: Days and seeds of worlds whose mix failed check 5 or 8, where nothing was wrong with them.
ONCE_FAILED = ((3, 4), (3, 5), (7, 1), (7, 2), (7, 5))


@cache
def tally(days: int, seed: int) -> Tally:
    return walk(planned_world(SimulateFlags(out=Path(), days=days, past_days=0, seed=seed)))


def said(of: Tally, verdict: Verdict) -> set[int]:
    found: tuple[Outcome, ...] = judged(of, natural=False)
    return {one.check.number for one in found if one.verdict is verdict}


@pytest.mark.parametrize(("days", "seed"), ONCE_FAILED)
def test_the_mix_of_fewer_than_two_weeks_is_undecidable(days: int, seed: int):
    assert said(tally(days, seed), Verdict.FAILS) == set()
    assert {5, 8} <= said(tally(days, seed), Verdict.UNDECIDABLE)


def test_two_weeks_are_asked_for_where_the_mix_differs_by_weekday():
    asked = {check.number: check.days_min for check in default_checks() if check.days_min > 1}
    assert asked == {5: 14, 8: 14}


def test_sabotage_a_week_judged_as_months_are_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Check, "findings", lambda check, of: check.look(of))
    assert said(tally(7, 1), Verdict.FAILS) == {5}
