"""Outcomes of many transfers at once, as `decide.derive` gives them one by one.

Most transfers are judged by arithmetic over columns. Those of which more has to be known (a return,
an entry of a list, a degraded mode, an amount that may be above a limit) are handed to `derive`
itself, so that no rule of deciding is written twice; a law compares the two for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.condition import HOLDS
from crivo.decision.decide import Scored, Vector, derive, is_return, policy_modes
from crivo.decision.degraded import is_unscored
from crivo.decision.limits import CONTACTLESS, Limits
from crivo.decision.lists import ListHit
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.procedure import InForce
from crivo.decision.sums import CASH, Sums
from crivo.domain.transfer import Initiation, Transfer

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int8]

#: The rank of a transfer that cannot be judged: nobody read the vector that it is now asked for.
UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a transfer was decided with besides its vector: causes of a degraded answer, the lists
    that its parties stood on, and what its payer had attempted before.
    """

    causes: tuple[str, ...] = ()
    listed: tuple[ListHit, ...] = ()
    sums: Sums | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """n transfers with their circumstances, and `vectors` float64[n, F] of one plan.

    `has_vector` bool[n] says of which a vector was read; the rows of the others hold nothing.
    """

    transfers: Sequence[Transfer]
    circumstances: Sequence[Circumstances]
    vectors: npt.NDArray[np.float64]
    has_vector: Bools

    def __len__(self) -> int:
        return len(self.transfers)

    def of(self, rows: Bools) -> Attempts:
        """Some of them, by mask."""
        places = np.flatnonzero(rows).tolist()
        return Attempts(
            [self.transfers[at] for at in places],
            [self.circumstances[at] for at in places],
            np.ascontiguousarray(self.vectors[rows]),
            self.has_vector[rows],
        )


class _NoParts:
    """Says nothing of what moved a score: outcomes do not depend on it, reasons do."""

    def __init__(self, width: int) -> None:
        self._parts: Final = np.zeros(width + 1, np.int64)

    def contributions(self, vector: Vector) -> Int64s:
        """Zeros."""
        return self._parts


def ranks(attempts: Attempts, scores: Int64s, in_force: InForce) -> Ranks:
    """int8[n]: the rank of each transfer's outcome under one policy, UNKNOWN where nobody can say.

    Args:
        attempts: Transfers of one date, since a policy is in force on dates.
        scores: int64[n] in 10⁻⁹; those of transfers without a vector are not read.
        in_force: The policy on that date.
    """
    said = in_force.conditions.many(attempts.vectors)
    severities = np.array(
        [0 if rule.shadow else rule.severity.rank for rule in in_force.rules], np.int8
    )
    found: Ranks = np.where(said == HOLDS, severities, np.int8(0)).max(axis=1, initial=0)
    thresholds = [threshold for threshold, _ in in_force.thresholds]
    asked = np.searchsorted(thresholds, scores, side="right").astype(np.int8)
    np.maximum(found, asked, out=found)
    parts = _NoParts(attempts.vectors.shape[1])
    for at in np.flatnonzero(_apart(attempts, found, in_force)).tolist():
        found[at] = _rank(attempts, at, int(scores[at]), in_force, parts)
    return found


def _apart(attempts: Attempts, found: Ranks, in_force: InForce) -> Bools:
    """bool[n]: the transfers that `derive` is asked about; too many is no fault, too few is."""
    if in_force.degraded.killed:
        return np.ones(len(attempts), np.bool_)
    limits = in_force.limits
    apart = ~attempts.has_vector | _lacks(attempts.vectors, in_force)
    for at, transfer in enumerate(attempts.transfers):
        around = attempts.circumstances[at]
        if around.causes or around.listed or is_return(transfer):
            apart[at] = True
        elif transfer.initiation is Initiation.AUTO and found[at] == Outcome.HOLD.rank:
            apart[at] = True
        elif _may_exceed(transfer, around.sums, limits):
            apart[at] = True
    return apart


def _lacks(vectors: npt.NDArray[np.float64], in_force: InForce) -> Bools:
    """bool[n]: what the directory told may be old or missing."""
    degraded = in_force.degraded
    lacks = np.zeros(len(vectors), np.bool_)
    if degraded.age_at is not None:
        ages = vectors[:, degraded.age_at]
        if degraded.stale_seconds is not None:
            lacks |= ages > degraded.stale_seconds
        if degraded.asks_directory:
            lacks |= np.isnan(ages)
    return lacks


def _may_exceed(transfer: Transfer, sums: Sums | None, limits: Limits) -> bool:
    """Whether the limits must be looked at one by one."""
    amount = transfer.amount_centavos
    if limits.transfer is not None and amount > limits.transfer:
        return True
    if transfer.purpose in CASH or transfer.initiation in CONTACTLESS:
        return True
    if limits.institution is not None and amount > limits.institution:
        return True
    if sums is None:
        return False
    period = limits.periods[transfer.payer_segment]
    if period.day is None and period.night is None and sums.device is None:
        return False
    return bool(period.exceeded(transfer, sums))


def _rank(attempts: Attempts, at: int, score: int, in_force: InForce, parts: _NoParts) -> int:
    """The rank of one transfer's outcome, by `derive`."""
    transfer, around = attempts.transfers[at], attempts.circumstances[at]
    causes = around.causes
    is_blind = is_return(transfer) or is_unscored((*causes, *in_force.degraded.killed))
    scored = None
    if not is_blind:
        if not attempts.has_vector[at]:
            return UNKNOWN
        # Neither margin nor kept bytes nor flags change an outcome.
        scored = Scored(attempts.vectors[at], b"", 0, 0, score)
    modes = (
        ()
        if is_return(transfer)
        else policy_modes(transfer, in_force, None if scored is None else scored.vector)
    )
    derived = derive(
        transfer,
        scored,
        in_force,
        parts,
        degraded=(*causes, *modes),
        listed=around.listed,
        sums=around.sums,
    )
    return OUTCOMES[derived.outcome].rank
