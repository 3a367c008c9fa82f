"""Deciding: from a vector, a score and the policy in force to an outcome and its reasons. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from math import isnan
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from crivo.decision.degraded import WHOLE
from crivo.decision.lists import NOT_LISTED, ListHit
from crivo.decision.outcome import RANK, Outcome
from crivo.decision.procedure import NOTHING_FIRED, Fired, InForce
from crivo.decision.reasons import WHEN_ABSENT, ReasonCode
from crivo.decision.record import INITIATION, Derived, Hold
from crivo.decision.sums import RETURNS, Sums
from crivo.domain.transfer import Initiation, Transfer
from crivo.features.engine import LATE

#: At most this many reasons come from the model's contributions.
MODEL_REASONS_MAX: Final = 3

Vector = npt.NDArray[np.float64]


class Contributions(Protocol):
    """What a scorer can say about one vector: float64[F] -> int64[F + 1] of 2⁻⁴⁰, last the root."""

    def contributions(self, vector: Vector) -> npt.NDArray[np.int64]:
        """How much each feature moved the margin."""
        ...


class Scored(msgspec.Struct, frozen=True, gc=False):
    """A transfer's vector (float64[F], null = NaN), flags, margin (2⁻⁴⁰) and score (10⁻⁹).

    `kept` are the vector's bytes, as they are hashed and stored. Where several vectors were asked
    about together, `said` is what the conditions in force say of it, and `parts` (int64[F + 1] of
    2⁻⁴⁰) are the model's contributions.
    """

    vector: Vector
    kept: bytes
    flags: int
    margin: int
    score: int
    said: bytes | None = None
    parts: npt.NDArray[np.int64] | None = None


#: What makes the answer of a transfer about which nothing but its vector has a say.
Plain = Callable[[Scored], Derived]


def is_return(transfer: Transfer) -> bool:
    """Whether money goes back under the rail's return purposes: such a transfer is never scored."""
    return transfer.purpose in RETURNS


def derive(
    transfer: Transfer,
    scored: Scored | None,
    in_force: InForce,
    model: Contributions,
    *,
    degraded: Sequence[str] = (),
    listed: Sequence[ListHit] = (),
    sums: Sums | None = None,
    phase: str = INITIATION,
) -> Derived:
    """What follows from the facts, the vector and the policy in force at the transfer's instant.

    `scored` is None for a return, which is allowed, and where `degraded` names a mode without a
    vector: then the outcome is the highest that the policy names for these modes and the amount.
    Any other mode names the least that is answered, and may take the say from the model or the
    rules. `listed` are the entries of lists and the markers that hold for the transfer: one that
    lets pass takes from rules and score what the policy says, and never lowers a limit or a mode.
    `sums` are what the payer attempted before; None where nobody can say. A HOLD of the phase
    `settlement` may block the credit where the payee's institution asks.
    """
    if is_return(transfer):
        return _unscored(Outcome.ALLOW, ReasonCode.NOT_SCORED_RETURN)
    above = in_force.limits.exceeded(transfer, sums)
    least = in_force.limits.outcome if above else Outcome.ALLOW
    said = in_force.lists.said(listed) if listed else NOT_LISTED
    if said.least is not Outcome.ALLOW:
        least, above = max(least, said.least), (*above, ReasonCode.LISTED)
    if listed:
        marked, why = in_force.marked.said(listed)
        least, above = max(least, marked), (*above, *why)
    lack = in_force.degraded.lack(degraded, transfer.amount_centavos) if degraded else WHOLE
    if lack.is_unscored:
        outcome, hold, why = _held(max(lack.least, least), transfer, in_force, phase)
        return _unscored(outcome, *above, *lack.reasons, *why, hold=hold)
    assert scored is not None
    fired = NOTHING_FIRED
    if lack.has_rules:
        rules_said = scored.said
        if rules_said is None:
            rules_said = in_force.conditions(scored.vector)
        fired = in_force.fired(rules_said, said.pass_rules)
    asked = in_force.outcome_of_score(scored.score) if lack.has_model else Outcome.ALLOW
    if listed and asked <= said.pass_score:
        asked = Outcome.ALLOW
    reasons = [*above, *fired.reasons]
    if asked is not Outcome.ALLOW:
        parts = model.contributions(scored.vector) if scored.parts is None else scored.parts
        reasons += _model_reasons(parts, scored.vector, in_force)
    if scored.flags & LATE:
        reasons.append(ReasonCode.DATA_LATE)
    reasons += lack.reasons
    gravest = max(fired.outcome, asked, lack.least, least, key=RANK)
    outcome, hold, why = _held(gravest, transfer, in_force, phase)
    return Derived(
        vector_hash=hashlib.sha256(scored.kept).digest(),
        flags=scored.flags,
        margin=scored.margin if lack.has_model else None,
        score=scored.score if lack.has_model else None,
        rules=fired.rules,
        shadow_rules=fired.shadow_rules,
        nulls=fired.nulls,
        reasons=tuple(dict.fromkeys((*reasons, *why))) if reasons or why else (),
        outcome=outcome.wire,
        hold=hold,
    )


