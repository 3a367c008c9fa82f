"""Gates: what a model must hold before it may serve, by `policy/gates.toml`.

Nothing is measured here. Each gate compares one figure with one limit and says both, whether it
holds or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from crivo.decision.policy import Key, Kind, parse_policy
from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import brasilia_day
from crivo.model.leak import Finding
from crivo.model.shapley import PATH_INPUTS_MAX

GATES_FILE: Final = "gates.toml"

#: Of inputs that differ so many are named.
_INPUTS_SHOWN: Final = 10

_LOSS: Final = "champion.average_precision.loss.max"
_GAIN: Final = "baseline.average_precision.gain.min"
_ERROR: Final = "calibration.error.max"
_RATIO_MIN: Final = "calibration.ratio.min"
_RATIO_MAX: Final = "calibration.ratio.max"
_LATENCY: Final = "latency.one_row_us.max"
_SIZE: Final = "size.bytes.max"
_KEYS: Final = (
    *(Key(name, Kind.NUMBER) for name in (_LOSS, _GAIN, _ERROR, _RATIO_MIN, _RATIO_MAX)),
    *(Key(name, Kind.COUNT) for name in (_LATENCY, _SIZE)),
)


class Gate(StrEnum):
    """What is looked at."""

    SIGNATURE = "signature"
    SIZE = "size"
    LATENCY = "latency"
    REASONS = "reasons"
    LEAK = "leak"
    CALIBRATION = "calibration"
    BASELINE = "baseline"
    CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force; latency in microseconds, size in bytes."""

    champion_loss_max: float
    baseline_gain_min: float
    calibration_error_max: float
    calibration_ratio_min: float
    calibration_ratio_max: float
    one_row_us_max: float
    size_bytes_max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of a model on the rows that it was judged by.

    `plan_expected` and `plan_found` are plan hashes, empty for a model of rows. `inputs_unlike` are
    the inputs that either a model of rows or the champion that it would follow asks for, and not
    the other: who asks `/predict` sends the champion's, neither more nor fewer.
    `calibration_ratio` is frauds expected over frauds observed. `path_inputs` is the most inputs
    that the way to a leaf of its forest asks, 0 for a regression. `baseline_gain` is the average
    precision less the best baseline's, both of the whole test. `champion_precision` is of the same
    rows as `precision`, None where no champion serves, and NaN where it cannot be asked about them.
    """

    plan_expected: str
    plan_found: str
    inputs_unlike: tuple[str, ...]
    size_bytes: int
    one_row_us: float
    path_inputs: int
    leaks: tuple[Finding, ...]
    calibration_error: float
    calibration_ratio: float
    baseline_gain: float
    precision: float
    champion_precision: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One gate: which figure of it, what was required, what was found, whether it holds.

    `accepted_by` names who let it pass although it did not hold.
    """

    gate: Gate
    figure: str
    required: str
    found: str
    holds: bool
    accepted_by: str = ""

    @property
    def passes(self) -> bool:
        """It holds, or somebody answers for it by name."""
        return self.holds or bool(self.accepted_by)

    def as_json(self) -> dict[str, Any]:
        """For the card, the tracker and people."""
        names = ("figure", "required", "found", "holds", "accepted_by")
        return {"gate": self.gate.value, **{name: getattr(self, name) for name in names}}


def parse_limits(text: str, *, at: int) -> Limits:
    """The limits of `policy/gates.toml` in force at an instant.

    Raises:
        Misconfigured: POLICY_INVALID.
    """
    file = parse_policy(text, _KEYS, file=GATES_FILE)
    day = brasilia_day(at)

    def value(key: str) -> float:
        found = file.value(key, day)
        assert isinstance(found, int | float)
        return float(found)

    return Limits(
        champion_loss_max=value(_LOSS),
        baseline_gain_min=value(_GAIN),
        calibration_error_max=value(_ERROR),
        calibration_ratio_min=value(_RATIO_MIN),
        calibration_ratio_max=value(_RATIO_MAX),
        one_row_us_max=value(_LATENCY),
        size_bytes_max=value(_SIZE),
    )


def judge(
    figures: Figures, limits: Limits, *, leak_accepted_by: str = "", unlike_accepted_by: str = ""
) -> tuple[Judgement, ...]:
    """Every gate's judgement, those that cost least to mend first.

    `leak_accepted_by` names who looked at a suspected leak, `unlike_accepted_by` who promotes a
    model that the champion cannot be compared with.
    """
    found = [
        Judgement(
            Gate.SIGNATURE,
            "the plan whose vectors it reads",
            figures.plan_expected or "none: plain rows",
            figures.plan_found or "none: plain rows",
            figures.plan_expected == figures.plan_found,
        ),
        *_as_callers_ask(figures, unlike_accepted_by),
        _at_most(Gate.SIZE, "bytes", figures.size_bytes, limits.size_bytes_max),
        _at_most(Gate.LATENCY, "one row, p50 in µs", figures.one_row_us, limits.one_row_us_max),
        # No policy: beyond it no decision of the model could be explained.
        _at_most(
            Gate.REASONS,
            "inputs on the way to a leaf",
            figures.path_inputs,
            PATH_INPUTS_MAX,
        ),
        *(_no_leak(finding, leak_accepted_by) for finding in figures.leaks),
        _at_most(
            Gate.CALIBRATION,
            "calibration error",
            figures.calibration_error,
            limits.calibration_error_max,
        ),
        Judgement(
            Gate.CALIBRATION,
            "frauds expected over frauds observed",
            f"{limits.calibration_ratio_min:g} to {limits.calibration_ratio_max:g}",
            _shown(figures.calibration_ratio),
            limits.calibration_ratio_min
            <= figures.calibration_ratio
            <= limits.calibration_ratio_max,
        ),
        # A tie is no gain: what knows nothing ties with a feature that tells nothing.
        Judgement(
            Gate.BASELINE,
            "average precision less the best baseline's",
            f"above {_shown(limits.baseline_gain_min)}",
            _shown(figures.baseline_gain),
            figures.baseline_gain > limits.baseline_gain_min,
        ),
    ]
    if figures.champion_precision is not None:
        found.append(_against(figures, figures.champion_precision, limits, unlike_accepted_by))
    return tuple(found)


