"""What a backtest found, in figures: outcomes that changed, money saved and frozen, reviews.

Intervals are the 2.5 and 97.5 % quantiles of resamples of payers, drawn with all their transfers,
since those of one payer are no independent evidence (a cluster bootstrap: Cameron, Gelbach and
Miller, 2008). Arms are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from crivo.decision.many import SEGMENTS
from crivo.decision.outcome import Outcome
from crivo.decision.proposal import Costs
from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.model.segments import AMOUNT_BANDS

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

OUTCOMES: Final = tuple(Outcome)
#: From this rank on no money moves.
_FREEZES: Final = Outcome.HOLD.rank
_QUANTILES: Final = (0.025, 0.975)
#: More than a segment, a band of amounts or a rank has values.
_VALUES_MAX: Final = 64
_COLUMNS: Final = ("ranks", "amounts", "occurred_at", "payers", "segments", "is_fraud")


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


Square = tuple[tuple[Interval, ...], ...]


@dataclass(frozen=True, slots=True)
class Backtested:
    """n transfers of the past, and what each arm answered to them.

    `ranks` int8[n, arms] of the outcomes, the first arm being what was answered then, or of imports
    what is in force now; `amounts` int64[n] centavos; `payers` uint64[n, 2]; `segments` int8[n],
    places in `SEGMENTS`. `costs` are those of each arm's policy, None for what was answered then:
    those of the second are its own, too.
    `immature` counts transfers whose report may still be under way, `passed` decisions that were
    not judged, by cause.
    """

    arms: tuple[str, ...]
    costs: tuple[Costs | None, ...]
    ranks: npt.NDArray[np.int8]
    amounts: Int64s
    occurred_at: Int64s
    payers: npt.NDArray[np.uint64]
    segments: npt.NDArray[np.int8]
    is_fraud: Bools
    immature: int = 0
    passed: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.amounts)

    @classmethod
    def joined(cls, parts: Sequence[Backtested]) -> Backtested:
        """All parts as one; they are of the same arms."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
        }
        return replace(parts[0], **columns)

    def of(self, rows: Bools) -> Backtested:
        """Some of the transfers, by mask."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    @property
    def days(self) -> int:
        """How many Brasília days they lie on."""
        return len(np.unique((self.occurred_at + BRASILIA_OFFSET) // DAY))


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What an arm would have done to the transfers of a part.

    `outcomes` are transfers. `saved` is of the frauds' money, by the share that `policy/costs.toml`
    says an outcome saves; `frozen` the money of honest transfers that it held or rejected: centavos
    both. `reviews` a day are the holds, each looked at by a person for the minutes that its costs
    say. `against` are these four less those of the arm that it is compared with.
    """

    outcomes: Mapping[Outcome, Interval]
    saved: Interval
    frozen: Interval
    reviews: Interval
    review_minutes: Interval
    against: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """From the outcome of one arm to that of another, in a part.

    `changed` are transfers with another outcome; `transfers` and `centavos` have a row for each
    outcome before, and in it a cell for each outcome after.
    """

    before: str
    after: str
    changed: Interval
    transfers: Square
    centavos: Square