def plain_of(fired: Fired) -> Plain | None:
    """What `derive` makes where only rules have a say, and these fired; None where they hold a
    transfer, since the terms of a hold are its own.

    The score asks for nothing then, nothing is late, degraded or listed, and no limit is exceeded.
    """
    if fired.outcome is Outcome.HOLD:
        return None
    reasons, outcome = tuple(dict.fromkeys(fired.reasons)), fired.outcome.wire
    said = (fired.rules, fired.shadow_rules, fired.nulls, reasons, outcome)

    def plain(scored: Scored) -> Derived:
        digest = hashlib.sha256(scored.kept).digest()
        return Derived(digest, scored.flags, scored.margin, scored.score, *said)

    return plain


def policy_modes(transfer: Transfer, in_force: InForce, vector: Vector | None) -> tuple[str, ...]:
    """The modes that follow from policy and vector (None: nothing was read), in their order."""
    killed = in_force.degraded.killed
    if vector is None or is_return(transfer):
        return killed
    return killed + in_force.degraded.of_data(transfer, vector)


def _model_reasons(
    contributions: npt.NDArray[np.int64], vector: Vector, in_force: InForce
) -> list[ReasonCode]:
    """The reasons of the features that raised the margin most, closed by MODEL_SCORE.

    A feature without a value, or that counted nothing, tells of nothing that was seen.
    """
    reasons: list[ReasonCode] = []
    # Equal contributions keep the order of the columns.
    for column in np.argsort(-contributions[:-1], kind="stable").tolist():
        if contributions[column] <= 0 or len(reasons) == MODEL_REASONS_MAX:
            break
        code = in_force.feature_reasons[column]
        if not vector[column] or isnan(vector[column]):
            code = WHEN_ABSENT.get(code, code)
        if code not in reasons:
            reasons.append(code)
    if ReasonCode.MODEL_SCORE not in reasons:
        reasons.append(ReasonCode.MODEL_SCORE)
    return reasons


def _held(
    outcome: Outcome, transfer: Transfer, in_force: InForce, phase: str
) -> tuple[Outcome, Hold | None, tuple[ReasonCode, ...]]:
    """The outcome, the terms of a HOLD, and the reason that says where they are those of a blocked
    credit. Automatic Pix is never held, nobody being there: the policy names what is asked instead.
    """
    if outcome is not Outcome.HOLD:
        return outcome, None, ()
    if transfer.initiation is Initiation.AUTO:
        return in_force.automatic_instead_of_hold, None, ()
    block = in_force.blocks.of_credit(transfer, phase)
    if block is not None:
        return outcome, block, (ReasonCode.PRECAUTIONARY_BLOCK,)
    terms = in_force.hold
    return outcome, Hold(terms.until(transfer.occurred_at), terms.ends_as.wire), ()


def _unscored(outcome: Outcome, *reasons: ReasonCode, hold: Hold | None = None) -> Derived:
    return Derived(
        vector_hash=b"",
        flags=0,
        margin=None,
        score=None,
        rules=(),
        shadow_rules=(),
        nulls=(),
        reasons=tuple(dict.fromkeys(reasons)),
        outcome=outcome.wire,
        hold=hold,
    )
