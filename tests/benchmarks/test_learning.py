"""What the benchmarks of learning measure is what the product does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import learning_boosters, learning_resampling, learning_speed
from benchmarks.harness import Setting
from benchmarks.learn import peers
from benchmarks.learn.book import with_book_features
from benchmarks.learn.folds import over_folds
from benchmarks.learn.handbook import FILE, FIRST_DAY, handbook_dataset
from benchmarks.load import peers as asking
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.mapping import parse_mapping
from crivo.flows.training_rows import dataset_of_log
from crivo.model.baselines import best_feature
from crivo.model.booster import BoosterOptions, fit_booster
from crivo.model.prequential import FoldOptions, prequential_folds
from crivo.model.resample import Resampling
from crivo.model.scorer import Scorer
from tests.integration.imports import place
from tests.lookalikes import handbook, write
from tests.unit.model.worlds import START, labelled

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")
UNTIL = parse_rfc3339("2018-04-20T00:00:00Z")


def both(folder, root, plan):
    """The data set of the loader, and that of a log into which the file was imported."""
    path = write(handbook(600), folder / FILE)
    mapping = parse_mapping((root / "mappings/handbook.toml").read_text(), name="handbook.toml")
    with place(folder) as made:
        made.ingest(path, mapping)
        of_log = dataset_of_log(
            made.log,
            plan,
            labels_as_of=UNTIL + 7 * DAY,
            label_delay=7 * DAY,
            progress=lambda *_: None,
        )
    return handbook_dataset(folder, plan, until=UNTIL), of_log


@pytest.mark.slow
def test_the_loader_makes_the_vectors_and_labels_of_a_log(tmp_path, root):
    plan = compile_plan(default_feature_set())
    loaded, of_log = both(tmp_path, root, plan)
    kept = (of_log.occurred_at >= FIRST_DAY) & (of_log.occurred_at < UNTIL)
    assert kept.sum() == len(loaded) > 250
    assert (loaded.occurred_at == of_log.occurred_at[kept]).all()
    assert (loaded.labels() == of_log.labels()[kept]).all()
    assert (loaded.amounts == of_log.amounts[kept]).all()
    assert loaded.vectors.tobytes() == of_log.vectors[kept].tobytes()


@pytest.mark.slow
def test_the_books_features_count_what_the_book_counts(tmp_path):
    table = handbook(600)
    write(table, tmp_path / FILE)
    plan = compile_plan(default_feature_set())
    found = with_book_features(handbook_dataset(tmp_path, plan, until=UNTIL), tmp_path)
    rows = [row for row in table.to_pylist() if row["TX_AMOUNT"] > 0]
    kept = [row for row in rows if FIRST_DAY <= instant(row) < UNTIL]
    assert len(found) == len(kept) > 200
    for number in range(0, len(kept), 41):
        row, vector = kept[number], dict(zip(found.names, found.vectors[number], strict=True))
        week = [
            other["TX_AMOUNT"]
            for other in rows
            if other["CUSTOMER_ID"] == row["CUSTOMER_ID"]
            and instant(row) - 7 * DAY < instant(other) <= instant(row)
        ]
        assert vector["customer_count_7d"] == len(week)
        assert vector["customer_mean_amount_7d"] == pytest.approx(np.mean(week))
        known = [
            other["TX_FRAUD"]
            for other in rows
            if other["TERMINAL_ID"] == row["TERMINAL_ID"]
            and instant(row) - 37 * DAY < instant(other) <= instant(row) - 7 * DAY
        ]
        assert vector["terminal_count_30d"] == len(known)
        assert vector["terminal_risk_30d"] == pytest.approx(np.mean(known) if known else 0.0)


def instant(row) -> int:
    return parse_rfc3339(row["TX_DATETIME"].isoformat() + "Z")


def test_contenders_are_judged_by_the_same_rows_of_every_fold():
    dataset = labelled()
    options = FoldOptions(end=START + 100 * DAY, folds=3, compromised_days=None)
    folds = prequential_folds(dataset, options)
    learners = {"one": lambda *given: best_feature(*given)[1]}
    found = over_folds(dataset, folds, {**learners, "other": learners["one"]}, capacity=5)
    assert found["one"] == found["other"]
    precision = found["one"]["average_precision"]
    assert len(precision.values) == 3
    assert min(precision.values) < precision.mean < max(precision.values)
    assert precision.error > 0


@pytest.mark.slow
def test_boosters_are_grown_and_judged_by_the_same_rows_in_each_fold():
    dataset = labelled(offset=-3.5)
    vectors = dataset.vectors.copy()
    vectors[:, 4] = np.nan  # a column that holds nothing is no reason to fail
    dataset = replace(dataset, vectors=vectors)
    folds = prequential_folds(
        dataset, FoldOptions(end=START + 100 * DAY, folds=2, compromised_days=None)
    )
    contenders = learning_boosters.boosters(BoosterOptions(trees=10, leaves=4, threads=1))
    first = next(iter(contenders))
    found = learning_boosters.side_by_side(
        dataset, folds, {**contenders, "again": contenders[first]}
    )
    assert found["again"].precision == found[first].precision
    for figures in found.values():
        assert len(figures.precision) == len(figures.train_seconds) == len(folds)
        assert min(*figures.precision, *figures.train_seconds, *figures.rows_per_second) > 0
    # No test row of a fold that is reported was looked at: earlier folds end before.
    reported = prequential_folds(dataset, FoldOptions(end=START + 100 * DAY, compromised_days=None))
    chosen_by = learning_boosters.earlier(FoldOptions(end=START + 100 * DAY, compromised_days=None))
    assert chosen_by.end + chosen_by.delay <= reported[0].test_start


def test_the_table_of_resampling_has_every_way_and_figure_with_its_interval():
    dataset = labelled(rows=3_000, offset=-6.0)
    test = np.arange(len(dataset)) >= 2_000
    options = BoosterOptions(trees=5, leaves=4, threads=1)
    found = list(
        learning_resampling.table(SETTING, "small", dataset, ~test, dataset.labels(), test, options)
    )
    names = [row.what for row in found]
    assert len(set(names)) == len(names) == len(Resampling) * 3 * 3
    for way in Resampling:
        assert f"small, {way.value}, brier, 2.5 %" in names
    assert [row.peer is not None for row in found if row.what.endswith("(peer: none)")] == [
        False
    ] * 3 + [True] * 9


@pytest.mark.slow
def test_the_forest_that_is_timed_is_the_librarys():
    vectors, labels = learning_speed.drawn(5_000)
    options = BoosterOptions(trees=20, threads=1)
    booster, _ = fit_booster(vectors, labels, np.ones(5_000), options)
    artifact = learning_speed.artifact_of(booster)
    margins, _ = Scorer(artifact).score(vectors, plan_hash="")
    assert np.abs(margins / 2**40 - booster.predict(vectors, raw_score=True)).max() < 1e-9
    assert learning_speed.each_us(lambda row: None, vectors) >= 0


@pytest.mark.slow
def test_the_peers_answer_as_we_do_and_one_that_is_not_there_is_said_to_be(monkeypatch, tmp_path):
    vectors, labels = learning_speed.drawn(5_000)
    options = BoosterOptions(trees=20, threads=1)
    booster, _ = fit_booster(vectors, labels, np.ones(5_000), options)
    artifact = learning_speed.artifact_of(booster)
    rows = np.ascontiguousarray(vectors[:500])
    if asking.PYTHON.exists():
        for row in learning_speed.beside(SETTING, artifact, rows, (1.0, 1.0, 1.0, 1.0)):
            assert row.found > 0 or "difference" in row.what
            assert row.holds
        margins = Scorer(artifact).score(rows, plan_hash="")[0]
        said = peers.ask("onnxruntime", artifact, rows, {"margins": margins + 2**20})
        assert isinstance(said, str) and "answers otherwise" in said
    monkeypatch.setattr(asking, "PYTHON", tmp_path / "python")
    found = list(learning_speed.beside(SETTING, artifact, rows, (1.0, 1.0, 1.0, 1.0)))
    said = [(row.found, row.holds) for row in found]
    assert said == [(None, None)] * len(learning_speed.PEERS)
    assert all("not installed: make peers" in row.what for row in found)
