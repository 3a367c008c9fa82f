"""The standard errors that the acceptance report claims are how much figures differ by seed."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.simulator.acceptance.checks import (
    accepted_value,
    legal_payees,
    natures,
    on_us,
    recovery_mix,
    small_amounts,
    weekdays,
)
from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.replicas import endings_covariance, frauds_covariance, variances
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import DayVariances, Tally, TownVariances
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import World, simulate

SEEDS = 30
#: Thirty seeds tell a spread to an eighth of it, two dozen replicas to a seventh.
BETWEEN = (0.6, 1.6)
#: So many worlds say what their errors are: one payment among replicas may double one world's.
CLAIMING = 5

FIGURES = [
    (accepted_value.CHECK, "mean"),
    (recovery_mix.CHECK, "no balance"),
    (recovery_mix.CHECK, "full"),
    (legal_payees.CHECK, "legal persons"),
    (weekdays.CHECK, "value, Monday"),
    (weekdays.CHECK, "value, Sunday"),
    (natures.CHECK, "P2P, mean"),
    (natures.CHECK, "B2P, mean"),
    (on_us.CHECK, "count"),
    (on_us.CHECK, "value"),
    (small_amounts.CHECK, "below R$ 100"),
]


@cache
def world(seed: int) -> World:
    return simulate(SimulationOptions(seed=seed, scale=Decimal("0.8"), prevalence=Decimal("0.01")))


@cache
def tally(seed: int) -> Tally:
    """What was generated; errors are those that one of the first worlds would claim."""
    found = Tally()
    for day, rows in world(seed).rows():
        found.add(day.date, rows, sides(world(seed).town, rows))
    found.variances, found.towns = differences(1 + seed % CLAIMING)
    found.accepted.frauds_covariance = fraud_differences()
    found.accepted.endings_covariance = endings_covariance(world(seed))
    return found


@cache
def differences(seed: int) -> tuple[DayVariances, TownVariances]:
    return variances(world(seed))


@cache
def fraud_differences() -> np.ndarray | None:
    return frauds_covariance(world(1))


def figure(check: Check, part: str, of: Tally) -> Finding:
    return next(finding for finding in check.look(of) if finding.part == part)


def spread_and_claim(check: Check, part: str) -> tuple[float, float]:
    """The standard deviation of a figure over seeds, and the median of the errors claimed."""
    findings = [figure(check, part, tally(seed)) for seed in range(1, 1 + SEEDS)]
    errors = [one.standard_error for one in findings if one.standard_error is not None]
    assert len(errors) == SEEDS
    return float(np.std([one.found for one in findings], ddof=1)), float(np.median(errors))


@pytest.mark.slow
@pytest.mark.parametrize(("check", "part"), FIGURES)
def test_a_claimed_error_is_the_spread_over_thirty_seeds(check: Check, part: str):
    spread, claimed = spread_and_claim(check, part)
    assert BETWEEN[0] * claimed < spread < BETWEEN[1] * claimed, (spread, claimed)


@pytest.mark.slow
def test_sabotage_the_error_of_independent_draws_is_told_from_the_spread(
    monkeypatch: pytest.MonkeyPatch,
):
    for seed in range(1, 1 + SEEDS):
        monkeypatch.setattr(tally(seed).accepted, "frauds_covariance", None)
    for check, part in FIGURES[:4]:
        spread, claimed = spread_and_claim(check, part)
        assert not BETWEEN[0] * claimed < spread, (part, spread, claimed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "part"), [(on_us.CHECK, "count"), (small_amounts.CHECK, "below R$ 100")]
)
def test_sabotage_the_error_of_independent_payees_is_told_from_the_spread(
    check: Check, part: str, monkeypatch: pytest.MonkeyPatch
):
    for seed in range(1, 1 + SEEDS):
        monkeypatch.setattr(tally(seed), "towns", None)
    spread, claimed = spread_and_claim(check, part)
    assert not spread < BETWEEN[1] * claimed, (part, spread, claimed)
