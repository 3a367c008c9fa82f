"""The interval of a calibration error holds the true one; percentiles of its draws do not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.learning_intervals import WORLDS, held
from crivo.model.evaluate import evaluate


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_the_interval_holds_the_true_error_of_nearly_all_worlds(world):
    assert held(world, worlds=40, resamples=60).share >= 0.85


@pytest.mark.slow
def test_sabotage_percentiles_hold_it_of_few():
    found = held(WORLDS[0], worlds=40, resamples=60)
    assert found.share_of_percentiles < 0.3


def calibration(chances, labels, weights=None, **options):
    given = evaluate(
        chances, labels, np.ones(len(labels)) if weights is None else weights,
        chances=chances, **options,
    )  # fmt: skip
    return {metric.name: metric for metric in given}["calibration_error"]


def drawn(rows: int = 6_000, times: float = 1.0, share: float = 0.02):
    generator = np.random.default_rng(4)
    chances = generator.beta(1, 1 / share, rows)
    labels = generator.random(rows) < chances
    return np.minimum(chances * times, 1.0), labels


def test_right_probabilities_may_have_no_error_and_doubled_ones_have_some():
    right, wrong = calibration(*drawn()), calibration(*drawn(times=2.0))
    assert right.low == 0.0 < right.value < right.high
    assert 0.005 < wrong.low < wrong.value < wrong.high
    assert wrong.low < 0.02 < wrong.high


def test_a_bin_without_a_fraud_is_not_taken_for_certain():
    """Its draws have none either: what chance would do to it comes from its probabilities."""
    chances = np.full(3_000, 2e-4)
    found = calibration(chances, np.zeros(3_000, np.bool_))
    assert found.low == 0.0
    assert found.value == pytest.approx(2e-4)
    # Of 3,000 rows of 0.0002 less than one fraud is due: none is no sign of anything.
    assert found.high > 4e-4


def test_without_draws_the_ends_are_the_figure():
    found = calibration(*drawn(), resamples=0)
    assert found.low == found.value == found.high
