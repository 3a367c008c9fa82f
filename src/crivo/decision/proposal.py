"""Thresholds by cost: what training proposes and `policy/decision.toml` may adopt.

An outcome is worth what it saves of a fraud less what it costs an honest payer and the house
(Elkan, 2001); the thresholds proposed are those under which held-out rows would have been worth
most, with no more reviews on any day than there are people for. Training never sets a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.decision.outcome import Outcome
from crivo.decision.policy import SCORE_UNITS, Key, Kind, PolicyFile, parse_policy
from crivo.domain.instant import brasilia_day
from crivo.model.judged import JudgedRows

COSTS_FILE: Final = "costs.toml"

_ASKED: Final = (Outcome.WARN, Outcome.STEP_UP, Outcome.HOLD, Outcome.REJECT)
_FREEZING: Final = (Outcome.HOLD, Outcome.REJECT)
_KEYS: Final = (
    Key("reviews.per_day", Kind.COUNT),
    Key("review.minutes", Kind.COUNT),
    Key("review.minute.cost", Kind.MONEY),
    *(Key(f"friction.{outcome.value.lower()}.cost", Kind.MONEY) for outcome in _ASKED),
    *(Key(f"frozen.{outcome.value.lower()}.share", Kind.PROBABILITY) for outcome in _FREEZING),
    *(Key(f"saved.{outcome.value.lower()}.share", Kind.PROBABILITY) for outcome in _ASKED),
)
#: Draws of the days of the rows, for what a day's money is between, and the quantiles of its ends.
_DRAWS: Final = 1_000
_ENDS: Final = (0.025, 0.975)
#: What of the consequences is money.
_MONEY: Final = ("worth", "saved", "lost", "friction", "frozen", "review")
#: Halvings of the search for the price of a review: to a millionth of the greatest.
_HALVINGS: Final = 40

Float64s = npt.NDArray[np.float64]
Scores = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Costs:
    """What outcomes cost and save. Money in centavos; shares from 0 to 1 of a transfer's amount.

    `friction` is per honest transfer, `frozen` of its amount, `saved` of a fraud's amount. A HOLD
    is reviewed by a person, in so many minutes that cost `review_minute` each; there may be
    `reviews_per_day`.
    """

    reviews_per_day: int
    review_minutes: int
    review_minute: int
    friction: Mapping[Outcome, int]
    frozen: Mapping[Outcome, float]
    saved: Mapping[Outcome, float]

    @property
    def review(self) -> int:
        """One review."""
        return self.review_minutes * self.review_minute


@dataclass(frozen=True, slots=True)
class Consequences:
    """What thresholds would have done on some rows, a day: counts, and money in centavos.

    `review_minutes` are people's time, and `review` what it costs.
    `worth` = `saved` − `friction` − `frozen` − `review`. `busiest` are the reviews of the day that
    would have had most. `between` holds, by the names of `worth`, of its parts, of `lost` and of
    `review_minutes`, the ends of 95 % intervals: those of the mean of as many days, drawn among
    these (bootstrap); NaN where there is one day alone.
    """

    outcomes: Mapping[Outcome, float]
    busiest: float
    saved: float
    lost: float
    friction: float
    frozen: float
    review: float
    review_minutes: float
    between: Mapping[str, tuple[float, float]]

    @property
    def worth(self) -> float:
        """What was saved, less every cost."""
        return self.saved - self.friction - self.frozen - self.review


@dataclass(frozen=True, slots=True)
class Proposal:
    """Thresholds (10⁻⁹, rising with their outcomes) and what they would have done.

    An outcome that no score was worth more as than as another, with a review at its cost and
    `review_price`, has the threshold of the next one; where none follows, that of certainty.
    `review_price` is what one more review a day would have been worth, in centavos: 0 where people
    were enough. `fitted` are the rows they were chosen on, with so many `frauds` among them,
    `judged` later ones.
    """

    thresholds: Mapping[Outcome, int]
    review_price: float
    frauds: int
    fitted: Consequences
    judged: Consequences

    @property
    def never(self) -> tuple[Outcome, ...]:
        """Outcomes asked for at no score: their thresholds are the next ones', or certainty."""
        thresholds = [*self.thresholds.values(), SCORE_UNITS]
        return tuple(
            outcome
            for place, outcome in enumerate(self.thresholds)
            if thresholds[place] == thresholds[place + 1]
        )

    def as_policy(self, start: str) -> str:
        """Entries for `policy/decision.toml`, in force from the date `start` on.

        Who adopts them ends the entries in force with `to = start`.
        """
        return "\n".join(
            f'[[entry]]\nkey = "score.{outcome.value.lower()}.min"\n'
            f'value = "{threshold / SCORE_UNITS:.9f}"\nfrom = {start}\n'
            'norm = "House: proposed by crivo train"\n'
            for outcome, threshold in self.thresholds.items()
        )

    def as_json(self) -> dict[str, Any]:
        """For the tracker, the card and people."""
        return {
            "thresholds": {each.value: value for each, value in self.thresholds.items()},
            "review_price_centavos": round(self.review_price),
            "frauds_chosen_by": self.frauds,
            "never_asked": [outcome.value for outcome in self.never],
            "per_day": {
                name: {
                    "outcomes": {o.value: round(n, 2) for o, n in found.outcomes.items()},
                    "review_minutes": round(found.review_minutes, 1),
                    "busiest_day_reviews": round(found.busiest, 2),
                    "review_minutes_between": _rounded(found.between["review_minutes"], 1),
                    **{f"{part}_centavos": round(getattr(found, part)) for part in _MONEY},
                    **{
                        f"{part}_centavos_between": _rounded(found.between[part]) for part in _MONEY
                    },
                }
                for name, found in (("fitted", self.fitted), ("judged", self.judged))
            },
        }


