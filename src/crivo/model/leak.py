"""The leak alarm: figures too good to be true stop a run until a person overrides it by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Unfit
from crivo.model.alone import Alone
from crivo.model.evaluate import average_precision, precision_gain

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: Nobody ranks fraud this well below 1 % prevalence without having seen the answer.
PREVALENCE_MAX: Final = 0.01
MODEL_PRECISION_MAX: Final = 0.97
FEATURE_PRECISION_MAX: Final = 0.9
#: What shuffled rows may add to the average precision of rows split by time.
GAP_MAX: Final = 0.1
#: Of fewer positives a gap is mostly chance: whether there is one cannot be decided then.
GAP_POSITIVES_MIN: Final = 20


class Sign(StrEnum):
    """What looks like a leak."""

    MODEL = "model_average_precision"
    FEATURE = "feature_average_precision"
    GAP = "random_minus_temporal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of the alarm beside its limit; `who` is what the figure is about, and `made_of`
    the columns or fields that this is made of, where that is known.

    `undecidable` says why there is no figure, which is NaN then and no suspicion; else it is empty.
    `low` and `high`, where they are given, are the ends of the figure's 95 % interval.
    """

    sign: Sign
    who: str
    found: float
    limit: float
    low: float | None = None
    undecidable: str = ""
    made_of: tuple[str, ...] = ()
    high: float | None = None

    @property
    def undecided(self) -> bool:
        """Whether these rows cannot say if a gap is beyond its limit; no other figure is so: what
        the model's own may be is asked below a prevalence alone.
        """
        if self.sign is not Sign.GAP or self.suspicious:
            return False
        return bool(self.undecidable) or (self.high is not None and self.high > self.limit)

    @property
    def about(self) -> str:
        """Who, and made of what."""
        return f"{self.who}, made of {', '.join(self.made_of)}" if self.made_of else self.who

    @property
    def suspicious(self) -> bool:
        """Whether the figure is beyond its limit."""
        return self.found > self.limit

    @property
    def required(self) -> str:
        """What the figure must hold."""
        return f"not above {self.limit:g}"

    @property
    def shown(self) -> str:
        """What was found, for people."""
        if self.undecidable:
            return f"undecidable: {self.undecidable}"
        if self.low is None or self.high is None:
            return f"{self.found:.4g}"
        return f"{self.found:.4g} ({self.low:.4g} to {self.high:.4g})"

    def as_json(self) -> dict[str, Any]:
        """For the manifest; what could not be measured is null."""
        found = float(self.found) if np.isfinite(self.found) else None
        return {
            "sign": self.sign.value,
            "who": self.who,
            "found": found,
            "limit": self.limit,
            "low": None if self.low is None else float(self.low),
            "high": None if self.high is None else float(self.high),
            "undecidable": self.undecidable,
            "made_of": list(self.made_of),
        }


def model_finding(scores: npt.ArrayLike, labels: Bools, weights: Float64s) -> Finding:
    """The model's average precision on rows that it has not seen, where below 1 % are frauds."""
    who = "the model"
    prevalence = float(weights[labels].sum() / weights.sum()) if len(labels) else 1.0
    if prevalence >= PREVALENCE_MAX:
        why = f"frauds are not below {PREVALENCE_MAX:.0%}"
        return Finding(Sign.MODEL, who, math.nan, MODEL_PRECISION_MAX, undecidable=why)
    found = average_precision(scores, labels, weights)
    return Finding(Sign.MODEL, who, found, MODEL_PRECISION_MAX)


def feature_finding(
    names: Sequence[str], alone: Alone, made_of: Mapping[str, tuple[str, ...]]
) -> Finding:
    """The average precision of the most telling input alone, whatever the prevalence.

    `made_of` says of inputs which columns or fields they are made of.
    """
    name = names[alone.index]
    return Finding(
        Sign.FEATURE,
        f"the feature {name} alone ({alone.way.value})",
        alone.average_precision,
        FEATURE_PRECISION_MAX,
        made_of=made_of.get(name, ()),
    )


def gap_finding(
    shuffled: npt.ArrayLike,
    temporal: npt.ArrayLike,
    labels: Bools,
    weights: Float64s,
    *,
    groups: npt.NDArray[np.int64] | None,
    seed: int,
) -> Finding:
    """How much better the rows are ranked by a model that was fitted on their own time.

    Both rankings are of the same rows, so that prevalence is equal. With fewer than 20 positives
    it is undecidable. Its 95 % bootstrap interval stands beside it, which draws whole `groups`
    (payers), int64[n], or single rows where these are None.
    """
    who = "a model fitted on shuffled rows"
    positives = int(labels.sum())
    if positives < GAP_POSITIVES_MIN:
        why = f"{positives} frauds to tell by, where {GAP_POSITIVES_MIN} are needed"
        return Finding(Sign.GAP, who, math.nan, GAP_MAX, undecidable=why)
    gap = precision_gain(shuffled, temporal, labels, weights, groups=groups, seed=seed)
    return Finding(Sign.GAP, who, gap.value, GAP_MAX, low=gap.low, high=gap.high)


def gap_unknown() -> Finding:
    """Of rows without a time: shuffled is all that they can be."""
    why = "not known, as the rows have no time: no split by time was possible"
    return Finding(Sign.GAP, "a model fitted on shuffled rows", math.nan, GAP_MAX, undecidable=why)


def raise_alarm(findings: Iterable[Finding], *, accepted_by: str) -> None:
    """Nothing, where no figure is suspicious or somebody who looked is named: blanks name nobody.

    Raises:
        Unfit: LEAK_SUSPECTED for the first suspicious figure.
    """
    if accepted_by.strip():
        return
    for finding in findings:
        if finding.suspicious:
            raise Unfit(
                Code.LEAK_SUSPECTED,
                f"{finding.about}: it ranks the test rows as if it had seen the labels",
                hint="Look for a column that is written after the fact, and, where a feature "
                "counts earlier reports, whether they were known as soon as the table says "
                "(`known_at`, `known_after_days`); where there is neither, "
                "`crivo train --allow-leak YOUR_NAME` says who looked.",
                field=finding.sign.value,
                expected=finding.required,
                found=round(finding.found, 4),
                **({} if finding.low is None else {"low": round(finding.low, 4)}),
                **({"made_of": list(finding.made_of)} if finding.made_of else {}),
            )
