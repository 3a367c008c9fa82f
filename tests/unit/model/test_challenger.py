"""What a challenger is given: the champion's training rows, labels of their time, the same test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.model import challenger as module
from crivo.model.challenger import NetworkOptions, challenge
from crivo.model.dataset import Dataset
from crivo.model.judged import judged_rows
from crivo.model.labels import NEVER
from crivo.model.network import Layers
from crivo.model.split import SplitOptions, split_by_time
from tests.unit.model.worlds import labelled

SPLIT = SplitOptions()


def first_input(width: int) -> Layers:
    """A network whose log-odds are its first input's, so that no library is needed to fit it."""
    kernel = np.zeros((2 * width, 1))
    kernel[0] = 1.0
    return Layers(np.zeros(width), np.ones(width), (kernel,), (np.zeros(1),))


@pytest.fixture
def given(monkeypatch) -> list[tuple]:
    """What was given to be fitted on."""
    taken: list[tuple] = []

    def fit(vectors, labels, weights, options):
        taken.append((vectors, labels, weights))
        return first_input(vectors.shape[1]), {"keras": "none"}

    monkeypatch.setattr(module, "fit_layers", fit)
    return taken


def challenged(dataset: Dataset):
    split = split_by_time(dataset, SPLIT)
    options = {"judged": "a hash", "reviews_per_day": 10, "resamples": 5}
    return split, challenge(dataset, split, NetworkOptions(), **options)


def late(dataset: Dataset) -> Dataset:
    """The same rows; what is known of half of the frauds comes forty days later."""
    slow = np.arange(len(dataset)) % 2 == 0
    known = np.where(dataset.labels() & slow, dataset.known_at + 40 * 86_400_000_000, 0)
    known_at = np.where(known > 0, known, dataset.known_at)
    return replace(dataset, known_at=known_at, labels_as_of=dataset.labels_as_of * 2)


def test_it_learns_from_the_training_rows_and_from_no_label_of_the_future(given):
    dataset = late(labelled())
    split, _ = challenged(dataset)
    ((vectors, labels, weights),) = given
    rows = split.train(dataset)
    assert np.array_equal(vectors, dataset.vectors[rows], equal_nan=True)
    assert (labels == dataset.labels(split.calibration_start)[rows]).all()
    assert labels.sum() < dataset.labels()[rows].sum()
    assert len(weights) == rows.sum()


def test_it_is_calibrated_before_the_test_and_judged_by_it(given):
    dataset = labelled()
    split, found = challenged(dataset)
    test = judged_rows(dataset, split.test(dataset))
    values = {metric.name: metric.value for metric in found.metrics}
    again = test.figures(
        found.network.scores(test.vectors),
        chances=found.network.scores(test.vectors) / 1e9,
        reviews_per_day=10,
        resamples=0,
    )
    assert values["average_precision"] == {m.name: m.value for m in again}["average_precision"]
    # The test's labels say nothing to the network: with others it is the same but for its figures.
    known = np.where(split.test(dataset), np.iinfo(np.int64).max, dataset.known_at)
    known[np.flatnonzero(split.test(dataset))[::9]] = split.test_start
    _, other = challenged(replace(dataset, known_at=known))
    assert (other.network.slope, other.network.intercept) == (
        found.network.slope,
        found.network.intercept,
    )
    assert other.network.metadata["metrics"] != found.network.metadata["metrics"]


def test_a_label_that_came_after_the_test_began_says_nothing_of_what_its_log_odds_mean(given):
    dataset = labelled()
    split, _ = challenged(dataset)
    some = split.calibration(dataset) & dataset.labels() & (np.arange(len(dataset)) % 2 == 0)
    late, never, in_time = (
        challenged(replace(dataset, known_at=np.where(some, known, dataset.known_at)))[1].network
        for known in (split.test_start + 1, NEVER, split.test_start)
    )
    assert (late.slope, late.intercept) == (never.slope, never.intercept)
    assert late.intercept != in_time.intercept


def test_of_many_rows_all_frauds_are_drawn_and_the_prior_stays():
    dataset = labelled(rows=4_000)
    labels = dataset.labels()
    options = NetworkOptions(others_max=500)
    _, drawn, weights = module._drawn(dataset.vectors, labels, dataset.weights, options)
    assert drawn.sum() == labels.sum()
    assert len(drawn) == labels.sum() + 500
    assert weights[drawn].sum() == labels.sum()
    assert weights[~drawn].sum() == pytest.approx((~labels).sum())


def test_an_input_that_is_always_null_or_always_the_same_spreads_nothing():
    vectors = np.array([[np.nan, 3.0, 1.0], [np.nan, 3.0, np.e - 1], [np.nan, 3.0, np.nan]])
    center, scale = module._spread(vectors)
    assert (scale > 0).all()
    assert (center[0], scale[0], scale[1]) == (0.0, 1.0, 1.0)
    inputs = Layers(center, scale, (), ()).inputs(vectors)
    assert np.isfinite(inputs).all()
    assert inputs[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert inputs[:, 3:].tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 1]]
