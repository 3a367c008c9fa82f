"""Rules over a signal of the payer's session, which counts for as long as it is fresh."""

from __future__ import annotations

from typing import Final

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import RULE_PREFIX, Rule
from crivo.features.expression import Field, Parameter

#: How long ago the newest signals were collected.
_TOLD: Final = "payer_risk_signals_since_last_ever"


def signal_rule(
    name: str, signal: str, *, reason: ReasonCode, threat: str, age_seconds_max: int
) -> Rule:
    """The rule that fires where the feature `signal` is 1 and the signals are younger than that.

    `age_seconds_max` is what its examples are proved with; the policy says what is in force.
    """
    told_max = f"{RULE_PREFIX}{name}.age_seconds.max"
    fresh, stale = age_seconds_max - 1.0, float(age_seconds_max)
    return Rule(
        name=name,
        condition=Field(signal).equals(1) & (Field(_TOLD) < Parameter(told_max)),
        parameters=(Key(told_max, Kind.COUNT),),
        reason=reason,
        source="Open Finance risk signals; BCB Resolution 403/2024",
        threat=threat,
        at={told_max: age_seconds_max},
        fires=({signal: 1.0, _TOLD: fresh},),
        silent=(
            {signal: 0.0, _TOLD: fresh},
            {signal: 1.0, _TOLD: stale},
            {signal: None, _TOLD: fresh},
        ),
    )