def parse_costs(text: str, *, at: int) -> Costs:
    """The costs of `policy/costs.toml` in force at an instant.

    Raises:
        Misconfigured: POLICY_INVALID.
    """
    file = parse_policy(text, _KEYS, file=COSTS_FILE)
    day = brasilia_day(at)
    return Costs(
        reviews_per_day=_integer(file, "reviews.per_day", day),
        review_minutes=_integer(file, "review.minutes", day),
        review_minute=_integer(file, "review.minute.cost", day),
        friction={o: _integer(file, f"friction.{o.value.lower()}.cost", day) for o in _ASKED},
        frozen={
            o: _integer(file, f"frozen.{o.value.lower()}.share", day) / SCORE_UNITS
            for o in _FREEZING
        },
        saved={
            o: _integer(file, f"saved.{o.value.lower()}.share", day) / SCORE_UNITS for o in _ASKED
        },
    )


def propose(
    fitted: JudgedRows, scores: Scores, later: JudgedRows, later_scores: Scores, costs: Costs
) -> Proposal:
    """The thresholds that `fitted` would have been worth most under, and what `later` says of them.

    Args:
        fitted: Rows that the model has not learnt from, with amounts.
        scores: Theirs, int64[n] in 10⁻⁹.
        later: Rows that nothing was chosen by.
        later_scores: Theirs.
        costs: What outcomes cost and save.
    """
    capacity = costs.reviews_per_day
    price, thresholds = 0.0, _best(fitted, scores, costs, 0.0)
    if _busiest(fitted, scores, thresholds) > capacity:
        low, high = 0.0, float(fitted.amounts.max(initial=0)) + 1.0
        for _ in range(_HALVINGS):
            price = (low + high) / 2
            fits = _busiest(fitted, scores, _best(fitted, scores, costs, price)) <= capacity
            low, high = (low, price) if fits else (price, high)
        price, thresholds = high, _best(fitted, scores, costs, high)
    return Proposal(
        thresholds=thresholds,
        review_price=price,
        frauds=int(fitted.labels.sum()),
        fitted=consequences(fitted, scores, thresholds, costs),
        judged=consequences(later, later_scores, thresholds, costs),
    )


