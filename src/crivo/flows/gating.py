"""Gating: what is measured of a model before it may serve, on the rows that it was judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import parse_rfc3339
from crivo.governance.gates import Figures
from crivo.model.alone import most_telling
from crivo.model.artifact import SCORE_ONE, Artifact, ArtifactKind, Forest
from crivo.model.evaluate import Metric, precision_gain
from crivo.model.judged import JudgedRows, load_judged
from crivo.model.leak import Finding, Sign, feature_finding, model_finding
from crivo.model.network import Network
from crivo.model.order import Order
from crivo.model.scorer import Scorer
from crivo.model.shapley import longest_path

#: Rows that are scored one by one to learn how long one takes, after as many that are not timed.
TIMED_ROWS: Final = 2_000

#: Draws of the bootstrap by which the gates' intervals are made.
RESAMPLES: Final = 200

#: Nanoseconds of a clock that never goes back.
Clock = Callable[[], int]


def judged_of(judged_folder: Path, model: Artifact | Network) -> JudgedRows:
    """The rows that the model was judged by.

    Raises:
        Unavailable: NOT_FOUND. Misconfigured: ARTIFACT_INVALID, also for an artifact of a release
            that kept none.
    """
    named = model.metadata.get("judged")
    if not isinstance(named, str):
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            "the model does not say by which rows it was judged",
            hint="Train it again with this release.",
            field="judged",
            expected="a hash",
            found=str(named),
        )
    return load_judged(judged_folder, named)


def order_of(model: Artifact | Network) -> Order:
    """By what the rows that it learnt from were split; models from before it was told: by time."""
    return Order(model.metadata.get("split", {}).get("order", Order.TIME))


def last_judged(models: Sequence[Artifact | Network]) -> Artifact | Network:
    """The model whose test began last; whether that has taught another, `have_not_learnt` says."""

    def test_start(model: Artifact | Network) -> int:
        found: str | int = model.metadata.get("split", {}).get("test_start", 0)
        return parse_rfc3339(found) if isinstance(found, str) else found

    return max(models, key=test_start)


def rows_to_compare(
    judged_folder: Path, artifact: Artifact, champion: Artifact | None
) -> JudgedRows:
    """The rows by which an artifact is set beside the champion, those of the test that began last.

    Where the champion reads other inputs they are the artifact's own.

    Raises:
        Unavailable, Misconfigured: as `judged_of`.
    """
    if champion is not None and champion.input_names == artifact.input_names:
        return judged_of(judged_folder, last_judged([artifact, champion]))
    return judged_of(judged_folder, artifact)


def figures_of(
    artifact: Artifact,
    champion: Artifact | None,
    judged: JudgedRows,
    *,
    beside: JudgedRows,
    plan_expected: str,
    size_bytes: int,
    clock: Clock,
    made_of: Mapping[str, tuple[str, ...]],
) -> Figures:
    """What the gates ask for, measured on this machine.

    Args:
        artifact: Who wants to serve.
        champion: Who serves; None where nobody does, or where it is the same.
        judged: Rows that `artifact` has not learnt from.
        beside: The rows of `rows_to_compare`; nothing is compared where they may have taught one.
        plan_expected: The plan that is served; empty for a model of rows.
        size_bytes: Of the artifact's folder.
        clock: Of the machine.
        made_of: The columns or fields that inputs are made of, where that is known.
    """
    scores = judged.scores(artifact)
    chances = scores / SCORE_ONE
    metrics = judged.figures(scores, chances=chances, reviews_per_day=1, resamples=RESAMPLES)
    named = {metric.name: metric for metric in metrics}
    return Figures(
        plan_expected=plan_expected,
        plan_found=artifact.plan_hash,
        inputs_unlike=_unlike(artifact, champion),
        size_bytes=size_bytes,
        one_row_us=one_row_us(artifact, judged, clock),
        leaks=_leaks(artifact, judged, scores, made_of),
        path_inputs=longest_path(artifact.body) if isinstance(artifact.body, Forest) else 0,
        calibration_error=named["calibration_error"],
        calibration_ratio=named["expected_over_observed"],
        baseline_gain=_baseline_gain(artifact.metadata),
        champion_gain=None if champion is None else _gain(artifact, champion, beside),
    )


def one_row_us(artifact: Artifact, judged: JudgedRows, clock: Clock) -> float:
    """Microseconds that the median row takes when it is scored alone."""
    scorer = Scorer(artifact)
    places = [place % len(judged) for place in range(2 * TIMED_ROWS)]
    taken = []
    for place in places:
        vector = judged.vectors[place]
        begun = clock()
        scorer.score_one(vector, plan_hash=artifact.plan_hash)
        taken.append(clock() - begun)
    return float(np.median(taken[TIMED_ROWS:])) / 1_000


def compared(
    models: Sequence[Artifact | Network],
    judged: JudgedRows,
    *,
    reviews_per_day: int,
    resamples: int,
) -> list[tuple[Metric, ...]]:
    """The metrics of several models on the same rows.

    Raises:
        Misconfigured: PLAN_MISMATCH where the rows lack an input of one.
    """
    scores = [judged.scores(model) for model in models]
    return [
        judged.figures(
            each, chances=each / SCORE_ONE, reviews_per_day=reviews_per_day, resamples=resamples
        )
        for each in scores
    ]


def _leaks(
    artifact: Artifact, judged: JudgedRows, scores: Any, made_of: Mapping[str, tuple[str, ...]]
) -> tuple[Finding, ...]:
    """The alarm's figures on these rows, and what training has found.

    Training had other rows for a tree of one input to learn from, and for the gap; here the other
    ways that an input ranks in are measured again.
    """
    told = (each for each in artifact.metadata["leak"] if each["sign"] != Sign.MODEL)
    alone = most_telling((judged.vectors, judged.labels, judged.weights))
    return (
        model_finding(scores, judged.labels, judged.weights),
        feature_finding(judged.names, alone, made_of),
        *(_finding(each) for each in told),
    )


def _finding(told: Mapping[str, Any]) -> Finding:
    found = np.nan if told["found"] is None else told["found"]
    why = told.get("undecidable", "")
    made_of = tuple(told.get("made_of", ()))
    low, high = told.get("low"), told.get("high")
    return Finding(Sign(told["sign"]), told["who"], found, told["limit"], low, why, made_of, high)


def _baseline_gain(told: Mapping[str, Any]) -> float:
    """By how much the model's average precision lies above the best of the others'."""
    values = {name: found["average_precision"][0] for name, found in told["metrics"].items()}
    own = values.pop(told["learner"])
    others = [value for value in values.values() if value is not None]
    return np.nan if own is None else own - max(others, default=0.0)


def _unlike(artifact: Artifact, champion: Artifact | None) -> tuple[str, ...]:
    """The inputs that one asks for and the other does not, where both are asked by `/predict`."""
    rows = ArtifactKind.ROWS
    if champion is None or (artifact.kind, champion.kind) != (rows, rows):
        return ()
    return tuple(sorted(set(artifact.input_names) ^ set(champion.input_names)))


def _gain(artifact: Artifact, champion: Artifact, judged: JudgedRows) -> Metric:
    """By how much one ranks these rows better; NaN where they lack an input of either, or where one
    of the two may have learnt from them.
    """
    lacks = (set(artifact.input_names) | set(champion.input_names)) - set(judged.names)
    if lacks or not have_not_learnt(artifact, champion):
        return Metric("average_precision_gain", np.nan, np.nan, np.nan)
    return precision_gain(
        judged.scores(artifact),
        judged.scores(champion),
        judged.labels,
        judged.weights,
        groups=judged.groups if len(judged.groups) else None,
        resamples=RESAMPLES,
    )


def have_not_learnt(one: Artifact | Network, other: Artifact | Network) -> bool:
    """Whether rows that judged the one whose test began last have taught neither of the two.

    Only instants mean the same in two tables. Places in a file do not, and rows that are drawn are
    dealt anew: a row may be a test in one table, and one that is learnt from in the other.
    """
    if {order_of(one), order_of(other)} == {Order.TIME}:
        return True
    return bool(one.metadata["data"]["hash"] == other.metadata["data"]["hash"])
