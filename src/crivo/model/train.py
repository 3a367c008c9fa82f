"""Training: a boosted forest, or a regression, beside a logistic and a one-feature baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import imblearn
import lightgbm
import numpy as np
import numpy.typing as npt
import sklearn

from crivo.model.alone import most_telling
from crivo.model.artifact import MARGIN_BITS, SCORE_ONE, Artifact, ArtifactKind
from crivo.model.baselines import best_feature, logistic
from crivo.model.booster import BoosterOptions
from crivo.model.calibrate import Calibrator, Curve, fit_curve, tabulate
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric
from crivo.model.groups import half_of
from crivo.model.judged import JudgedRows, as_table, judged_rows, to_keep
from crivo.model.leak import (
    Finding,
    feature_finding,
    gap_finding,
    gap_unknown,
    model_finding,
    raise_alarm,
)
from crivo.model.learner import Method, fit
from crivo.model.order import Order
from crivo.model.segments import by_segment
from crivo.model.split import Split, SplitOptions, split_by_time

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: Called with (step, 0, 1) as each begins.
Progress = Callable[[str, int, int], None]

#: What a training does, in its order, for whoever waits.
STEPS: Final = (
    "each input alone",
    "first fits, for the curve",
    "last fit, which serves",
    "a fit on shuffled rows, for the leak alarm",
    "what it must be better than",
    "figures with their intervals",
    "figures by month and amount",
)

CHAMPION: Final = Method.FOREST.row
LOGISTIC: Final = Method.LOGISTIC.row


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What training may be told.

    `leak_accepted_by` names who looked at a suspected leak and found none. `tried` is how many
    configurations were compared before these were chosen, by whoever chose them. A regression takes
    seed and resampling from `booster`.
    """

    booster: BoosterOptions = field(default_factory=BoosterOptions)
    method: Method = Method.FOREST
    calibrator: Calibrator = Calibrator.BETA
    reviews_per_day: int = 100
    resamples: int = 200
    leak_accepted_by: str = ""
    tried: int = 1

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return self.booster.seed


@dataclass(frozen=True, slots=True)
class Trained:
    """The artifact, where the data was split, and what was found on the test rows.

    `metrics` are those of every model; `findings` the figures of the leak alarm; `segments` the
    champion's metrics by month and band of amounts. `held` are the rows it was calibrated on, with
    the scores (int64[n] in 10^-9) of the first fits, each of which has not learnt from those that
    it scored; `judged` are those by which others may be compared with it.
    """

    artifact: Artifact
    split: Split
    metrics: Mapping[str, tuple[Metric, ...]]
    findings: tuple[Finding, ...]
    segments: Mapping[str, Mapping[str, object]]
    held: JudgedRows
    held_scores: npt.NDArray[np.int64]
    judged: JudgedRows


