"""Training: a boosted forest as champion, beside a logistic and a one-feature baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import imblearn
import lightgbm
import numpy as np
import numpy.typing as npt
import sklearn

from crivo.model.artifact import MARGIN_BITS, SCORE_ONE, Artifact, ArtifactKind
from crivo.model.baselines import best_feature, logistic
from crivo.model.booster import BoosterOptions, boosted, fit_booster
from crivo.model.calibrate import Calibrator, fit_curve, sigmoid_of, tabulate
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric
from crivo.model.forest import forest_of
from crivo.model.judged import JudgedRows, as_table, judged_rows, to_keep
from crivo.model.leak import Finding, feature_finding, gap_finding, model_finding, raise_alarm
from crivo.model.scorer import Scorer
from crivo.model.segments import by_segment
from crivo.model.split import Split, SplitOptions, split_by_time

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

CHAMPION: Final = "lightgbm"
LOGISTIC: Final = "logistic"


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What training may be told.

    `leak_accepted_by` names who looked at a suspected leak and found none. `tried` is how many
    configurations were compared before these were chosen, by whoever chose them.
    """

    booster: BoosterOptions = field(default_factory=BoosterOptions)
    calibrator: Calibrator = Calibrator.PLATT
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
    champion's metrics by month and band of amounts. `held` are the rows it was calibrated on, and
    `judged` those by which others may be compared with it.
    """

    artifact: Artifact
    split: Split
    metrics: Mapping[str, tuple[Metric, ...]]
    findings: tuple[Finding, ...]
    segments: Mapping[str, Mapping[str, object]]
    held: JudgedRows
    judged: JudgedRows


def train(
    dataset: Dataset,
    *,
    kind: ArtifactKind,
    split_options: SplitOptions,
    options: TrainOptions,
) -> Trained:
    """A calibrated artifact, fitted on the past, calibrated on later rows, judged on the last.

    The figures are those of the artifact's own integer scores. Equal data and options give equal
    bytes.

    Raises:
        Refused: DATA_TOO_SMALL.
        Unfit: LEAK_SUSPECTED, unless `leak_accepted_by` says who looked; GATE_FAILED where the
            margins cannot be calibrated.
    """
    split = split_by_time(dataset, split_options)
    rows = split.train(dataset)
    known = dataset.labels(split.calibration_start)[rows]
    given = dataset.vectors[rows], known, dataset.weights[rows]
    test = judged_rows(dataset, split.test(dataset))
    held = judged_rows(dataset, split.calibration(dataset))

    single, by_single = best_feature(*given)
    alone = by_single(test.vectors)
    findings = [feature_finding(dataset.names[single], alone, test.labels, test.weights)]
    raise_alarm(findings, accepted_by=options.leak_accepted_by)

    draft, curve = _fit(dataset, kind, given, held, options)
    scores = test.scores(draft)
    findings.append(model_finding(scores, test.labels, test.weights))
    raise_alarm(findings, accepted_by=options.leak_accepted_by)
    findings.append(_gap(given, test, scores, options))
    raise_alarm(findings, accepted_by=options.leak_accepted_by)

    chances = logistic(*given, seed=options.seed)(test.vectors)
    rankings = {
        CHAMPION: (scores, scores / SCORE_ONE),
        LOGISTIC: (chances, chances),
        f"only {dataset.names[single]}": (alone, None),
    }
    metrics = _figures(test, rankings, options)
    segments = by_segment(
        test,
        scores,
        score_one=SCORE_ONE,
        reviews_per_day=options.reviews_per_day,
        seed=options.seed,
    )
    judged = to_keep(test, seed=options.seed)
    found = {
        "curve": curve,
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
        judged=judged,
    )


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


def _fit(
    dataset: Dataset,
    kind: ArtifactKind,
    given: tuple[Float64s, Bools, Float64s],
    held: JudgedRows,
    options: TrainOptions,
) -> tuple[Artifact, dict[str, float]]:
    """The artifact without its metadata, and the parameters of its calibration."""
    booster, _ = fit_booster(*given, options.booster)
    identity: dict[str, Any] = {
        "kind": kind,
        "input_names": dataset.names,
        "set_hash": dataset.set_hash,
        "plan_hash": dataset.plan_hash,
        "forest": forest_of(booster),
        "metadata": {},
    }
    # Margins need no calibration; the scores of this first draft are not read.
    flat = tabulate(sigmoid_of(1.0, 0.0), np.zeros(1, np.int64))
    scorer = Scorer(Artifact(**identity, calibration=flat))
    margins, _ = scorer.score(held.vectors, plan_hash=dataset.plan_hash)
    # The curve is fitted at the natural prior, so that it takes in what resampling did to it.
    curve, parameters = fit_curve(
        options.calibrator, margins / float(1 << MARGIN_BITS), held.labels, held.weights
    )
    return Artifact(**identity, calibration=tabulate(curve, margins)), parameters


def _gap(
    given: tuple[Float64s, Bools, Float64s],
    test: JudgedRows,
    scores: npt.NDArray[np.int64],
    options: TrainOptions,
) -> Finding:
    """How much better half of the test is ranked by a model that has seen the other half."""
    other = np.random.default_rng(options.seed).random(len(test)) < 0.5
    seen, unseen = test.of(~other), test.of(other)
    if min(seen.labels.sum(), unseen.labels.sum()) == 0:
        return gap_finding(scores[:0], scores[:0], test.labels[:0], test.weights[:0], seed=0)
    shuffled = boosted(
        np.concatenate([given[0], seen.vectors]),
        np.concatenate([given[1], seen.labels]),
        np.concatenate([given[2], seen.weights]),
        options.booster,
    )
    ranked = shuffled(unseen.vectors)
    return gap_finding(ranked, scores[other], unseen.labels, unseen.weights, seed=options.seed)


def _parts(artifact: Artifact) -> dict[str, Any]:
    names = ("kind", "input_names", "set_hash", "plan_hash", "forest", "calibration")
    return {name: getattr(artifact, name) for name in names}


def _metadata(
    dataset: Dataset, split: Split, options: TrainOptions, found: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "learner": CHAMPION,
        "data": {
            "hash": dataset.hash,
            "rows": len(dataset),
            "left_out": dict(dataset.left_out),
            "log_cut": dataset.cut,
            "labels_as_of": dataset.labels_as_of,
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