def consequences(
    rows: JudgedRows, scores: Scores, thresholds: Mapping[Outcome, int], costs: Costs
) -> Consequences:
    """What the thresholds would have done on these rows, a day."""
    rank = np.zeros(len(rows), np.int64)
    for place, outcome in enumerate(_ASKED, start=1):
        rank[scores >= thresholds[outcome]] = place
    days = max(rows.days, 1)
    honest, money = ~rows.labels, rows.amounts * rows.weights
    saved, friction, frozen = np.zeros((3, len(rows)))
    counts = {Outcome.ALLOW: float(rows.weights[rank == 0].sum()) / days}
    for place, outcome in enumerate(_ASKED, start=1):
        asked = rank == place
        counts[outcome] = float(rows.weights[asked].sum()) / days
        stopped, bothered = asked & rows.labels, asked & honest
        saved[stopped] = money[stopped] * costs.saved[outcome]
        friction[bothered] = rows.weights[bothered] * costs.friction[outcome]
        frozen[bothered] = money[bothered] * costs.frozen.get(outcome, 0.0)
    held = rows.weights * (rank == 1 + _ASKED.index(Outcome.HOLD))
    review, lost = held * costs.review, money * rows.labels - saved
    by_row = {
        "worth": saved - friction - frozen - review,
        "saved": saved,
        "lost": lost,
        "friction": friction,
        "frozen": frozen,
        "review": review,
        "review_minutes": held * costs.review_minutes,
    }
    return Consequences(
        outcomes=counts,
        busiest=_busiest(rows, scores, thresholds),
        saved=float(saved.sum()) / days,
        lost=float(lost.sum()) / days,
        friction=float(friction.sum()) / days,
        frozen=float(frozen.sum()) / days,
        review=counts[Outcome.HOLD] * costs.review,
        review_minutes=counts[Outcome.HOLD] * costs.review_minutes,
        between={name: _between(rows, values) for name, values in by_row.items()},
    )


def _between(rows: JudgedRows, values: Float64s) -> tuple[float, float]:
    """The ends of the 95 % interval of a day's sum: whole days are drawn, since campaigns of fraud,
    and what is frozen for them, come together.
    """
    if rows.days < 2:
        return float("nan"), float("nan")
    _, place = np.unique(rows.day, return_inverse=True)
    by_day = np.bincount(place, values)
    generator = np.random.default_rng(0)
    means = by_day[generator.integers(0, len(by_day), (_DRAWS, len(by_day)))].mean(axis=1)
    low, high = np.quantile(means, _ENDS)
    return float(low), float(high)


def _rounded(between: tuple[float, float], digits: int | None = None) -> list[float] | None:
    """Both ends, whole unless `digits` are told; None where there is no interval."""
    return None if np.isnan(between[0]) else [round(end, digits) for end in between]


def _best(
    rows: JudgedRows, scores: Scores, costs: Costs, review_price: float
) -> dict[Outcome, int]:
    """The rising thresholds of greatest worth, by dynamic programming from the riskiest row down.

    `best[j]` is the greatest worth of the j riskiest scores with this outcome or a greater one.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    totals = {
        outcome: np.append(0.0, np.cumsum(_worth(rows, outcome, costs, review_price)[order])[ends])
        for outcome in _ASKED
    }
    best = totals[Outcome.REJECT]
    before: dict[Outcome, Float64s] = {}
    for outcome in (Outcome.HOLD, Outcome.STEP_UP, Outcome.WARN):
        before[outcome] = best - totals[outcome]
        best = totals[outcome] + np.maximum.accumulate(before[outcome])
    count = int(np.argmax(best))
    found: dict[Outcome, int] = {}
    for outcome in (Outcome.WARN, Outcome.STEP_UP, Outcome.HOLD):
        found[outcome] = count
        count = int(np.argmax(before[outcome][: count + 1]))
    found[Outcome.REJECT] = count
    # A threshold is the lowest score that is asked so; nothing reaches one above certainty.
    return {
        outcome: int(ordered[ends[count - 1]]) if count else SCORE_UNITS
        for outcome, count in found.items()
    }


def _worth(rows: JudgedRows, outcome: Outcome, costs: Costs, review_price: float) -> Float64s:
    """float64[n], centavos: what the outcome is worth for each row."""
    cost = costs.friction[outcome] + rows.amounts * costs.frozen.get(outcome, 0.0)
    worth = np.where(rows.labels, rows.amounts * costs.saved[outcome], -cost)
    if outcome is Outcome.HOLD:
        worth = worth - costs.review - review_price
    weighed: Float64s = worth * rows.weights
    return weighed


def _busiest(rows: JudgedRows, scores: Scores, thresholds: Mapping[Outcome, int]) -> float:
    """The reviews of the day that has most: people who have time on another are no help then."""
    held = (scores >= thresholds[Outcome.HOLD]) & (scores < thresholds[Outcome.REJECT])
    _, place = np.unique(rows.day, return_inverse=True)
    return float(np.bincount(place, rows.weights * held, minlength=1).max())


def _integer(file: PolicyFile, key: str, day: int) -> int:
    value = file.value(key, day)
    assert type(value) is int
    return value
