"""Gates: what a model must hold before it may serve, by `policy/gates.toml`.

Nothing is measured here. Each gate compares one figure with one limit and says both, whether it
holds or not. A figure whose 95 % interval reaches across its limit is undecided: these rows cannot
say. The policy says whether that lets a model pass, and the gate names the policy then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from crivo.domain.errors import Code, Unfit
from crivo.governance.gate_limits import (
    GATES_FILE,
    UNDECIDED_CALIBRATION,
    UNDECIDED_GAIN,
    UNDECIDED_LEAK,
    Limits,
)
from crivo.model.evaluate import Metric
from crivo.model.leak import Finding
from crivo.model.shapley import PATH_INPUTS_MAX

#: Of inputs that differ so many are named.
_INPUTS_SHOWN: Final = 10


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


class Verdict(StrEnum):
    """What the rows say of a figure and its limit."""

    HOLDS = "holds"
    UNDECIDED = "undecided"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of a model on the rows that it was judged by.

    `plan_expected` and `plan_found` are plan hashes, empty for a model of rows. `inputs_unlike` are
    the inputs that either a model of rows or the champion that it would follow asks for, and not
    the other: who asks `/predict` sends the champion's, neither more nor fewer.
    `calibration_ratio` is frauds expected over frauds observed. `path_inputs` is the most inputs
    that the way to a leaf of its forest asks, 0 for a regression. `baseline_gain` is the average
    precision less the best baseline's, both of the whole test. `champion_gain` is the average
    precision less the champion's, of the same rows: None where no champion serves, and NaN where it
    cannot be asked about them.
    """

    plan_expected: str
    plan_found: str
    inputs_unlike: tuple[str, ...]
    size_bytes: int
    one_row_us: float
    path_inputs: int
    leaks: tuple[Finding, ...]
    calibration_error: Metric
    calibration_ratio: Metric
    baseline_gain: float
    champion_gain: Metric | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One gate: which figure of it, what was required, what was found, and the verdict.

    `accepted_by` names who let it pass although it did not hold: somebody, or the policy's entry
    for what is undecided. `undecidable` says why there is no figure, where there is none.
    """

    gate: Gate
    figure: str
    required: str
    found: str
    verdict: Verdict
    accepted_by: str = ""
    undecidable: str = ""

    @property
    def holds(self) -> bool:
        """The rows say that the figure keeps to its limit."""
        return self.verdict is Verdict.HOLDS

    @property
    def said(self) -> str:
        """`holds`; or what else, and who let it pass."""
        if self.holds:
            return self.verdict.value
        return f"{self.verdict.value}, accepted by {self.accepted_by or 'nobody'}"

    @property
    def passes(self) -> bool:
        """It holds, or somebody answers for it by name."""
        return self.holds or bool(self.accepted_by)

    def as_json(self) -> dict[str, Any]:
        """For the card, the tracker and people."""
        names = ("figure", "required", "found", "holds", "accepted_by")
        return {
            "gate": self.gate.value,
            **{name: getattr(self, name) for name in names},
            "verdict": self.verdict.value,
        }


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
            _decided(figures.plan_expected == figures.plan_found),
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
        *(_no_leak(finding, limits, leak_accepted_by) for finding in figures.leaks),
        _calibrated(
            "calibration error",
            figures.calibration_error,
            (-math.inf, limits.calibration_error_max),
            f"at most {_shown(limits.calibration_error_max)}",
            limits,
        ),
        _calibrated(
            "frauds expected over frauds observed",
            figures.calibration_ratio,
            (limits.calibration_ratio_min, limits.calibration_ratio_max),
            f"{limits.calibration_ratio_min:g} to {limits.calibration_ratio_max:g}",
            limits,
        ),
        # A tie is no gain: what knows nothing ties with a feature that tells nothing.
        Judgement(
            Gate.BASELINE,
            "average precision less the best baseline's",
            f"above {_shown(limits.baseline_gain_min)}",
            _shown(figures.baseline_gain),
            _decided(figures.baseline_gain > limits.baseline_gain_min),
        ),
    ]
    if figures.champion_gain is not None:
        found.append(_against(figures.champion_gain, limits, unlike_accepted_by))
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
        f"{each.gate.value} ({each.figure}) {each.verdict.value}: "
        f"required {each.required}, found {each.found}"
        for each in failed
    )
    raise Unfit(
        Code.LEAK_SUSPECTED if first.gate is Gate.LEAK else Code.GATE_FAILED,
        f"the model does not pass {len(failed)} of {len(judgements)} gates: {said}",
        hint=" ".join(dict.fromkeys(_HINTS[each.gate] for each in failed)),
        gate=first.gate.value,
        verdict=first.verdict.value,
        field=first.figure,
        expected=first.required,
        found=first.found,
    )


def said_of(judgements: Sequence[Judgement]) -> str:
    """What happened in a few words: `passed`, or which gates did not hold and who waived them."""
    waived = [
        f"{each.gate.value} ({each.figure}: {each.found}"
        + (", undecided)" if each.verdict is Verdict.UNDECIDED else ")")
        + f" by {each.accepted_by or 'nobody'}"
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
            _decided(not unlike),
            unlike_accepted_by.strip() if unlike else "",
        )
    ]


def _no_leak(finding: Finding, limits: Limits, accepted_by: str) -> Judgement:
    verdict, by = _decided(not finding.suspicious), accepted_by.strip()
    if finding.undecided:
        verdict = Verdict.UNDECIDED
        by = by or (_policy(UNDECIDED_LEAK) if limits.undecided_leak_passes else "")
    return Judgement(
        Gate.LEAK,
        f"{finding.sign.value.replace('_', ' ')} of {finding.about}",
        finding.required,
        finding.shown,
        verdict,
        "" if verdict is Verdict.HOLDS else by,
        finding.undecidable if verdict is Verdict.UNDECIDED else "",
    )


def _calibrated(
    figure: str, found: Metric, bounds: tuple[float, float], required: str, limits: Limits
) -> Judgement:
    verdict = _verdict(found, *bounds)
    is_within = bounds[0] <= found.value <= bounds[1]
    lets = verdict is Verdict.UNDECIDED and is_within and limits.undecided_calibration_passes
    by = _policy(UNDECIDED_CALIBRATION) if lets else ""
    return Judgement(Gate.CALIBRATION, figure, required, _with_interval(found), verdict, by)


def _against(gain: Metric, limits: Limits, unlike_accepted_by: str) -> Judgement:
    if math.isnan(gain.value):
        return Judgement(
            Gate.CHAMPION,
            "average precision beside the champion's on the same rows",
            "a champion that these rows can judge: their inputs, and rows that taught neither",
            "a champion of other inputs, or rows that may have taught it",
            Verdict.FAILS,
            unlike_accepted_by.strip(),
        )
    least = -limits.champion_loss_max
    verdict, required = _verdict(gain, least, math.inf), f"at least {_shown(least)}"
    lets = False
    if verdict is Verdict.UNDECIDED:
        # A loss that is allowed must be shown to be no greater: what cannot be must be no loss.
        required += f", and undecided at least {_shown(limits.undecided_gain_min)}"
        lets = gain.value >= max(least, limits.undecided_gain_min)
    return Judgement(
        Gate.CHAMPION,
        "average precision less the champion's on the same rows",
        required,
        _with_interval(gain),
        verdict,
        _policy(UNDECIDED_GAIN) if lets else "",
    )


def _verdict(found: Metric, least: float, most: float) -> Verdict:
    """Whether all of the interval, some or none of it lies between two limits; without an interval
    the figure alone says.
    """
    if math.isnan(found.low) or math.isnan(found.high):
        return _decided(least <= found.value <= most)
    if least <= found.low and found.high <= most:
        return Verdict.HOLDS
    if found.high < least or found.low > most:
        return Verdict.FAILS
    return Verdict.UNDECIDED


def _decided(holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.FAILS


def _policy(key: str) -> str:
    """Who answers for what is undecided."""
    return f"{GATES_FILE} ({key})"


def _at_most(gate: Gate, figure: str, found: float, limit: float) -> Judgement:
    return Judgement(
        gate, figure, f"at most {_shown(limit)}", _shown(found), _decided(found <= limit)
    )


def _with_interval(found: Metric) -> str:
    """The figure with its interval, where it has one."""
    if math.isnan(found.low) or found.low == found.high:
        return _shown(found.value)
    return f"{_shown(found.value)} ({_shown(found.low)} to {_shown(found.high)})"


def _shown(value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
