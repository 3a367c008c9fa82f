"""No check fails where nothing is wrong because one world holds what few others hold.

The seed of claims is the one of 399 worlds of the default size (1 to 399, version 8) that fails
while its errors are those of other worlds alone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from crivo.simulator.acceptance.accepted import Accepted, of_recovery
from crivo.simulator.acceptance.checks import natures, recovery_mix
from crivo.simulator.acceptance.finding import Finding, Verdict
from crivo.simulator.acceptance.replicas import (
    endings_covariance,
    frauds_covariance,
    variances,
)
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.natures import NATURES, Nature
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import is_legal_person
from crivo.simulator.recoveries import Recovery
from crivo.simulator.world import World, simulate

#: There one claim holds a third of what was accepted, and its end decides the mix.
ONE_LARGE_CLAIM = (39,)
#: Four of sixty payments to offices hold two thirds of their value.
FOUR_LARGE_PAYMENTS = 31
PLACE = NATURES.index(Nature.B2G)


@cache
def world(seed: int) -> World:
    return simulate(SimulationOptions(seed=seed))


@cache
def over_worlds() -> np.ndarray | None:
    return frauds_covariance(world(ONE_LARGE_CLAIM[0]))


def of_claims(seed: int) -> Tally:
    """The tally of the frauds alone."""
    made = world(seed)
    accepted = Accepted(
        frauds_covariance=over_worlds(), endings_covariance=endings_covariance(made)
    )
    accepted.add(made.frauds, is_legal_person(made.town, made.frauds["payee"]))
    return Tally(accepted=accepted)


def failing_ends(tally: Tally) -> list[Finding]:
    return [one for one in recovery_mix.CHECK.look(tally) if one.verdict is Verdict.FAILS]


@cache
def of_payments() -> Tally:
    made = world(FOUR_LARGE_PAYMENTS)
    tally = Tally()
    for day, rows in made.rows():
        tally.add(day.date, rows, sides(made.town, rows))
    tally.variances, tally.towns = variances(made)
    return tally


def tickets_to_offices() -> Finding:
    findings = natures.CHECK.look(of_payments())
    return next(one for one in findings if one.part == f"{Nature.B2G}, mean")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ONE_LARGE_CLAIM)
def test_one_claim_with_a_third_of_the_value_fails_no_outcome(seed: int):
    assert failing_ends(of_claims(seed)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", ONE_LARGE_CLAIM)
def test_sabotage_the_error_of_other_worlds_alone_fails_them(seed: int):
    tally = of_claims(seed)
    tally.accepted.endings_covariance = None
    assert failing_ends(tally) != []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32])
def test_sabotage_a_world_of_the_default_size_whose_losses_all_come_back_fails(seed: int):
    tally = of_claims(seed)
    sums = tally.accepted.sums
    full, lost = of_recovery(Recovery.FULL), of_recovery(Recovery.NO_BALANCE)
    sums[full] += sums[lost]
    sums[lost] = 0
    assert {one.part for one in failing_ends(tally)} >= {"full", "no balance"}


@pytest.mark.slow
def test_a_few_large_payments_to_offices_fail_no_mean_ticket():
    assert tickets_to_offices().verdict is Verdict.UNDECIDABLE


@pytest.mark.slow
def test_sabotage_the_error_of_sixteen_towns_alone_fails_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(natures, "_LEVELLED", 0)
    assert tickets_to_offices().verdict is Verdict.FAILS


@pytest.mark.slow
def test_sabotage_offices_that_are_all_paid_the_same_large_sum_fail(
    monkeypatch: pytest.MonkeyPatch,
):
    of = of_payments().natures
    count, each = int(of.counts[PLACE]), 10_000_00
    monkeypatch.setattr(of, "centavos", of.centavos.copy())
    monkeypatch.setattr(of, "squares", of.squares.copy())
    of.centavos[PLACE], of.squares[PLACE] = count * each, count * each**2
    assert tickets_to_offices().verdict is Verdict.FAILS
