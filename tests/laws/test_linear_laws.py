"""A regression that may serve: judged by scikit-learn, row by row, and by other processors."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import MARGIN_BITS, Artifact, load_artifact, save_artifact
from crivo.model.baselines import logistic
from crivo.model.learner import Method
from crivo.model.linear import Linear
from crivo.model.logistic import Logistic, fit_logistic, linear_of
from crivo.model.resample import Resampling
from crivo.model.scorer import Scorer
from tests.laws.forests import ROWS, many_rows, relaxed
from tests.laws.test_scorer_laws import PLAIN_PROCESSOR, rows_that_differ, scored_elsewhere
from tests.unit.model.worlds import SMALL, labelled, trained

OPTIONS = replace(SMALL, method=Method.LOGISTIC)


@pytest.fixture(scope="module")
def made():
    return trained(options=OPTIONS)


@pytest.fixture(scope="module")
def regression() -> Logistic:
    dataset = labelled()
    return fit_logistic(dataset.vectors, dataset.labels(), dataset.weights)


@pytest.fixture(scope="module")
def served(made, regression) -> Artifact:
    """The regression's margin, behind the table of scores of a trained artifact."""
    return replace(made.artifact, body=linear_of(regression))


def margins_differ(artifact: Artifact, regression: Logistic, vectors: np.ndarray) -> float:
    margins, _ = Scorer(artifact).score(vectors, plan_hash=artifact.plan_hash)
    its = regression.margins(vectors)
    inside = np.abs(its) < artifact.body.bound
    return float(np.abs(margins / 2**MARGIN_BITS - its)[inside].max(initial=0.0))


def test_the_margin_is_the_librarys_to_a_billionth(served, regression):
    vectors = np.random.default_rng(5).normal(scale=30, size=(20_000, 5))
    vectors[np.random.default_rng(6).random(vectors.shape) < 0.2] = np.nan
    assert margins_differ(served, regression, vectors) < 1e-9


def test_sabotage_one_other_number_breaks_the_law(served, regression):
    vectors = np.random.default_rng(5).normal(size=(2_000, 5))
    vectors[::7, 1] = np.nan
    for item in fields(Linear):
        if item.name == "usual":
            continue
        broken = getattr(served.body, item.name).copy()
        broken[min(1, len(broken) - 1)] += 1e-6
        other = replace(served, body=replace(served.body, **{item.name: broken}))
        assert margins_differ(other, regression, vectors) > 1e-9, item.name


@relaxed
@given(ROWS)
def test_one_by_one_gives_the_integers_of_all_at_once(served, vectors):
    assert rows_that_differ(served, vectors) == 0


@pytest.mark.parametrize("rows", [1, 63, 64, 1_000])
def test_blocks_of_rows_are_no_other_way(served, rows):
    assert rows_that_differ(served, many_rows(rows)) == 0


@relaxed
@given(ROWS)
def test_contributions_add_up_to_the_margin_exactly(served, vectors):
    scorer = Scorer(served)
    parts = scorer.contributions_of(vectors)
    margins, _ = scorer.score(vectors, plan_hash=served.plan_hash)
    assert (parts.sum(axis=1) == margins).all()
    assert (scorer.contributions(vectors[0]) == parts[0]).all()


def test_an_input_contributes_what_it_adds_more_than_usual(served):
    dataset = labelled()
    parts = Scorer(served).contributions_of(dataset.vectors)[:, :-1] / 2**MARGIN_BITS
    # Over the rows that it was fitted on, each is nothing on average.
    np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-9)
    # The first input is what raises the risk of these rows.
    assert np.corrcoef(parts[:, 0], np.nan_to_num(dataset.vectors[:, 0]))[0, 1] > 0.9


def test_a_null_adds_what_its_mark_says_and_a_value_beyond_all_bounds_is_bounded(served):
    scorer, body = Scorer(served), served.body
    rows = np.zeros((3, 5))
    rows[1, 0], rows[2, 0] = np.nan, np.inf
    margins = scorer.score(rows, plan_hash=served.plan_hash)[0] / 2**MARGIN_BITS
    added = body.parts(rows)
    assert added[1, 0] == body.null[0]
    assert abs(added[2, 0]) == body.bound
    np.testing.assert_allclose(margins, added.sum(axis=1) + body.start[0], atol=1e-9)


def test_it_is_saved_hashed_and_loaded_as_a_forest_is(made, tmp_path):
    folder = save_artifact(tmp_path, made.artifact)
    assert folder.name == made.artifact.hash
    loaded = load_artifact(folder)
    assert loaded.hash == made.artifact.hash
    rows = many_rows(200)
    found = [Scorer(each).score(rows, plan_hash=each.plan_hash) for each in (loaded, made.artifact)]
    assert (found[0][0] == found[1][0]).all()
    assert (found[0][1] == found[1][1]).all()
    assert not [path for path in folder.iterdir() if path.suffix not in {".npy", ".json"}]


def test_one_byte_of_another_file_is_refused(made, tmp_path):
    folder = save_artifact(tmp_path, made.artifact)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
        with pytest.raises(Misconfigured) as refusal:
            load_artifact(folder)
        assert refusal.value.code is Code.ARTIFACT_INVALID
        path.write_bytes(whole)
    load_artifact(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [("scale", 0.0), ("scale", -1.0), ("weight", np.nan), ("null", np.inf), ("usual", 1e9)],
)
def test_arrays_that_are_no_margin_are_refused(made, name, value):
    broken = getattr(made.artifact.body, name).copy()
    broken[0] = value
    with pytest.raises(Misconfigured) as refusal:
        replace(made.artifact, body=replace(made.artifact.body, **{name: broken}))
    assert refusal.value.code is Code.ARTIFACT_INVALID
    with pytest.raises(Misconfigured):
        replace(made.artifact, body=replace(made.artifact.body, **{name: broken[:-1]}))


def test_its_metrics_stand_in_the_place_of_the_baseline_and_equal_options_give_equal_bytes(made):
    assert made.artifact.metadata["learner"] == "logistic"
    assert [name.split()[0] for name in made.metrics] == ["logistic", "only"]
    assert trained(options=OPTIONS).artifact.hash == made.artifact.hash
    dataset = labelled()
    rows = made.split.last(dataset)
    labels = dataset.labels(made.split.test_start)[rows]
    ranked = logistic(dataset.vectors[rows], labels, dataset.weights[rows])(made.judged.vectors)
    scores = made.judged.scores(made.artifact)
    assert np.argmax(scores) == np.argmax(ranked)
    assert np.corrcoef(np.argsort(np.argsort(scores)), np.argsort(np.argsort(ranked)))[0, 1] > 0.999


@pytest.mark.parametrize("way", [Resampling.WEIGHTS, Resampling.UNDER])
def test_resampling_leaves_its_probabilities_at_the_natural_prior(way):
    options = replace(OPTIONS, booster=replace(OPTIONS.booster, resampling=way))
    found = trained(labelled(rows=20_000), options)
    judged = found.judged
    expected = judged.scores(found.artifact).sum() / 1e9
    assert 0.6 < expected / judged.labels.sum() < 1.7


@pytest.mark.slow
def test_its_bytes_do_not_depend_on_the_processor_and_need_no_trainer(served, tmp_path):
    folder = save_artifact(tmp_path / "models", served)
    full, heavy = scored_elsewhere(folder, tmp_path / "full")
    plain, _ = scored_elsewhere(folder, tmp_path / "plain", **PLAIN_PROCESSOR)
    assert full == plain
    assert heavy == "[]"
