"""Outcomes of many transfers at once, as `decide.derive` gives them one by one.

Most transfers are judged by arithmetic over columns. Those of which more has to be known (a return,
an entry of a list, a degraded mode, an amount that may be above a limit) are handed to `derive`
itself, so that no rule of deciding is written twice; a law compares the two for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from crivo.decision.condition import HOLDS
from crivo.decision.decide import Scored, Vector, derive, is_return, policy_modes
from crivo.decision.degraded import is_unscored
from crivo.decision.limits import CONTACTLESS, SEGMENT_NAMES, Limits
from crivo.decision.lists import ListHit
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.procedure import InForce
from crivo.decision.sums import CASH, RETURNS, Sums, counts
from crivo.domain.account import CustomerSegment
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.features.engine import LATE

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int8]

#: The rank of a transfer that cannot be judged: nobody read the vector that it is now asked for.
UNKNOWN: Final = -1

#: The payers' segments by their number; None: nobody said.
SEGMENTS: Final = tuple(SEGMENT_NAMES)

#: A sum that nobody can say.
NO_SUM: Final = int(np.iinfo(np.int64).min)
_NO_SUMS: Final = Sums(NO_SUM, None, None)

#: What a kind of transfer says of it, as bits.
_RETURN: Final = 1
_AUTOMATIC: Final = 2
_OWN_LIMIT: Final = 4
_IN_PERIOD: Final = 8
_BY_DEVICE: Final = 16


class Facts(Protocol):
    """What is read of every transfer."""

    @property
    def occurred_at(self) -> int:
        """When it was asked for."""
        ...

    @property
    def amount_centavos(self) -> int:
        """What it is worth."""
        ...

    @property
    def initiation(self) -> Initiation | None:
        """How the payee was named."""
        ...

    @property
    def purpose(self) -> Purpose | None:
        """What it is for."""
        ...

    @property
    def payer_segment(self) -> CustomerSegment | None:
        """What the payer's account is held as."""
        ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a transfer was decided with besides its vector: causes of a degraded answer, the lists
    that its parties stood on, and what its payer had attempted before.
    """

    causes: tuple[str, ...] = ()
    listed: tuple[ListHit, ...] = ()
    sums: Sums | None = None


@dataclass(frozen=True, slots=True)
class FactColumns:
    """The facts of n transfers by column.

    `occurred_at` and `amounts` int64[n]; `segments` int8[n], places in `SEGMENTS`; `kinds` uint8[n]
    of bits; `sums` int64[n, 3] of day, night and device, NO_SUM where nobody can say.
    """

    occurred_at: Int64s
    amounts: Int64s
    segments: npt.NDArray[np.int8]
    kinds: npt.NDArray[np.uint8]
    sums: Int64s

    def of(self, rows: Bools) -> FactColumns:
        """Some of them, by mask."""
        return FactColumns(
            self.occurred_at[rows],
            self.amounts[rows],
            self.segments[rows],
            self.kinds[rows],
            self.sums[rows],
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """n transfers with their circumstances, and `vectors` float64[n, F] of one plan.

    `has_vector` bool[n] says of which a vector was read; the rows of the others hold nothing.
    `has_more` bool[n] says which have causes or lists. `one` makes a single transfer with its
    circumstances, by its row: few are asked for.
    """

    facts: FactColumns
    vectors: npt.NDArray[np.float64]
    has_vector: Bools
    has_more: Bools
    one: Callable[[int], tuple[Transfer, Circumstances]]

    def __len__(self) -> int:
        return len(self.has_vector)

    def of(self, rows: Bools) -> Attempts:
        """Some of them, by mask."""
        places = np.flatnonzero(rows).tolist()
        return Attempts(
            self.facts.of(rows),
            np.ascontiguousarray(self.vectors[rows]),
            self.has_vector[rows],
            self.has_more[rows],
            lambda at: self.one(places[at]),
        )


def facts_of(transfers: Sequence[Facts], sums: Sequence[Sums | None]) -> FactColumns:
    """The columns of some transfers, and of what their payers had attempted before each."""
    known = [_NO_SUMS if each is None else each for each in sums]
    told = np.empty((len(transfers), 3), np.int64)
    told[:, 0] = [each.day for each in known]
    told[:, 1] = [NO_SUM if each.night is None else each.night for each in known]
    told[:, 2] = [NO_SUM if each.device is None else each.device for each in known]
    return FactColumns(
        np.array([each.occurred_at for each in transfers], np.int64),
        np.array([each.amount_centavos for each in transfers], np.int64),
        np.array([_PLACES[each.payer_segment] for each in transfers], np.int8),
        np.array([_KINDS[each.initiation, each.purpose] for each in transfers], np.uint8),
        told,
    )


def attempts_of(
    transfers: Sequence[Transfer],
    circumstances: Sequence[Circumstances],
    vectors: npt.NDArray[np.float64],
    has_vector: Bools,
) -> Attempts:
    """The attempts of transfers that are at hand one by one."""
    return Attempts(
        facts_of(transfers, [each.sums for each in circumstances]),
        vectors,
        has_vector,
        np.array([bool(each.causes or each.listed) for each in circumstances], np.bool_),
        lambda at: (transfers[at], circumstances[at]),
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


def are_plain(
    vectors: npt.NDArray[np.float64],
    flags: npt.NDArray[np.uint8],
    scores: Int64s,
    in_force: InForce,
) -> Bools:
    """bool[n]: the vectors (float64[n, F], with their flags and scores) about which only rules have
    a say: their score asks for nothing, and nothing is late, switched off, old or missing.

    Too few is no fault, too many is: what `plain_of` makes of them is what `derive` does, unless a
    list or a limit has a say.
    """
    if in_force.degraded.killed:
        return np.zeros(len(vectors), np.bool_)
    found: Bools = (scores < in_force.thresholds[0][0]) & (flags & LATE == 0)
    return found & ~_lacks(vectors, in_force)


def _apart(attempts: Attempts, found: Ranks, in_force: InForce) -> Bools:
    """bool[n]: the transfers that `derive` is asked about; too many is no fault, too few is."""
    if in_force.degraded.killed:
        return np.ones(len(attempts), np.bool_)
    facts = attempts.facts
    apart = ~attempts.has_vector | attempts.has_more | _lacks(attempts.vectors, in_force)
    apart |= _are_returns(facts) | _may_exceed(facts, in_force.limits)
    apart |= _is_of(facts, _AUTOMATIC) & (found == Outcome.HOLD.rank)
    return apart


def _are_returns(facts: FactColumns) -> Bools:
    """bool[n]: the transfers that `is_return` says are one."""
    return _is_of(facts, _RETURN)


def _is_of(facts: FactColumns, kind: int) -> Bools:
    """bool[n]: the transfers of a kind."""
    found: Bools = (facts.kinds & np.uint8(kind)) != 0
    return found


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


def _may_exceed(facts: FactColumns, limits: Limits) -> Bools:
    """bool[n]: the transfers whose limits must be looked at one by one."""
    amounts = facts.amounts
    found = _is_of(facts, _OWN_LIMIT)
    for limit in (limits.transfer, limits.institution):
        if limit is not None:
            found |= amounts > limit
    if limits.device is not None:
        is_unregistered = facts.sums[:, 2] != NO_SUM
        found |= _is_of(facts, _BY_DEVICE) & is_unregistered & (amounts > limits.device)
    for place, segment in enumerate(SEGMENTS):
        period = limits.periods[segment]
        of_sums = zip(period, (_IN_PERIOD, _IN_PERIOD, _BY_DEVICE), strict=True)
        for column, (limit, kind) in enumerate(of_sums):
            if limit is not None:
                before = facts.sums[:, column]
                own = (facts.segments == place) & _is_of(facts, kind) & (before != NO_SUM)
                found |= own & (before > limit - amounts)
    return found


def _rank(attempts: Attempts, at: int, score: int, in_force: InForce, parts: _NoParts) -> int:
    """The rank of one transfer's outcome, by `derive`."""
    transfer, around = attempts.one(at)
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


def _kind(initiation: Initiation | None, purpose: Purpose | None) -> int:
    counted = counts(initiation, purpose)
    bits = (
        (_RETURN, purpose in RETURNS),
        (_AUTOMATIC, initiation is Initiation.AUTO),
        (_OWN_LIMIT, purpose in CASH or initiation in CONTACTLESS),
        (_IN_PERIOD, counted.in_period),
        (_BY_DEVICE, counted.by_device),
    )
    return sum(bit for bit, is_set in bits if is_set)


_PLACES: Final = {segment: place for place, segment in enumerate(SEGMENTS)}
_KINDS: Final = {
    (initiation, purpose): _kind(initiation, purpose)
    for initiation in (None, *Initiation)
    for purpose in (None, *Purpose)
}
