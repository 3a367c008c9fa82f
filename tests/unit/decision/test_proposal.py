"""Proposed thresholds are worth most on the rows given, with no more people than there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.policy import SCORE_UNITS
from crivo.decision.proposal import Costs, consequences, parse_costs, propose
from crivo.domain.errors import Misconfigured
from crivo.domain.instant import DAY
from crivo.model.judged import JudgedRows
from tests.unit.model.worlds import START

COSTS = Costs(
    reviews_per_day=1_000,
    review_minutes=12,
    review_minute=100,
    friction={Outcome.WARN: 20, Outcome.STEP_UP: 100, Outcome.HOLD: 500, Outcome.REJECT: 3_000},
    frozen={Outcome.HOLD: 0.001, Outcome.REJECT: 0.01},
    saved={Outcome.WARN: 0.15, Outcome.STEP_UP: 0.45, Outcome.HOLD: 0.85, Outcome.REJECT: 1.0},
)


def drawn(rows: int = 4_000, seed: int = 1) -> tuple[JudgedRows, np.ndarray]:
    """Rows over two days, and calibrated scores of three decimals."""
    generator = np.random.default_rng(seed)
    chance = np.round(generator.beta(0.2, 6, rows), 3)
    judged = JudgedRows(
        names=("x",),
        vectors=np.zeros((rows, 1)),
        labels=generator.random(rows) < chance,
        weights=np.ones(rows),
        amounts=generator.lognormal(10, 1, rows).astype(np.int64),
        occurred_at=np.sort(generator.integers(START, START + DAY, rows)),
    )
    return judged, (chance * SCORE_UNITS).astype(np.int64)


def worth(judged, scores, thresholds) -> float:
    return consequences(judged, scores, thresholds, COSTS).worth


def test_no_other_thresholds_would_have_been_worth_more():
    judged, scores = drawn(14)
    found = propose(judged, scores, judged, scores, COSTS)
    places = [*np.unique(scores).tolist(), SCORE_UNITS]
    every = combinations_with_replacement(places, 4)
    outcomes = (Outcome.WARN, Outcome.STEP_UP, Outcome.HOLD, Outcome.REJECT)
    best = max(worth(judged, scores, dict(zip(outcomes, each, strict=True))) for each in every)
    assert found.fitted.worth == pytest.approx(best)


def test_thresholds_rise_with_their_outcomes():
    for seed in range(5):
        judged, scores = drawn(seed=seed)
        found = list(propose(judged, scores, judged, scores, COSTS).thresholds.values())
        assert found == sorted(found)


def test_an_outcome_that_no_score_is_worth_is_named_and_the_frauds_chosen_by_are_counted():
    judged, scores = drawn()
    found = propose(judged, scores, judged, scores, COSTS)
    assert found.never == ()
    assert found.frauds == judged.labels.sum() > 100
    # A warning that costs as much as a request for proof, and saves less, is never worth it.
    dear = replace(COSTS, friction={**COSTS.friction, Outcome.WARN: 1_000})
    found = propose(judged, scores, judged, scores, dear)
    assert found.never == (Outcome.WARN,)
    assert found.thresholds[Outcome.WARN] == found.thresholds[Outcome.STEP_UP]
    assert found.as_json()["never_asked"] == ["WARN"]
    # Without a fraud nothing is: all four stand at certainty.
    honest = replace(judged, labels=np.zeros_like(judged.labels))
    assert len(propose(honest, scores, judged, scores, COSTS).never) == 4


@pytest.mark.parametrize("reviews", [0, 1, 7, 40])
def test_reviews_stay_within_what_people_can_do(reviews):
    judged, scores = drawn()
    costs = replace(COSTS, reviews_per_day=reviews)
    found = propose(judged, scores, judged, scores, costs)
    free = propose(judged, scores, judged, scores, COSTS)
    assert free.fitted.outcomes[Outcome.HOLD] > 40
    assert free.review_price == 0
    assert found.fitted.outcomes[Outcome.HOLD] <= reviews
    assert found.review_price > 0
    assert found.fitted.worth < free.fitted.worth


def test_people_are_enough_on_the_busiest_day_and_not_on_the_mean_of_all():
    judged, scores = drawn()
    # The same rows, in equal parts on two days, and nine in ten on the second.
    number = np.arange(len(judged))
    even, lopsided = (
        replace(judged, occurred_at=np.where(late, START + DAY, START - DAY))
        for late in (number % 2 > 0, number % 10 > 0)
    )
    costs = replace(COSTS, reviews_per_day=60)
    enough = propose(even, scores, judged, scores, costs)
    assert enough.review_price == 0
    assert 35 < enough.fitted.outcomes[Outcome.HOLD] < enough.fitted.busiest < 60
    found = propose(lopsided, scores, judged, scores, costs)
    assert found.review_price > 0
    assert 40 < found.fitted.busiest <= 60
    # The same thresholds as for equal days would have asked for more than there are people.
    other = consequences(lopsided, scores, enough.thresholds, costs)
    assert other.outcomes[Outcome.HOLD] < 60 < other.busiest


def test_sabotage_scores_that_say_nothing_ask_for_nothing_dear():
    judged, scores = drawn()
    shuffled = np.random.default_rng(0).permutation(scores)
    told = propose(judged, scores, judged, scores, COSTS)
    blind = propose(judged, shuffled, judged, shuffled, COSTS)
    assert blind.fitted.worth < told.fitted.worth * 2 / 3


def test_what_is_saved_and_lost_is_all_the_money_of_frauds():
    judged, scores = drawn()
    found = propose(judged, scores, *drawn(seed=2), COSTS).judged
    later, _ = drawn(seed=2)
    whole = later.amounts[later.labels].sum() / later.days
    assert found.saved + found.lost == pytest.approx(whole)
    assert sum(found.outcomes.values()) == pytest.approx(len(later) / later.days)


#: What of a proposal is money.
PARTS = {"worth", "saved", "lost", "friction", "frozen", "review"}


def spread_over(days: int, rows: int = 4_000) -> tuple[JudgedRows, np.ndarray]:
    """The rows drawn, over so many days."""
    judged, scores = drawn(rows)
    at = np.sort(np.random.default_rng(3).integers(START, START + (days - 1) * DAY, rows))
    return replace(judged, occurred_at=at), scores


def test_what_a_day_saves_lies_between_ends_that_whole_days_were_drawn_for():
    judged, scores = spread_over(40)
    found = propose(judged, scores, judged, scores, COSTS).judged
    assert set(found.between) == PARTS | {"review_minutes"}
    for name in found.between:
        low, high = found.between[name]
        assert low < getattr(found, name) < high
    # Sabotage: frauds that all lie on a few days leave a day's money uncertain.
    order = np.argsort(judged.labels, kind="stable")
    bunched = replace(judged.of(order), occurred_at=judged.occurred_at)
    later = propose(judged, scores, bunched, scores[order], COSTS).judged
    assert later.saved == pytest.approx(found.saved)
    widths = [np.subtract(*each.between["saved"][::-1]) for each in (found, later)]
    assert widths[1] > 2 * widths[0]


def test_of_one_day_alone_no_interval_is_told():
    judged, scores = drawn()
    one = replace(judged, occurred_at=np.full(len(judged), START))
    found = propose(judged, scores, one, scores, COSTS)
    assert np.isnan(list(found.judged.between.values())).all()
    told = found.as_json()["per_day"]["judged"]
    names = [*(f"{part}_centavos" for part in sorted(PARTS)), "review_minutes"]
    assert all(told[f"{name}_between"] is None for name in names)
    judged, scores = spread_over(10)
    told = propose(judged, scores, judged, scores, COSTS).as_json()["per_day"]["judged"]
    for name in names:
        low, high = told[f"{name}_between"]
        assert low < told[name] < high


def test_a_row_that_stands_for_many_counts_as_many():
    judged, scores = drawn(200)
    tripled = replace(judged, weights=np.full(200, 3.0))
    costs = replace(COSTS, reviews_per_day=10**6)
    one = propose(judged, scores, judged, scores, costs)
    three = propose(tripled, scores, tripled, scores, costs)
    assert one.thresholds == three.thresholds
    assert three.fitted.worth == pytest.approx(3 * one.fitted.worth)


def test_the_proposal_is_text_that_the_policy_can_adopt(root):
    from crivo.decision.policy import Key, Kind, parse_policy

    judged, scores = drawn()
    found = propose(judged, scores, judged, scores, COSTS)
    keys = [Key(f"score.{o.value.lower()}.min", Kind.PROBABILITY) for o in found.thresholds]
    parsed = parse_policy(found.as_policy("2000-01-01"), keys, file="proposed")
    for outcome, threshold in found.thresholds.items():
        assert parsed.value(f"score.{outcome.value.lower()}.min", 20_000) == threshold


def test_the_costs_of_the_house_are_read(root):
    text = (root / "policy/costs.toml").read_text()
    assert parse_costs(text, at=START) == replace(COSTS, reviews_per_day=100)
    with pytest.raises(Misconfigured):
        parse_costs(text.replace('"1.00"', '"-1.00"'), at=START)


def test_the_time_of_people_is_counted_in_minutes_and_costs_what_the_policy_says(root):
    judged, scores = drawn()
    found = propose(judged, scores, *drawn(seed=2), COSTS)
    for part in (found.fitted, found.judged):
        assert part.review_minutes == pytest.approx(12 * part.outcomes[Outcome.HOLD])
        assert part.review == pytest.approx(100 * part.review_minutes)
    told = found.as_json()["per_day"]["judged"]
    assert told["review_minutes"] == round(found.judged.review_minutes, 1) > 0
    text = (root / "policy/costs.toml").read_text()
    slower = parse_costs(text.replace("value = 12\n", "value = 30\n"), at=START)
    assert (slower.review_minutes, slower.review) == (30, 3_000)


def test_minutes_that_cost_more_ask_people_for_less():
    judged, scores = drawn()
    cheap = propose(judged, scores, judged, scores, COSTS).fitted
    for dear in (replace(COSTS, review_minute=1_000), replace(COSTS, review_minutes=120)):
        found = propose(judged, scores, judged, scores, dear).fitted
        assert found.outcomes[Outcome.HOLD] < cheap.outcomes[Outcome.HOLD] / 2


def test_money_of_frauds_is_lost_or_saved_and_never_frozen():
    judged, scores = drawn()
    everything = dict.fromkeys((Outcome.WARN, Outcome.STEP_UP, Outcome.HOLD), 0)
    found = consequences(judged, scores, {**everything, Outcome.REJECT: SCORE_UNITS}, COSTS)
    honest = judged.amounts[~judged.labels].sum() / judged.days
    assert judged.amounts[judged.labels].sum() > 0.01 * honest
    assert found.frozen == pytest.approx(honest * COSTS.frozen[Outcome.HOLD])
