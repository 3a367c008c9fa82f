"""The rows that a model was judged by, with its scores: what curves of it are drawn of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Unavailable
from crivo.model.artifact import SCORE_ONE, Artifact
from crivo.model.judged import load_judged

#: Thresholds between the least and the greatest score, equally far apart in logarithms.
THRESHOLDS: Final = 64

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JudgedScores:
    """n rows that a model has not learnt from.

    `chances` and `weights` are float64[n], `labels` bool[n].
    """

    chances: Floats
    labels: npt.NDArray[np.bool_]
    weights: Floats


@dataclass(frozen=True, slots=True)
class ThresholdCurves:
    """Shares at each threshold, float64[THRESHOLDS] each, the thresholds rising.

    Of what scores at least the threshold: `recall` of all frauds, `precision` (NaN where nothing
    does), `load` of all rows.
    """

    thresholds: Floats
    recall: Floats
    precision: Floats
    load: Floats


def judged_scores(judged_folder: Path, artifact: Artifact) -> JudgedScores | None:
    """The scores of the rows that an artifact was judged by; None where they are not here.

    Raises:
        Misconfigured: ARTIFACT_INVALID where a byte is not what was kept.
    """
    named = artifact.metadata.get("judged")
    if not isinstance(named, str):
        return None
    try:
        rows = load_judged(judged_folder, named)
    except Unavailable as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return None
    if not rows.labels.any():
        return None
    return JudgedScores(rows.scores(artifact) / SCORE_ONE, rows.labels, rows.weights)


def threshold_curves(judged: JudgedScores) -> ThresholdCurves:
    """What would be above each threshold."""
    order = np.argsort(judged.chances, kind="stable")
    chances, weights = judged.chances[order], judged.weights[order]
    frauds = weights * judged.labels[order]
    least = max(float(chances[0]), 1.0 / SCORE_ONE)
    thresholds = np.geomspace(least, max(float(chances[-1]), least), THRESHOLDS)
    # The ends are scores themselves, whatever rounding makes of them.
    thresholds[0], thresholds[-1] = chances[0], chances[-1]
    places = np.searchsorted(chances, thresholds, side="left")
    every = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
    caught = np.append(np.cumsum(frauds[::-1])[::-1], 0.0)
    above, true = every[places], caught[places]
    precision = np.divide(true, above, out=np.full(THRESHOLDS, np.nan), where=above > 0)
    return ThresholdCurves(thresholds, true / caught[0], precision, above / every[0])
