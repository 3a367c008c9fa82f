"""Deciding: from a vector, a score and the policy in force to an outcome and its reasons. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from crivo.decision.outcome import Outcome
from crivo.decision.procedure import InForce
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import Derived
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.features.engine import LATE

#: The cause of the one degraded mode there is so far: the answer was due before it could be scored.
TIMEOUT: Final = "TIMEOUT"
#: At most this many reasons come from the model's contributions.
MODEL_REASONS_MAX: Final = 3

_RETURNS: Final = (Purpose.REFU, Purpose.IPRT)

Vector = npt.NDArray[np.float64]


class Contributions(Protocol):
    """What a scorer can say about one vector: float64[F] -> int64[F + 1] of 2⁻⁴⁰, last the root."""

    def contributions(self, vector: Vector) -> npt.NDArray[np.int64]:
        """How much each feature moved the margin."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """A transfer's vector (float64[F], null = NaN), flags, margin (2⁻⁴⁰) and score (10⁻⁹).

    `kept` are the vector's bytes, as they are hashed and stored.
    """

    vector: Vector
    kept: bytes
    flags: int
    margin: int
    score: int


def is_return(transfer: Transfer) -> bool:
    """Whether money goes back under the rail's return purposes: such a transfer is never scored."""
    return transfer.purpose in _RETURNS


def derive(
    transfer: Transfer,
    scored: Scored | None,
    in_force: InForce,
    model: Contributions,
    *,
    degraded: Sequence[str] = (),
) -> Derived:
    """What follows from the facts, the vector and the policy in force at the transfer's instant.

    `scored` is None for a return, which is allowed, and for a degraded answer, whose outcome is the
    one that the degraded policy names for the amount.
    """
    if is_return(transfer):
        return _unscored(Outcome.ALLOW, ReasonCode.NOT_SCORED_RETURN)
    if degraded:
        outcome = in_force.degraded_outcome(transfer.amount_centavos)
        return _unscored(_bounded(outcome, transfer, in_force), ReasonCode.TIMEOUT_DEGRADED)
    assert scored is not None
    fired = in_force.fired(in_force.conditions(scored.vector))
    asked = in_force.outcome_of_score(scored.score)
    reasons = list(fired.reasons)
    if asked > Outcome.ALLOW:
        reasons += _model_reasons(model.contributions(scored.vector), in_force)
    if scored.flags & LATE:
        reasons.append(ReasonCode.DATA_LATE)
    outcome = _bounded(max(fired.outcome, asked), transfer, in_force)
    return Derived(
        vector_hash=hashlib.sha256(scored.kept).digest(),
        flags=scored.flags,
        margin=scored.margin,
        score=scored.score,
        rules=fired.rules,
        shadow_rules=fired.shadow_rules,
        nulls=fired.nulls,
        reasons=tuple(dict.fromkeys(reasons)),
        outcome=outcome.value,
    )


def _model_reasons(contributions: npt.NDArray[np.int64], in_force: InForce) -> list[ReasonCode]:
    """The reasons of the features that raised the margin most, closed by MODEL_SCORE."""
    # Equal contributions keep the order of the columns.
    raised = [(-part, at) for at, part in enumerate(contributions[:-1].tolist()) if part > 0]
    reasons: list[ReasonCode] = []
    for _, column in sorted(raised):
        code = in_force.feature_reasons[column]
        if len(reasons) == MODEL_REASONS_MAX:
            break
        if code not in reasons:
            reasons.append(code)
    if ReasonCode.MODEL_SCORE not in reasons:
        reasons.append(ReasonCode.MODEL_SCORE)
    return reasons


def _bounded(outcome: Outcome, transfer: Transfer, in_force: InForce) -> Outcome:
    """Automatic Pix is never held, nobody being there: the policy names what is asked instead."""
    if outcome is Outcome.HOLD and transfer.initiation is Initiation.AUTO:
        return in_force.automatic_instead_of_hold
    return outcome


def _unscored(outcome: Outcome, reason: ReasonCode) -> Derived:
    return Derived(
        vector_hash=b"",
        flags=0,
        margin=None,
        score=None,
        rules=(),
        shadow_rules=(),
        nulls=(),
        reasons=(reason,),
        outcome=outcome.value,
    )
