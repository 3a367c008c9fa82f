"""The scorer judged by LightGBM, by itself row by row, and by processors with less in them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import MARGIN_BITS, Artifact, save_artifact
from crivo.model.booster import fit_booster
from crivo.model.forest import forest_of
from crivo.model.masked import masked
from crivo.model.scorer import Scorer
from tests.laws.forests import ROWS, many_rows, relaxed
from tests.unit.model.worlds import SMALL, labelled


def margins_differ(artifact: Artifact, booster, vectors) -> float:
    margins, _ = Scorer(artifact).score(vectors, plan_hash=artifact.plan_hash)
    return float(np.abs(margins / 2**MARGIN_BITS - booster.predict(vectors, raw_score=True)).max())


@relaxed
@given(ROWS)
def test_the_margin_is_lightgbms_to_a_billionth(from_booster, booster, vectors):
    assert margins_differ(from_booster, booster, vectors) < 1e-9


def test_the_margin_is_lightgbms_on_the_very_thresholds(from_booster, booster):
    forest = from_booster.forest
    inner = np.flatnonzero(forest.feature >= 0)
    vectors = np.full((len(inner), 5), np.nan)
    vectors[np.arange(len(inner)), forest.feature[inner]] = forest.threshold[inner]
    assert margins_differ(from_booster, booster, vectors) < 1e-9


@relaxed
@given(ROWS)
def test_one_by_one_gives_the_integers_of_all_at_once(artifact, vectors):
    scorer = Scorer(artifact)
    margins, scores = scorer.score(vectors, plan_hash=scorer.artifact.plan_hash)
    assert [scorer.score_one(row, plan_hash=artifact.plan_hash) for row in vectors] == list(
        zip(margins.tolist(), scores.tolist(), strict=True)
    )


def rows_that_differ(artifact: Artifact, vectors: np.ndarray, *, by_mask=None) -> int:
    """How many rows a batch (by masks) and a walk one by one give other integers."""
    scorer = Scorer(artifact)
    if by_mask is not None:
        object.__setattr__(scorer, "_masked", by_mask)
    margins, scores = scorer.score(vectors, plan_hash=artifact.plan_hash)
    walked = [scorer.score_one(row, plan_hash=artifact.plan_hash) for row in vectors]
    return sum(
        one != two for one, two in zip(zip(margins, scores, strict=True), walked, strict=True)
    )


@pytest.mark.parametrize("rows", [7, 8, 9, 63, 64, 65, 200, 1_000])
def test_masks_give_the_integers_of_walks_in_whole_blocks_and_parts(artifact, rows):
    assert rows_that_differ(artifact, many_rows(rows)) == 0


def test_masks_give_librarys_margins_too(from_booster, booster):
    vectors = many_rows(3_000)
    vectors[np.isinf(vectors)] = 1e300
    assert margins_differ(from_booster, booster, vectors) < 1e-9


@pytest.mark.parametrize(
    ("column", "other"),
    [("masks", 0xFFFFFFFF), ("columns", 2 * 4), ("thresholds", 99.0), ("values", 1)],
)
def test_sabotage_one_other_number_of_a_mask_is_noticed(artifact, column, other):
    made = masked(artifact.forest)
    broken = getattr(made, column).copy()
    broken[0] = other
    vectors = many_rows(1_000)
    assert rows_that_differ(artifact, vectors, by_mask=replace(made, **{column: broken})) > 0


def test_trees_of_more_leaves_than_a_mask_holds_are_walked(artifact):
    dataset = labelled()
    options = replace(SMALL.booster, leaves=40, rows_leaf_min=1, hessian_min=1e-3)
    great, _ = fit_booster(dataset.vectors, dataset.labels(), dataset.weights, options)
    made = replace(artifact, body=forest_of(great))
    assert masked(made.forest) is None
    assert rows_that_differ(made, many_rows(200)) == 0
    assert margins_differ(made, great, many_rows(63)) < 1e-9


@relaxed
@given(ROWS)
def test_a_greater_margin_never_has_a_lower_score(artifact, vectors):
    margins, scores = Scorer(artifact).score(vectors, plan_hash=artifact.plan_hash)
    assert (np.diff(scores[np.argsort(margins, kind="stable")]) >= 0).all()
    assert scores.min() >= 0
    assert scores.max() <= 10**9


def test_the_table_interpolates_in_integers_and_ends_flat(artifact):
    calibration = artifact.calibration
    step = 1 << calibration.step_log2
    places = [-1, 0, 7, 4_095 * step + step // 2, 4_096 * step, 5_000 * step]
    expected = []
    for place in places:
        index, rest = divmod(min(max(place, 0), 4_096 * step), step)
        low = int(calibration.knots[index])
        high = int(calibration.knots[min(index + 1, 4_096)])
        expected.append(low + (high - low) * rest // step)
    found = []
    for place in places:
        forest = replace(
            artifact.forest,
            feature=np.array([-1], np.int32),
            threshold=np.zeros(1),
            left=np.array([-1], np.int32),
            right=np.array([-1], np.int32),
            null_left=np.zeros(1, np.uint8),
            value=np.array([calibration.margin_low + place], np.int64),
            cover=np.ones(1, np.int64),
            roots=np.zeros(1, np.int32),
        )
        scorer = Scorer(replace(artifact, body=forest))
        found.append(scorer.score_one(np.zeros(5), plan_hash=artifact.plan_hash)[1])
    assert found == expected


@pytest.mark.parametrize("column", ["value", "threshold"])
def test_sabotage_one_flipped_leaf_or_threshold_breaks_the_law(from_booster, booster, column):
    forest = from_booster.forest
    leaf = column == "value"
    place = int(np.flatnonzero((forest.feature < 0) if leaf else (forest.feature >= 0))[0])
    broken = getattr(forest, column).copy()
    broken[place] += (1 << MARGIN_BITS) if leaf else 0.5
    sabotaged = replace(from_booster, body=replace(forest, **{column: broken}))
    vectors = np.random.default_rng(1).normal(size=(20_000, 5))
    assert margins_differ(from_booster, booster, vectors) < 1e-9
    assert margins_differ(sabotaged, booster, vectors) > 1e-9


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((3, 4)),
        np.zeros(5),
        np.zeros((3, 5), np.float32),
        np.asfortranarray(np.zeros((3, 5))),
    ],
)
def test_vectors_of_another_shape_or_type_are_refused(artifact, vectors):
    with pytest.raises(Misconfigured) as refusal:
        Scorer(artifact).score(vectors, plan_hash=artifact.plan_hash)
    assert refusal.value.code is Code.PLAN_MISMATCH


def test_vectors_of_another_plan_are_refused(artifact):
    Scorer(artifact, plan_hash=artifact.plan_hash)
    with pytest.raises(Misconfigured) as refusal:
        Scorer(artifact, plan_hash="2" * 64)
    assert refusal.value.code is Code.PLAN_MISMATCH


def test_a_vector_says_of_which_plan_it_is_each_time_it_is_scored(artifact):
    scorer = Scorer(artifact)
    for score in (
        lambda: scorer.score(np.zeros((1, 5)), plan_hash="2" * 64),
        lambda: scorer.score_one(np.zeros(5), plan_hash=""),
    ):
        with pytest.raises(Misconfigured) as refusal:
            score()
        assert refusal.value.code is Code.PLAN_MISMATCH
        assert refusal.value.context["expected"] == artifact.plan_hash


SCORE_AND_PRINT = """
import hashlib, sys
from pathlib import Path
import numpy as np
from crivo.model.artifact import load_artifact
from crivo.model.scorer import Scorer
scorer = Scorer(load_artifact(Path(sys.argv[1])))
vectors = np.random.default_rng(3).normal(size=(5_000, 5))
vectors[::7, 1] = np.nan
margins, scores = scorer.score(vectors, plan_hash=scorer.artifact.plan_hash)
parts = np.array([scorer.contributions(row) for row in vectors[:200]])
print(hashlib.sha256(margins.tobytes() + scores.tobytes() + parts.tobytes()).hexdigest())
heavy = {"lightgbm", "sklearn", "mlflow", "pandas", "pyarrow"}
print(sorted(heavy & set(sys.modules)))
"""

PLAIN_PROCESSOR = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
}


def scored_elsewhere(folder: Path, cache: Path, **settings: str) -> list[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **settings}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCORE_AND_PRINT, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.slow
def test_the_bytes_of_a_score_do_not_depend_on_the_processor(artifact, tmp_path):
    folder = save_artifact(tmp_path / "models", artifact)
    full, heavy = scored_elsewhere(folder, tmp_path / "full")
    plain, _ = scored_elsewhere(folder, tmp_path / "plain", **PLAIN_PROCESSOR)
    assert full == plain
    assert heavy == "[]"