@dataclass(frozen=True, slots=True)
class Part:
    """All transfers, or those of a segment; the figures are by arm, in their order."""

    name: str
    transfers: int
    frauds: int
    fraud_centavos: int
    arms: tuple[ArmFigures, ...]
    changes: tuple[Changes, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a backtest; `compared_with` is the arm whose figures are taken off."""

    arms: tuple[str, ...]
    compared_with: str
    transfers: int
    days: int
    immature: int
    passed: Mapping[str, int]
    parts: tuple[Part, ...]
    resamples: int


@dataclass(frozen=True, slots=True)
class _Kinds:
    """k kinds of transfers, alike in all that figures ask for, and how many a draw holds.

    `ranks` int8[k, arms], `segments` int8[k], `bands` int64[k] and `is_fraud` bool[k];
    `transfers` and `centavos` float64[1 + resamples, k], first of what there was.
    """

    ranks: npt.NDArray[np.int8]
    segments: npt.NDArray[np.int8]
    bands: Int64s
    is_fraud: Bools
    transfers: Float64s
    centavos: Float64s


def figures(found: Backtested, *, resamples: int, seed: int) -> Figures:
    """The figures of what was found; the first part is all of it.

    The arms are compared with the first one that was asked for where there are several, else with
    what was answered then.
    """
    base = 1 if len(found.arms) > 2 else 0
    kinds = _drawn(found, resamples=resamples, seed=seed)
    return Figures(
        arms=found.arms,
        compared_with=found.arms[base],
        transfers=len(found),
        days=found.days,
        immature=found.immature,
        passed=found.passed,
        parts=tuple(_part(found, kinds, name, own, base) for name, own in _parts(kinds)),
        resamples=resamples,
    )


def _drawn(found: Backtested, *, resamples: int, seed: int) -> _Kinds:
    """Every figure is a sum over kinds: so these alone are counted in each draw of payers."""
    bands = np.searchsorted(AMOUNT_BANDS, found.amounts, side="left").astype(np.int64)
    kind = np.zeros(len(found), np.int64)
    for column in (found.segments, bands, found.is_fraud, *found.ranks.T):
        # Numbered anew each time, so that no number of arms is too many for 64 bits.
        _, kind = np.unique(kind * _VALUES_MAX + column, return_inverse=True)
    _, first = np.unique(kind, return_index=True)
    payers, payer = np.unique(found.payers, axis=0, return_inverse=True)
    # Transfers of one payer and one kind are always drawn together.
    together, place = np.unique(payer.reshape(-1) * len(first) + kind, return_inverse=True)
    owner, kind = np.divmod(together, len(first))
    weights = np.bincount(place), np.bincount(place, weights=found.amounts)
    random = np.random.default_rng(seed)
    sums = np.empty((len(weights), 1 + resamples, len(first)))
    for draw in range(1 + resamples):
        times = np.ones(len(payers), np.int64)
        if draw:
            drawn = random.integers(len(payers), size=len(payers))
            times = np.bincount(drawn, minlength=len(payers))
        for own, weight in zip(sums, weights, strict=True):
            own[draw] = np.bincount(kind, weights=weight * times[owner], minlength=len(first))
    return _Kinds(
        found.ranks[first], found.segments[first], bands[first], found.is_fraud[first], *sums
    )


def _parts(kinds: _Kinds) -> Iterator[tuple[str, Bools]]:
    """bool[k] by name: all, the payers' segments, the bands of amounts."""
    yield "all", np.ones(len(kinds.ranks), np.bool_)
    for place, segment in enumerate(SEGMENTS):
        own = kinds.segments == place
        if own.any():
            yield f"segment {segment.value if segment else 'not told'}", own
    for band in np.unique(kinds.bands):
        below = AMOUNT_BANDS[band] if band < len(AMOUNT_BANDS) else None
        name = f"up to R$ {below // 100:,}" if below else f"above R$ {AMOUNT_BANDS[-1] // 100:,}"
        yield f"amount {name}", kinds.bands == band


def _part(found: Backtested, kinds: _Kinds, name: str, own: Bools, base: int) -> Part:
    """The figures of the kinds of `own` bool[k]."""
    measured = np.stack(
        [_measured(kinds, own, arm, costs, found.days) for arm, costs in enumerate(_costs(found))]
    )
    arms = []
    for arm, (four, less) in enumerate(zip(measured, measured - measured[base], strict=True)):
        is_outcome = own[:, None] & (kinds.ranks[:, arm, None] == np.arange(len(OUTCOMES)))
        outcomes = dict(zip(OUTCOMES, _intervals(kinds.transfers @ is_outcome), strict=True))
        saved, frozen, reviews, minutes = _intervals(four.T)
        against = tuple(_intervals(less.T))
        arms.append(ArmFigures(outcomes, saved, frozen, reviews, minutes, against))
    pairs = [(0, arm) for arm in range(1, len(found.arms))]
    pairs += [(1, arm) for arm in range(2, len(found.arms))]
    frauds = own & kinds.is_fraud
    return Part(
        name,
        transfers=int(kinds.transfers[0] @ own),
        frauds=int(kinds.transfers[0] @ frauds),
        fraud_centavos=int(kinds.centavos[0] @ frauds),
        arms=tuple(arms),
        changes=tuple(_changes(found, kinds, own, before, after) for before, after in pairs),
    )


def _measured(kinds: _Kinds, own: Bools, arm: int, costs: Costs, days: int) -> Float64s:
    """float64[4, 1 + resamples]: centavos saved and frozen, reviews and their minutes a day."""
    share = np.array([0.0, *(costs.saved[outcome] for outcome in OUTCOMES[1:])])
    rank = kinds.ranks[:, arm]
    reviews = kinds.transfers @ (own & (rank == Outcome.HOLD.rank)) / days
    return np.stack(
        [
            kinds.centavos @ (share[rank] * (own & kinds.is_fraud)),
            kinds.centavos @ (own & ~kinds.is_fraud & (rank >= _FREEZES)),
            reviews,
            reviews * costs.review_minutes,
        ]
    )


def _costs(found: Backtested) -> list[Costs]:
    given = [costs for costs in found.costs if costs is not None]
    return [given[0] if costs is None else costs for costs in found.costs]


def _changes(found: Backtested, kinds: _Kinds, own: Bools, before: int, after: int) -> Changes:
    size = len(OUTCOMES)
    pair = kinds.ranks[:, before].astype(np.int64) * size + kinds.ranks[:, after]
    is_pair = own[:, None] & (pair[:, None] == np.arange(size * size))
    has_changed = own & (kinds.ranks[:, before] != kinds.ranks[:, after])
    (changed,) = _intervals(kinds.transfers @ has_changed[:, None])
    transfers, centavos = (
        _square(_intervals(drawn @ is_pair)) for drawn in (kinds.transfers, kinds.centavos)
    )
    return Changes(found.arms[before], found.arms[after], changed, transfers, centavos)


def _square(cells: Sequence[Interval]) -> Square:
    """A row for each outcome before."""
    size = len(OUTCOMES)
    return tuple(tuple(cells[at : at + size]) for at in range(0, len(cells), size))


def _intervals(drawn: Float64s) -> list[Interval]:
    """An interval a column of float64[1 + resamples, m]: the first row, quantiles of the others."""
    low, high = np.quantile(drawn[1:], _QUANTILES, axis=0)
    return [Interval(*each) for each in np.stack([drawn[0], low, high], axis=1).tolist()]