def train(
    dataset: Dataset,
    *,
    kind: ArtifactKind,
    split_options: SplitOptions,
    options: TrainOptions,
    progress: Progress = lambda _step, _done, _total: None,
) -> Trained:
    """A calibrated artifact, fitted on the past and judged on the last rows.

    First fits, one a fold of the calibration, each end a label delay before it: what came of its
    rows says what such margins mean. The last fit, with the same options, learns from those rows as
    well and keeps the curve of them all. The figures are those of the artifact's own integer
    scores. Equal data and options give equal bytes.

    Raises:
        Refused: DATA_TOO_SMALL.
        Unfit: LEAK_SUSPECTED, unless `leak_accepted_by` says who looked; GATE_FAILED where the
            margins cannot be calibrated.
    """
    say = _by_step(progress)
    split = split_by_time(dataset, split_options)
    given = _given(dataset, split.last(dataset), split.test_start)
    test = judged_rows(dataset, split.test(dataset))

    say("each input alone")
    judge = test.vectors, test.labels, test.weights
    alone = most_telling(judge, given, seed=options.seed)
    findings = [feature_finding(dataset.names, alone, dataset.made_of)]
    raise_alarm(findings, accepted_by=options.leak_accepted_by)

    held = judged_rows(dataset, split.calibration(dataset), known_by=split.test_start)
    say("first fits, for the curve")
    first = _first_fits(dataset, split, held, options)
    say("last fit, which serves")
    draft = _last_fit(dataset, kind, given, first, options)
    scores = test.scores(draft)
    findings.append(model_finding(scores, test.labels, test.weights))
    raise_alarm(findings, accepted_by=options.leak_accepted_by)
    say("a fit on shuffled rows, for the leak alarm")
    findings.append(_gap(given, test, scores, options, split))
    raise_alarm(findings, accepted_by=options.leak_accepted_by)

    say("what it must be better than")
    rankings = {
        options.method.row: (scores, scores / SCORE_ONE),
        **_baselines(given, test, options),
    }
    say("figures with their intervals")
    metrics = _figures(test, rankings, options)
    say("figures by month and amount")
    segments = _segments(test, scores, options, has_months=split.order is Order.TIME)
    judged = to_keep(test, seed=options.seed)
    found = {
        "curve": first.parameters,
        "metrics": {name: as_table(each) for name, each in metrics.items()},
        "segments": segments,
        "leak": [finding.as_json() for finding in findings],
        "judged": judged.hash,
    }
    return Trained(
        artifact=Artifact(**_parts(draft), metadata=_metadata(dataset, split, options, found)),
        split=split,
        metrics=metrics,
        findings=tuple(findings),
        segments=segments,
        held=held,
        held_scores=np.rint(first.chances() * SCORE_ONE).astype(np.int64),
        judged=judged,
    )


def _by_step(progress: Progress) -> Callable[[str], None]:
    """Tells of a step of `STEPS`, with its place among them, as it begins."""

    def say(step: str) -> None:
        progress(f"{1 + STEPS.index(step)} of {len(STEPS)}: {step}", 0, 1)

    return say


def _segments(
    test: JudgedRows, scores: npt.NDArray[np.int64], options: TrainOptions, *, has_months: bool
) -> Mapping[str, Mapping[str, object]]:
    """The champion's metrics by month, where rows have a time, and band of amounts."""
    return by_segment(
        test,
        scores,
        has_months=has_months,
        score_one=SCORE_ONE,
        reviews_per_day=options.reviews_per_day,
        resamples=options.resamples,
        seed=options.seed,
    )


def _baselines(
    given: tuple[Float64s, Bools, Float64s], test: JudgedRows, options: TrainOptions
) -> dict[str, tuple[npt.NDArray[Any], Float64s | None]]:
    """What the model must be better than: rankings of the test rows; some come with probabilities.

    The single feature is the one that ranks the test rows themselves best, which nobody could know
    before: the most that one feature can do. A regression is not set beside itself.
    """
    found: dict[str, tuple[npt.NDArray[Any], Float64s | None]] = {}
    if options.method is not Method.LOGISTIC:
        chances = logistic(*given, seed=options.seed)(test.vectors)
        found[LOGISTIC] = chances, chances
    single, by_single = best_feature(test.vectors, test.labels, test.weights)
    found[f"only {test.names[single]}"] = by_single(test.vectors), None
    return found


def _figures(
    test: JudgedRows,
    rankings: Mapping[str, tuple[npt.NDArray[Any], Float64s | None]],
    options: TrainOptions,
) -> dict[str, tuple[Metric, ...]]:
    """The metrics of each ranking of the test rows; some come with probabilities."""
    return {
        name: test.figures(
            ranking,
            chances=chances,
            reviews_per_day=options.reviews_per_day,
            resamples=options.resamples,
            seed=options.seed,
        )
        for name, (ranking, chances) in rankings.items()
    }


@dataclass(frozen=True, slots=True)
class _FirstFits:
    """The margins of the calibration rows by fits before the last, and what they mean.

    They are at the natural prior: what resampling added to the log-odds is taken off.
    """

    margins: Float64s
    curve: Curve
    parameters: dict[str, float]

    def chances(self) -> Float64s:
        """Of the calibration rows."""
        return self.curve(self.margins)


