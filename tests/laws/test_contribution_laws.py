"""Contributions are Shapley values: LightGBM's, those of fractions, those over all coalitions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import factorial

import numba
import numpy as np
import pytest
from hypothesis import given

from crivo.domain.errors import Misconfigured
from crivo.model.artifact import MARGIN_BITS, Artifact, Forest
from crivo.model.booster import fit_booster
from crivo.model.forest import forest_of
from crivo.model.scorer import Scorer
from crivo.model.shapley import NONE, contribute, fill_table, paths
from tests.laws.forests import ROWS, many_rows, relaxed
from tests.unit.model.worlds import SMALL, labelled


@relaxed
@given(ROWS)
def test_contributions_sum_to_the_margin_exactly(artifact, vectors):
    scorer = Scorer(artifact)
    margins, _ = scorer.score(vectors, plan_hash=scorer.artifact.plan_hash)
    parts = [scorer.contributions(row).tolist() for row in vectors]
    assert [sum(each) for each in parts] == margins.tolist()
    assert scorer.contributions_of(vectors).tolist() == parts


def contributions_differ(artifact: Artifact, booster, vectors) -> float:
    parts = Scorer(artifact).contributions_of(vectors) / 2**MARGIN_BITS
    return float(np.abs(parts - booster.predict(vectors, pred_contrib=True)).max())


@pytest.mark.slow
@relaxed
@given(ROWS)
def test_contributions_are_lightgbms_shapley_values(from_booster, booster, vectors):
    assert contributions_differ(from_booster, booster, vectors) < 1e-9


@pytest.mark.slow
def test_contributions_are_right_along_paths_of_more_inputs_than_one_block_holds(artifact):
    # A fraud is what is great in any input: each tree cuts off one input after the other.
    dataset = labelled(rows=6_000, names=40)
    frauds = (np.nan_to_num(dataset.vectors) > 2.0).any(axis=1)
    options = replace(SMALL.booster, leaves=25, rows_leaf_min=1, hessian_min=1e-9, trees=1)
    deep, _ = fit_booster(dataset.vectors, frauds, dataset.weights, options)
    made = replace(artifact, body=forest_of(deep), input_names=dataset.names)
    assert paths(made.forest).points.shape[0] >= 2
    # LightGBM's own are off by 4e-8 on such paths; fractions are not.
    vector = dataset.vectors[248]
    found = Scorer(made).contributions(vector)[:-1]
    exact = in_fractions(made.forest, vector)
    assert np.abs(found - [float(exact.get(place, 0)) for place in range(40)]).max() <= 0.6
    assert contributions_differ(made, deep, dataset.vectors[:300]) < 1e-6


def contributed(way, vectors) -> list[list[int]]:
    """What each input adds, of the paths as they are."""
    parts = np.zeros(vectors.shape, np.int64)
    rule = (way.inputs, way.shares, way.points, way.weights, way.table)
    numba.njit(contribute)(way.splits, way.leaves, *rule, vectors, parts)
    return parts.tolist()


@pytest.mark.slow
def test_kept_answers_are_those_that_are_integrated_each_time(artifact):
    vectors = many_rows(200)
    kept, none = paths(artifact.forest), paths(artifact.forest, table_bytes_max=0)
    half = paths(artifact.forest, table_bytes_max=kept.table.nbytes // 2)
    assert (kept.leaves["table"] > NONE).all()
    assert (none.leaves["table"] == NONE).all()
    assert 0 < (half.leaves["table"] == NONE).sum() < len(half.leaves)
    for way in (kept, none, half):
        numba.njit(fill_table)(way.leaves, way.shares, way.points, way.weights, way.table)
    expected = contributed(none, vectors)
    assert contributed(kept, vectors) == contributed(half, vectors) == expected
    # Sabotage: other answers are noticed.
    kept.table[:] += 2.0
    assert contributed(kept, vectors) != expected


def test_a_path_of_more_inputs_than_a_word_has_bits_is_refused(artifact):
    # A chain: each split sends one row to the left, and asks another input than those above.
    inner, leaf = np.arange(0, 130, 2), np.arange(1, 131, 2)
    feature = np.full(131, -1, np.int32)
    feature[inner] = np.arange(65)
    left, right = np.zeros(131, np.int32), np.zeros(131, np.int32)
    left[inner], right[inner] = leaf, inner + 2
    cover = np.ones(131, np.int64)
    cover[inner] = 66 - np.arange(65)
    chain = Forest(
        feature=feature,
        threshold=np.zeros(131),
        left=left,
        right=right,
        null_left=np.zeros(131, np.uint8),
        value=np.ones(131, np.int64),
        cover=cover,
        roots=np.zeros(1, np.int32),
    )
    made = replace(artifact, body=chain, input_names=tuple(f"i{n}" for n in range(65)))
    with pytest.raises(Misconfigured) as refusal:
        Scorer(made).contributions(np.zeros(65))
    assert refusal.value.context["found"] == "65"


def in_fractions(forest, vector) -> dict[int, Fraction]:
    """The Shapley values in 2^-40, leaf by leaf, by polynomials of fractions."""
    found: dict[int, Fraction] = {}

    def walk(node: int, factors: dict[int, tuple[int, Fraction]]) -> None:
        feature = int(forest.feature[node])
        if feature < 0:
            for place, (agrees, share) in factors.items():
                others = [factor for other, factor in factors.items() if other != place]
                part = int(forest.value[node]) * (agrees - share) * integral(others)
                found[place] = found.get(place, Fraction(0)) + part
            return
        value = vector[feature]
        is_null = np.isnan(value)
        goes_left = forest.null_left[node] == 1 if is_null else value <= forest.threshold[node]
        for side, is_left in ((forest.left[node], True), (forest.right[node], False)):
            agrees, share = factors.get(feature, (1, Fraction(1)))
            part = share * Fraction(int(forest.cover[side]), int(forest.cover[node]))
            walk(int(side), {**factors, feature: (agrees if goes_left == is_left else 0, part)})

    for root in forest.roots.tolist():
        walk(root, {})
    return found


def integral(factors: list[tuple[int, Fraction]]) -> Fraction:
    """Of the product of t·o + (1 − t)·z over t from 0 to 1."""
    product = [Fraction(1)]
    for agrees, share in factors:
        lower = [term * share for term in product] + [Fraction(0)]
        higher = [Fraction(0)] + [term * (agrees - share) for term in product]
        product = [one + other for one, other in zip(lower, higher, strict=True)]
    return sum((term / (power + 1) for power, term in enumerate(product)), Fraction(0))


def expected_margin(forest, node: int, vector, known: frozenset[int]) -> float:
    """What a tree says of a row of which only the inputs `known` are there."""
    feature = int(forest.feature[node])
    if feature < 0:
        return float(forest.value[node])
    left, right = int(forest.left[node]), int(forest.right[node])
    if feature in known:
        value = vector[feature]
        goes_left = (
            forest.null_left[node] == 1 if np.isnan(value) else value <= forest.threshold[node]
        )
        return expected_margin(forest, left if goes_left else right, vector, known)
    shares = forest.cover[[left, right]] / forest.cover[node]
    sides = [expected_margin(forest, side, vector, known) for side in (left, right)]
    return float(shares @ sides)


def test_contributions_are_shapley_values_over_all_coalitions(artifact):
    forest, count = artifact.forest, 5
    coalitions = [
        frozenset(c) for size in range(count + 1) for c in combinations(range(count), size)
    ]
    for vector in labelled(seed=3).vectors[:6]:
        worth = {
            each: sum(expected_margin(forest, root, vector, each) for root in forest.roots.tolist())
            for each in coalitions
        }
        expected = [
            sum(
                factorial(len(each))
                * factorial(count - len(each) - 1)
                / factorial(count)
                * (worth[each | {place}] - worth[each])
                for each in coalitions
                if place not in each
            )
            for place in range(count)
        ]
        found = Scorer(artifact).contributions(vector)
        assert np.abs(found[:-1] - expected).max() < 4  # of 2^-40
        assert abs(found[-1] - worth[frozenset()]) < 4 * count


def test_sabotage_one_row_more_at_a_leaf_makes_other_contributions(from_booster, booster):
    cover = from_booster.forest.cover.copy()
    way = [0]
    while from_booster.forest.feature[way[-1]] >= 0:
        way.append(int(from_booster.forest.left[way[-1]]))
    cover[way] += 1
    moved = replace(from_booster, body=replace(from_booster.forest, cover=cover))
    assert contributions_differ(moved, booster, labelled().vectors[:50]) > 1e-9
