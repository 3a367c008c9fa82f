"""Each curve finds the probabilities that made the labels, rises, and says when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused, Unfit
from crivo.model.artifact import SCORE_ONE
from crivo.model.calibrate import (
    ISOTONIC_POSITIVES_MIN,
    Calibrator,
    fit_curve,
    fit_platt,
    tabulate,
)

EVERY = list(Calibrator)


def drawn(rows: int = 60_000):
    generator = np.random.default_rng(3)
    margins = generator.normal(-1, 2, rows)
    chances = 1 / (1 + np.exp(-(0.7 * margins - 2)))
    return margins, generator.random(rows) < chances, chances


@pytest.mark.parametrize("calibrator", EVERY)
def test_a_curve_finds_the_probabilities_that_made_the_labels(calibrator):
    margins, labels, chances = drawn()
    curve, parameters = fit_curve(calibrator, margins, labels, np.ones(len(margins)))
    assert np.abs(curve(margins) - chances).mean() < 0.01
    assert parameters


@pytest.mark.parametrize("calibrator", EVERY)
def test_a_curve_rises_and_its_table_is_the_curve(calibrator):
    margins, labels, _ = drawn()
    curve, _ = fit_curve(calibrator, margins, labels, np.ones(len(margins)))
    table = tabulate(curve, (margins * 2**40).astype(np.int64))
    assert (np.diff(table.knots) >= 0).all()
    places = (table.margin_low + (np.arange(4_097) << table.step_log2)) / 2**40
    assert np.abs(table.knots / SCORE_ONE - curve(places)).max() < 1e-8


@pytest.mark.parametrize("calibrator", EVERY)
def test_weights_put_the_probabilities_at_the_prevalence_they_restore(calibrator):
    margins, labels, chances = drawn(200_000)
    kept = labels | (np.random.default_rng(1).random(len(labels)) < 0.25)
    weights = np.where(labels[kept], 1.0, 4.0)
    curve, _ = fit_curve(calibrator, margins[kept], labels[kept], weights)
    assert curve(margins).mean() == pytest.approx(chances.mean(), rel=0.05)


def test_isotonic_with_too_few_positives_is_refused():
    margins = np.arange(20_000.0)
    labels = np.arange(20_000) >= 20_000 - (ISOTONIC_POSITIVES_MIN - 1)
    with pytest.raises(Refused) as refusal:
        fit_curve(Calibrator.ISOTONIC, margins, labels, np.ones(20_000))
    assert refusal.value.code is Code.DATA_TOO_SMALL
    assert refusal.value.context["found"] == 999


@pytest.mark.parametrize("calibrator", [Calibrator.PLATT, Calibrator.BETA])
def test_margins_that_rank_backwards_are_no_risk(calibrator):
    margins = np.linspace(-3, 3, 400)
    with pytest.raises(Unfit) as refusal:
        fit_curve(calibrator, margins, margins < -1, np.ones(400))
    assert refusal.value.code is Code.GATE_FAILED


@pytest.mark.parametrize("calibrator", [Calibrator.PLATT, Calibrator.BETA])
def test_of_rare_frauds_the_curve_is_the_likeliest_and_not_one_on_the_way_to_it(calibrator):
    """Averaged over rows a gradient is small while the riskiest rows are promised a fifth less."""
    generator = np.random.default_rng(0)
    margins = generator.normal(-9, 2, 100_000)
    chances = 1 / (1 + np.exp(-(0.9 * margins + 1)))
    labels = generator.random(len(margins)) < chances
    assert 0.002 < labels.mean() < 0.006
    curve, _ = fit_curve(calibrator, margins, labels, np.ones(len(margins)))
    over = curve(margins) - labels
    # At the likeliest the errors are uncorrelated with each part, but for the smoothed targets.
    for part in (np.ones(len(margins)), np.logaddexp(0, -margins)):
        assert abs((over * part).sum()) < 0.02 * (labels * part).sum()
    top = np.argsort(-margins)[:200]
    assert curve(margins[top]).sum() == pytest.approx(chances[top].sum(), rel=0.1)


def test_a_beta_curve_of_frauds_that_a_threshold_parts_from_all_others_is_no_certainty():
    margins = np.linspace(-8, 2, 500)
    labels = margins > 1.8
    assert labels.sum() == 10
    curve, parameters = fit_curve(Calibrator.BETA, margins, labels, np.ones(500))
    assert np.isfinite(list(parameters.values())).all()
    assert 0.5 < curve(np.array([2.0]))[0] < 1
    assert curve(margins).sum() == pytest.approx(10, abs=1.5)


def test_platts_targets_are_smoothed_so_that_few_rows_promise_no_certainty():
    """Of two margins the sigmoid meets both targets: (p + 1) / (p + 2) and 1 / (n + 2)."""
    labels = np.arange(40) < 10
    margins = np.where(labels, 1.0, -1.0)
    slope, intercept = fit_platt(margins, labels, np.ones(40))
    above, below = (1 / (1 + np.exp(-(slope * each + intercept))) for each in (1.0, -1.0))
    assert above == pytest.approx(11 / 12, abs=1e-6)
    assert below == pytest.approx(1 / 32, abs=1e-6)
