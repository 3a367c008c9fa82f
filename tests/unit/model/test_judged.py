"""The rows that a model was judged by are kept whole, and judge others by the names of inputs."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.model import judged as module
from crivo.model.artifact import save_artifact
from crivo.model.judged import forget_judged, load_judged, save_judged, to_keep
from crivo.model.segments import by_segment
from tests.unit.model.test_artifact import Writes
from tests.unit.model.worlds import labelled, trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    return trained()


def test_what_was_kept_is_found_again(result, tmp_path):
    path = save_judged(tmp_path, result.judged)
    assert path.name == f"{result.judged.hash}.npz"
    loaded = load_judged(tmp_path, result.judged.hash)
    assert loaded.hash == result.judged.hash == result.artifact.metadata["judged"]
    assert loaded.vectors.tobytes() == result.judged.vectors.tobytes()
    before = path.stat().st_mtime_ns
    save_judged(tmp_path, result.judged)
    assert path.stat().st_mtime_ns == before


def test_sabotage_one_flipped_byte_is_found(result, tmp_path):
    path = save_judged(tmp_path, result.judged)
    whole = path.read_bytes()
    for place in (len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Misconfigured) as refusal:
            load_judged(tmp_path, result.judged.hash)
        assert refusal.value.code is Code.ARTIFACT_INVALID


def test_a_pickle_among_the_rows_is_refused_before_it_does_anything(result, tmp_path):
    trace, path = tmp_path / "trace", save_judged(tmp_path, result.judged)
    with np.load(path) as arrays:
        columns = dict(arrays)
    columns["amounts"] = np.array([Writes(trace)], object)
    np.savez_compressed(path, **columns)
    with pytest.raises(Misconfigured):
        load_judged(tmp_path, result.judged.hash)
    assert not trace.exists()


def test_rows_that_are_not_there_are_said_to_be_missing(tmp_path):
    with pytest.raises(Unavailable) as refusal:
        load_judged(tmp_path, "a" * 64)
    assert refusal.value.code is Code.NOT_FOUND


def test_inputs_are_chosen_by_name_in_whatever_order_they_stand(result):
    judged = result.judged
    order = [3, 0, 4, 1, 2]
    shuffled = replace(
        judged,
        names=tuple(judged.names[place] for place in order),
        vectors=np.ascontiguousarray(judged.vectors[:, order]),
    )
    assert (shuffled.scores(result.artifact) == judged.scores(result.artifact)).all()


def test_a_model_whose_input_is_missing_cannot_be_judged(result):
    judged = replace(result.judged, names=("input_0", "input_1", "input_2", "input_3", "other"))
    with pytest.raises(Misconfigured) as refusal:
        judged.scores(result.artifact)
    assert refusal.value.code is Code.PLAN_MISMATCH
    assert refusal.value.context["expected"] == "input_4"


def test_reviews_are_those_of_each_brasilia_day(result):
    judged = result.judged
    scores = judged.scores(result.artifact)
    metrics = judged.figures(scores, chances=None, reviews_per_day=2, resamples=0)
    found = {metric.name: metric.value for metric in metrics}
    day = (judged.occurred_at - 3 * 3_600_000_000) // DAY
    hits = 0
    for each in np.unique(day):
        today = np.flatnonzero(day == each)
        hits += judged.labels[today[np.argsort(-scores[today], kind="stable")][:2]].sum()
    assert found["precision_at_capacity"] == hits / (2 * judged.days)
    assert found["recall_at_capacity"] == hits / judged.labels.sum()


def test_a_sample_keeps_every_positive_and_the_weight_of_all(result, monkeypatch):
    monkeypatch.setattr(module, "ROWS_MAX", 300)
    judged = result.judged
    kept = to_keep(judged, seed=1)
    assert len(kept) == 300
    assert kept.labels.sum() == judged.labels.sum()
    assert kept.weights.sum() == pytest.approx(judged.weights.sum())
    assert kept.weights[kept.labels].max() == 1.0
    assert to_keep(judged, seed=1).hash == kept.hash


def test_months_and_bands_of_amounts_hold_every_row_once(result):
    judged = result.judged
    scores = judged.scores(result.artifact)
    found = by_segment(judged, scores, score_one=10**9, reviews_per_day=100, resamples=20, seed=0)
    for kind in ("month", "amount"):
        parts = [part for name, part in found.items() if name.startswith(kind)]
        assert sum(part["rows"] for part in parts) == len(judged)
        assert sum(part["frauds"] for part in parts) == judged.labels.sum()
    assert "month 2020-12" in found
    assert found == result.segments


def test_a_month_has_all_reviews_of_its_days_and_a_band_its_share_of_the_weight(result):
    days, rows_a_day, frauds_a_day = 60, 100, 10
    at = np.repeat(parse_rfc3339("2026-06-01T12:00:00Z") + np.arange(days) * DAY, rows_a_day)
    place = np.tile(np.arange(rows_a_day), days)
    judged = replace(
        result.judged,
        vectors=np.zeros((len(at), 1)),
        labels=place < frauds_a_day,
        # Frauds, the small amounts, are a tenth of the rows and half of the weight.
        weights=np.where(place < frauds_a_day, 9.0, 1.0),
        amounts=np.where(place < frauds_a_day, 1_000, 2_000_000),
        occurred_at=at,
        groups=np.empty(0, np.int64),
    )
    found = by_segment(
        judged, 10**9 - place, score_one=10**9, reviews_per_day=180, resamples=0, seed=0
    )
    metrics = {name: part["metrics"] for name, part in found.items()}
    for month in ("month 2026-06", "month 2026-07"):
        assert metrics[month]["recall_at_capacity"][0] == 1.0, month
        assert metrics[month]["precision_at_capacity"][0] == pytest.approx(0.5)
    # 90 of the reviews are the small amounts', whose frauds weigh 90 a day.
    assert metrics["amount up to R$ 200"]["precision_at_capacity"][0] == pytest.approx(1.0)


def test_a_band_holds_its_upper_end_and_not_its_lower(result):
    judged = result.judged
    amounts = np.resize([20_000, 20_001, 100_000, 100_001, 1_000_000, 1_000_001], len(judged))
    scores = judged.scores(result.artifact)
    options = {"score_one": 10**9, "reviews_per_day": 100, "resamples": 0, "seed": 0}
    found = by_segment(replace(judged, amounts=amounts), scores, **options)
    rows = {name: part["rows"] for name, part in found.items() if name.startswith("amount")}
    of = [int((amounts == each).sum()) for each in np.unique(amounts)]
    assert rows == {
        "amount up to R$ 200": of[0],
        "amount up to R$ 1000": of[1] + of[2],
        "amount up to R$ 10000": of[3] + of[4],
        "amount above R$ 10000": of[5],
    }


def test_the_intervals_of_a_part_are_of_as_many_draws_as_are_asked_for(result, monkeypatch):
    asked = []

    def figures(self, ranking, **options):
        asked.append(options["resamples"])
        return ()

    monkeypatch.setattr(module.JudgedRows, "figures", figures)
    by_segment(
        result.judged,
        result.judged.scores(result.artifact),
        score_one=10**9,
        reviews_per_day=100,
        resamples=321,
        seed=0,
    )
    assert set(asked) <= {321, 0} and 321 in asked


def test_rows_are_forgotten_with_the_last_model_that_they_judged(tmp_path):
    found = [trained(), trained(labelled(seed=8))]
    for each in found:
        save_judged(tmp_path / "judged", each.judged)
        save_artifact(tmp_path / "models", each.artifact)
    assert forget_judged(tmp_path / "judged", tmp_path / "models") == []
    shutil.rmtree(tmp_path / "models" / found[0].artifact.hash)
    (gone,) = forget_judged(tmp_path / "judged", tmp_path / "models")
    assert gone.stem == found[0].judged.hash
    assert [path.stem for path in (tmp_path / "judged").iterdir()] == [found[1].judged.hash]
    # Of a manifest that was spoilt nobody knows which rows it names.
    (manifest,) = (tmp_path / "models").glob("*/manifest.json")
    manifest.write_bytes(b"\0" + manifest.read_bytes()[1:])
    assert forget_judged(tmp_path / "judged", tmp_path / "models") == []
    assert len(list((tmp_path / "judged").iterdir())) == 1


def test_whose_each_row_is_is_kept_and_changes_the_hash(result, tmp_path):
    judged = result.judged
    assert len(judged.groups) == len(judged)
    save_judged(tmp_path, judged)
    assert (load_judged(tmp_path, judged.hash).groups == judged.groups).all()
    merged = replace(judged, groups=judged.groups // 2)
    assert merged.hash != judged.hash
    assert (merged.of(merged.labels).groups == merged.groups[merged.labels]).all()


def test_rows_of_nobody_are_kept_without_groups_and_found_again(result, tmp_path):
    nobody = replace(result.judged, groups=np.empty(0, np.int64))
    path = save_judged(tmp_path, nobody)
    with np.load(path, allow_pickle=False) as arrays:
        assert "groups" not in arrays.files
    assert load_judged(tmp_path, nobody.hash).hash == nobody.hash
