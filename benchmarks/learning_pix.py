"""Simulated Pix, default prevalence and difficulty: champion, logistic, one feature.

The forest is calibrated as `crivo train` does where nothing is said. The score bins are cut from
the riskiest test row down, so that each holds at least fifty frauds; in each the frauds observed
stand over those that the scores expect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.bins import held_by_chance, top_bins
from benchmarks.learn.pix import pix_dataset
from crivo.model.artifact import SCORE_ONE, ArtifactKind
from crivo.model.judged import judged_rows
from crivo.model.split import SplitOptions
from crivo.model.train import CHAMPION, TrainOptions, train

SEED: Final = 7
#: 600,000 transfers in 120 days, one in two hundred a fraud.
SCALE: Final = "3"
DAYS: Final = 120
#: Between these observed over expected frauds is to lie in each bin.
LOW: Final = 0.8
HIGH: Final = 1.25
#: A world of many campaigns sets off the leak alarm: who saw half of one ranks the other half.
LOOKED: Final = "the benchmark, whose world is its own"


def run(setting: Setting) -> Iterator[Row]:
    """Average precision of each, and observed over expected frauds of the champion's top bins."""
    small = {"scale": "1", "days": 90}
    size = small if setting.quick else {"scale": SCALE, "days": DAYS}
    dataset = pix_dataset(seed=SEED, scale=str(size["scale"]), days=int(size["days"]))
    options = TrainOptions(resamples=100, leak_accepted_by=LOOKED)
    trained = train(
        dataset, kind=ArtifactKind.EVENTS, split_options=SplitOptions(), options=options
    )
    split, what = trained.split, "simulated Pix"
    yield setting.row(f"{what}, transfers to judge by", "", [float(split.rows_test)])
    yield setting.row(f"{what}, frauds among them", "", [float(split.positives_test)])
    calibrated = 100 * split.positives_calibration / split.rows_calibration
    tested = 100 * split.positives_test / split.rows_test
    yield setting.row(f"{what}, frauds among the rows that calibrate", "%", [calibrated])
    yield setting.row(f"{what}, frauds among the rows that judge", "%", [tested])
    precision = {model: metrics[0] for model, metrics in trained.metrics.items()}
    # The best on these very rows.
    (single,) = (model for model in precision if model.startswith("only "))
    alone = precision[single].value
    for model, metric in precision.items():
        is_champion = model == CHAMPION
        yield setting.row(
            f"{what}, {model}, AP (peer: {single})",
            "",
            [metric.value],
            at_least=2 * alone if is_champion else None,
            peer=alone,
        )
        yield setting.row(f"{what}, {model}, AP, 2.5 %", "", [metric.low])
        yield setting.row(f"{what}, {model}, AP, 97.5 %", "", [metric.high])
    # Of all rows: of those that are kept beside a model, the others are a sample.
    test = judged_rows(dataset, split.test(dataset))
    bins = top_bins(test.labels, test.weights, test.scores(trained.artifact) / SCORE_ONE)
    for number, found in enumerate(bins, start=1):
        name = f"{what}, score bin {number} of the top, observed / expected frauds"
        yield setting.row(f"{name} (at least {LOW:g})", "", [found.value], at_least=LOW)
        yield setting.row(f"{name} (at most {HIGH:g})", "", [found.value], at_most=HIGH)
        yield setting.row(f"{name}, 2.5 %", "", [found.low])
        yield setting.row(f"{name}, 97.5 %", "", [found.high])
    held = 100 * held_by_chance(LOW, HIGH)
    name = "worlds in which a true curve of small chances holds all bins"
    yield setting.row(f"{what}, {name}", "%", [held])
