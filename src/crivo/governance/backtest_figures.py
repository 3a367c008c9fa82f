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
_COLUMNS: Final = ("ranks", "amounts", "occurred_at", "payers", "segments", "is_fraud")


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


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

    `saved` is of the frauds' money, by the share that `policy/costs.toml` says an outcome saves;
    `frozen` the money of honest transfers that it held or rejected: centavos both. `reviews` a day
    are the holds, each looked at by a person. `against` are the same three less those of the arm
    that it is compared with.
    """

    outcomes: Mapping[Outcome, int]
    saved: Interval
    frozen: Interval
    reviews: Interval
    review_minutes: float
    against: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """All transfers, or those of a segment; the figures are by arm, in their order."""

    name: str
    transfers: int
    frauds: int
    fraud_centavos: int
    arms: tuple[ArmFigures, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """From the outcome of one arm to that of another: transfers and centavos, int64[5, 5]."""

    before: str
    after: str
    transfers: Int64s
    centavos: Int64s

    @property
    def changed(self) -> int:
        """Transfers with another outcome."""
        return int(self.transfers.sum() - np.trace(self.transfers))


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a backtest; `compared_with` is the arm whose figures are taken off."""

    arms: tuple[str, ...]
    compared_with: str
    transfers: int
    days: int
    immature: int
    passed: Mapping[str, int]
    changes: tuple[Changes, ...]
    parts: tuple[Part, ...]
    resamples: int


def figures(found: Backtested, *, resamples: int, seed: int) -> Figures:
    """The figures of what was found; the first part is all of it.

    The arms are compared with the first one that was asked for where there are several, else with
    what was answered then.
    """
    base = 1 if len(found.arms) > 2 else 0
    parts = dict(_parts(found))
    totals = _totals(found, list(parts.values()), resamples=resamples, seed=seed)
    pairs = [(0, arm) for arm in range(1, len(found.arms))]
    pairs += [(1, arm) for arm in range(2, len(found.arms))]
    return Figures(
        arms=found.arms,
        compared_with=found.arms[base],
        transfers=len(found),
        days=found.days,
        immature=found.immature,
        passed=found.passed,
        changes=tuple(_changes(found, before, after) for before, after in pairs),
        parts=tuple(
            _part(found, name, rows, totals[:, place], base)
            for place, (name, rows) in enumerate(parts.items())
        ),
        resamples=resamples,
    )


def _parts(found: Backtested) -> Iterator[tuple[str, Bools]]:
    """bool[n] by name: all, the payers' segments, the bands of amounts."""
    yield "all", np.ones(len(found), np.bool_)
    for place, segment in enumerate(SEGMENTS):
        rows = found.segments == place
        if rows.any():
            yield f"segment {segment.value if segment else 'not told'}", rows
    bands = np.searchsorted(AMOUNT_BANDS, found.amounts, side="left")
    for band in np.unique(bands):
        below = AMOUNT_BANDS[band] if band < len(AMOUNT_BANDS) else None
        name = f"up to R$ {below // 100:,}" if below else f"above R$ {AMOUNT_BANDS[-1] // 100:,}"
        yield f"amount {name}", bands == band


def _measures(found: Backtested, rows: Int64s) -> Float64s:
    """float64[k, arms, 3]: saved and frozen centavos, and reviews, of these rows."""
    measured = np.zeros((len(rows), len(found.arms), 3))
    amounts, frauds = found.amounts[rows].astype(np.float64), found.is_fraud[rows]
    for arm, costs in enumerate(_costs(found)):
        share = np.array([0.0, *(costs.saved[outcome] for outcome in OUTCOMES[1:])])
        rank = found.ranks[rows, arm]
        measured[:, arm, 0] = np.where(frauds, amounts * share[rank], 0.0)
        measured[:, arm, 1] = np.where(~frauds & (rank >= _FREEZES), amounts, 0.0)
        measured[:, arm, 2] = rank == Outcome.HOLD.rank
    return measured


def _costs(found: Backtested) -> list[Costs]:
    given = [costs for costs in found.costs if costs is not None]
    return [given[0] if costs is None else costs for costs in found.costs]


def _totals(found: Backtested, parts: Sequence[Bools], *, resamples: int, seed: int) -> Float64s:
    """float64[1 + resamples, parts, arms, 3]: the measures' sums, first of what there was.

    Reviews are those of a day.
    """
    # Of most transfers no measure is other than zero: they need not be drawn.
    rows = np.flatnonzero(found.is_fraud | (found.ranks >= _FREEZES).any(axis=1))
    measured = _measures(found, rows)
    measured[:, :, 2] /= found.days
    flat = measured.reshape(len(rows), -1)
    member = np.stack([part[rows] for part in parts]).astype(np.float64)
    units, number = np.unique(found.payers, axis=0, return_inverse=True)
    own, count = number.reshape(-1)[rows], len(units)
    random = np.random.default_rng(seed)
    totals = np.empty((1 + resamples, len(parts), flat.shape[1]))
    totals[0] = member @ flat
    for draw in range(1, 1 + resamples):
        times = np.bincount(random.integers(count, size=count), minlength=count)[own]
        totals[draw] = member @ (flat * times[:, None])
    return totals.reshape(1 + resamples, len(parts), len(found.arms), 3)


def _part(found: Backtested, name: str, rows: Bools, totals: Float64s, base: int) -> Part:
    """`totals` float64[1 + resamples, arms, 3] of the part."""
    against = totals - totals[:, base : base + 1]
    costs = _costs(found)
    arms = []
    for arm in range(len(found.arms)):
        counts = np.bincount(found.ranks[rows, arm], minlength=len(OUTCOMES)).tolist()
        saved, frozen, reviews = (_interval(totals[:, arm, measure]) for measure in range(3))
        arms.append(
            ArmFigures(
                outcomes=dict(zip(OUTCOMES, counts, strict=True)),
                saved=saved,
                frozen=frozen,
                reviews=reviews,
                review_minutes=reviews.value * costs[arm].review_minutes,
                against=tuple(_interval(against[:, arm, measure]) for measure in range(3)),
            )
        )
    frauds = rows & found.is_fraud
    money = int(found.amounts[frauds].sum())
    return Part(name, int(rows.sum()), int(frauds.sum()), money, tuple(arms))


def _interval(drawn: Float64s) -> Interval:
    """The first value, with the quantiles of the others."""
    if len(drawn) == 1:
        return Interval(float(drawn[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn[1:], _QUANTILES)
    return Interval(float(drawn[0]), float(low), float(high))


def _changes(found: Backtested, before: int, after: int) -> Changes:
    size = len(OUTCOMES)
    pair = found.ranks[:, before].astype(np.int64) * size + found.ranks[:, after]
    transfers = np.bincount(pair, minlength=size * size)
    centavos = np.zeros(size * size, np.int64)
    np.add.at(centavos, pair, found.amounts)
    return Changes(
        found.arms[before],
        found.arms[after],
        transfers.reshape(size, size),
        centavos.reshape(size, size),
    )