def raise_unless_passed(judgements: Sequence[Judgement]) -> None:
    """Nothing, where every gate passes.

    Raises:
        Unfit: LEAK_SUSPECTED or GATE_FAILED for the first that does not; its message names all, and
            its hint what to do about each.
    """
    failed = [each for each in judgements if not each.passes]
    if not failed:
        return
    first = failed[0]
    said = "; ".join(
        f"{each.gate.value} ({each.figure}): required {each.required}, found {each.found}"
        for each in failed
    )
    raise Unfit(
        Code.LEAK_SUSPECTED if first.gate is Gate.LEAK else Code.GATE_FAILED,
        f"the model does not pass {len(failed)} of {len(judgements)} gates: {said}",
        hint=" ".join(dict.fromkeys(_HINTS[each.gate] for each in failed)),
        gate=first.gate.value,
        field=first.figure,
        expected=first.required,
        found=first.found,
    )


def said_of(judgements: Sequence[Judgement]) -> str:
    """What happened in a few words: `passed`, or which gates did not hold and who waived them."""
    waived = [
        f"{each.gate.value} ({each.figure}: {each.found}) by {each.accepted_by or 'nobody'}"
        for each in judgements
        if not each.holds
    ]
    return f"waived: {'; '.join(waived)}" if waived else "passed"


#: What it means for who uses the scores that a gate does not hold.
FOLLOWS: Final = {
    Gate.SIGNATURE: "It reads other features than are served, and cannot decide; or rows of other "
    "inputs than callers of `/predict` send, and refuses them.",
    Gate.SIZE: "It takes more room, and more time to load, than this house allows.",
    Gate.LATENCY: "Each decision waits longer for it than this house allows.",
    Gate.REASONS: "Its reasons cannot tell all of its inputs apart.",
    Gate.LEAK: "Figures this good may come of a column that holds the answer: do not believe them "
    "before somebody has looked.",
    Gate.CALIBRATION: "Its scores rank transfers, and are no probabilities yet: a threshold of the "
    "policy catches more, or fewer, than it says.",
    Gate.BASELINE: "Something simpler ranks these rows as well: it has not shown its worth.",
    Gate.CHAMPION: "The model that serves ranks these rows better.",
}

_HINTS: Final = {
    Gate.SIGNATURE: "Train with the features that are served, or the inputs that callers send; "
    "where these change with the model, --unlike-champion YOUR_NAME says who answers for it.",
    Gate.SIZE: "Train fewer or smaller trees.",
    Gate.LATENCY: "Train fewer trees, or promote on a machine that is not busy.",
    Gate.REASONS: "Train with fewer leaves a tree: contributions tell no more inputs apart.",
    Gate.LEAK: "Look for a column that is written after the fact; where there is none, "
    "--allow-leak YOUR_NAME says who looked.",
    Gate.CALIBRATION: "Calibrate on later rows.",
    Gate.BASELINE: "The simpler model is better here: serve no other.",
    Gate.CHAMPION: "The champion stays; where it reads other inputs and cannot be compared, "
    "--unlike-champion YOUR_NAME says who answers for it.",
}


def _as_callers_ask(figures: Figures, unlike_accepted_by: str) -> list[Judgement]:
    """Of a model of rows, that its inputs are the champion's; of another its plan says all."""
    if figures.plan_found:
        return []
    unlike = figures.inputs_unlike
    shown = ", ".join(unlike[:_INPUTS_SHOWN])
    return [
        Judgement(
            Gate.SIGNATURE,
            "inputs that it or the champion asks for, and not both",
            "none",
            f"{len(unlike)}: {shown}" if unlike else "none",
            not unlike,
            unlike_accepted_by.strip() if unlike else "",
        )
    ]


def _no_leak(finding: Finding, accepted_by: str) -> Judgement:
    return Judgement(
        Gate.LEAK,
        f"{finding.sign.value.replace('_', ' ')} of {finding.about}",
        finding.required,
        finding.shown,
        not finding.suspicious,
        accepted_by.strip() if finding.suspicious else "",
    )


def _against(
    figures: Figures, champion: float, limits: Limits, unlike_accepted_by: str
) -> Judgement:
    if math.isnan(champion):
        return Judgement(
            Gate.CHAMPION,
            "average precision beside the champion's on the same rows",
            "a champion whose inputs are among the rows'",
            "a champion of other inputs",
            False,
            unlike_accepted_by.strip(),
        )
    gain, least = figures.precision - champion, -limits.champion_loss_max
    return Judgement(
        Gate.CHAMPION,
        "average precision less the champion's on the same rows",
        f"at least {_shown(least)}",
        _shown(gain),
        gain >= least,
    )


def _at_most(gate: Gate, figure: str, found: float, limit: float) -> Judgement:
    return Judgement(gate, figure, f"at most {_shown(limit)}", _shown(found), found <= limit)


def _shown(value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