def _given(dataset: Dataset, rows: Bools, known_by: int) -> tuple[Float64s, Bools, Float64s]:
    """Vectors, labels known by an instant, and weights."""
    return dataset.vectors[rows], dataset.labels(known_by)[rows], dataset.weights[rows]


def _first_fits(
    dataset: Dataset, split: Split, held: JudgedRows, options: TrainOptions
) -> _FirstFits:
    """The curve of fits each of which ends a label delay before the fold that it scores."""
    margins = np.empty(len(dataset))
    for start, before, fold in split.folds(dataset):
        fitted = fit(options.method, *_given(dataset, before, start), options.booster)
        margins[fold] = fitted.margins(dataset.vectors[fold]) + fitted.offset
    margins = margins[split.calibration(dataset)]
    curve, parameters = fit_curve(options.calibrator, margins, held.labels, held.weights)
    return _FirstFits(margins, curve, parameters)


def _last_fit(
    dataset: Dataset,
    kind: ArtifactKind,
    given: tuple[Float64s, Bools, Float64s],
    first: _FirstFits,
    options: TrainOptions,
) -> Artifact:
    """The artifact without its metadata."""
    fitted = fit(options.method, *given, options.booster)
    # What resampling did to the prior of these rows is in the margins, and so in the table's place.
    margins = np.rint((first.margins - fitted.offset) * float(1 << MARGIN_BITS)).astype(np.int64)
    return Artifact(
        kind=kind,
        input_names=dataset.names,
        set_hash=dataset.set_hash,
        plan_hash=dataset.plan_hash,
        body=fitted.body(),
        calibration=tabulate(lambda asked: first.curve(asked + fitted.offset), margins),
        metadata={},
    )


def _gap(
    given: tuple[Float64s, Bools, Float64s],
    test: JudgedRows,
    scores: npt.NDArray[np.int64],
    options: TrainOptions,
    split: Split,
) -> Finding:
    """How much better half of the test is ranked by a model that has seen the other half.

    Out of account the halves share no payer either: what a payer's own past says is no leak there,
    and is what the split keeps out. Rows without a time are shuffled as it is.
    """
    if split.order is Order.DRAWN:
        return gap_unknown()
    whose = np.arange(len(test)) if split.apart is None else test.groups
    other = half_of(whose, seed=options.seed)
    seen, unseen = test.of(~other), test.of(other)
    if min(seen.labels.sum(), unseen.labels.sum()) == 0:
        none = scores[:0]
        return gap_finding(
            none, none, test.labels[:0], test.weights[:0], groups=None, seed=options.seed
        )
    shuffled = fit(
        options.method,
        np.concatenate([given[0], seen.vectors]),
        np.concatenate([given[1], seen.labels]),
        np.concatenate([given[2], seen.weights]),
        options.booster,
    )
    ranked = shuffled.margins(unseen.vectors)
    return gap_finding(
        ranked,
        scores[other],
        unseen.labels,
        unseen.weights,
        groups=unseen.groups if len(unseen.groups) else None,
        seed=options.seed,
    )


def _parts(artifact: Artifact) -> dict[str, Any]:
    names = ("kind", "input_names", "set_hash", "plan_hash", "body", "calibration")
    return {name: getattr(artifact, name) for name in names}


def _metadata(
    dataset: Dataset, split: Split, options: TrainOptions, found: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "learner": options.method.row,
        "data": {
            "hash": dataset.hash,
            "rows": len(dataset),
            "left_out": dict(dataset.left_out),
            "log_cut": dataset.cut,
            "labels_as_of": dataset.labels_as_of if dataset.order is Order.TIME else None,
            "order": dataset.order.said,
            "label_delay": dataset.label_delay,
        },
        "split": split.as_json(),
        "options": asdict(options),
        "versions": {
            "imbalanced-learn": imblearn.__version__,
            "lightgbm": lightgbm.__version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
        **found,
    }
