from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused, Unfit
from crivo.domain.instant import DAY
from crivo.model import train as module
from crivo.model.artifact import SCORE_ONE, ArtifactKind
from crivo.model.baselines import best_feature, logistic
from crivo.model.calibrate import fit_platt, sigmoid_of, tabulate
from crivo.model.dataset import Dataset
from crivo.model.evaluate import average_precision
from crivo.model.labels import NEVER, mature
from crivo.model.resample import Resampling
from crivo.model.scorer import Scorer
from crivo.model.split import Cuts, SplitOptions, split_by_time
from crivo.model.train import Trained
from tests.unit.model.worlds import SMALL, START, labelled, trained

pytestmark = pytest.mark.slow


def test_equal_data_and_options_give_equal_bytes():
    assert trained().artifact.hash == trained().artifact.hash


TRAIN_AND_PRINT = """
import sys
from dataclasses import replace
from crivo.model.resample import Resampling
from tests.unit.model.worlds import SMALL, labelled, trained
booster = replace(SMALL.booster, threads=2, resampling=Resampling(sys.argv[1]))
print(trained(labelled(offset=-6.0), replace(SMALL, booster=booster)).artifact.hash)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["none", "smote"])
def test_two_processes_of_two_threads_make_the_same_bytes(root, way):
    hashes = {
        subprocess.run(
            [sys.executable, "-c", TRAIN_AND_PRINT, way],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


@pytest.mark.slow
def test_sabotage_another_seed_makes_other_bytes():
    other = replace(SMALL, booster=replace(SMALL.booster, seed=1))
    assert trained(options=other).artifact.hash != trained().artifact.hash


def test_other_data_gives_another_hash():
    one, other = labelled(seed=1), labelled(seed=2)
    assert one.hash != other.hash
    assert one.hash == labelled(seed=1).hash


def test_the_champion_stands_beside_two_baselines():
    result = trained(labelled(rows=20_000))
    champion, logistic, single = result.metrics.values()
    assert list(result.metrics) == ["lightgbm", "logistic", "only input_0"]
    assert champion[0].name == single[0].name == "average_precision"
    assert champion[-1].name == "auc"
    assert champion[0].value > logistic[0].value > 0.05
    for metric in (*champion, *logistic, *single):
        assert metric.low <= metric.high


def test_the_parts_of_a_split_are_in_order_with_a_gap_of_the_label_delay():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    assert split.calibration_start - split.train_end == 7 * DAY
    assert split.test_start - split.last_end == 7 * DAY
    parts = [split.train(dataset), split.calibration(dataset), split.test(dataset)]
    assert sum(part.sum() for part in parts) + split.rows_gap == len(dataset)
    assert dataset.occurred_at[parts[0]].max() < dataset.occurred_at[parts[1]].min()
    assert dataset.occurred_at[parts[1]].max() < split.last_end
    assert dataset.occurred_at[parts[2]].min() >= split.test_start
    shares = [part.sum() / len(dataset) for part in parts[1:]]
    assert shares == pytest.approx([0.15, 0.15], abs=0.001)
    assert split.as_json()["train_end"].endswith("Z")


def test_parts_that_are_told_where_to_end_end_there():
    dataset = labelled()
    cuts = Cuts(START + 40 * DAY, START + 60 * DAY)
    split = split_by_time(dataset, SplitOptions(cuts=cuts))
    days = [(at - START) / DAY for at in (split.calibration_start, split.test_start)]
    assert days == [47, 67]
    for rows, begin, end in (
        (split.train(dataset), 0, 40),
        (split.calibration(dataset), 47, 60),
        (split.last(dataset), 0, 60),
        (split.test(dataset), 67, 100),
    ):
        at = (dataset.occurred_at - START) / DAY
        assert rows.tolist() == ((begin <= at) & (at < end)).tolist()


@pytest.mark.parametrize("cuts", [(0, 60), (40, 40), (40, 95), (60, 40)])
def test_parts_that_are_told_to_end_too_early_or_late_are_too_small(cuts):
    ends = Cuts(*(START + each * DAY for each in cuts))
    with pytest.raises(Refused) as refusal:
        split_by_time(labelled(), SplitOptions(cuts=ends))
    assert refusal.value.code is Code.DATA_TOO_SMALL


def test_a_training_label_that_was_unknown_at_calibration_is_none():
    dataset = labelled()
    late = replace(
        dataset, known_at=np.where(dataset.known_at == NEVER, NEVER, dataset.labels_as_of)
    )
    with pytest.raises(Refused) as refusal:
        split_by_time(late, SplitOptions())
    assert refusal.value.code is Code.DATA_TOO_SMALL
    assert "became known later" in refusal.value.hint
    assert late.labels().sum() == dataset.labels().sum() > 0
    assert late.labels(dataset.labels_as_of - 1).sum() == 0


def known_from(dataset: Dataset, rows: np.ndarray, instant: int) -> Dataset:
    """The data set with the labels of these rows known from that instant on."""
    return replace(dataset, known_at=np.where(rows, instant, dataset.known_at))


def test_what_became_known_after_the_calibration_began_teaches_the_first_fit_nothing():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    # A fifth of the frauds to train on: reported late, or never.
    some = split.train(dataset) & dataset.labels() & (np.arange(len(dataset)) % 5 == 0)
    assert some.sum() > 10
    late = trained(known_from(dataset, some, split.calibration_start + 1))
    never = trained(known_from(dataset, some, NEVER))
    in_time = trained(known_from(dataset, some, split.calibration_start))
    assert late.held_scores.tobytes() == never.held_scores.tobytes()
    assert late.artifact.metadata["curve"] == never.artifact.metadata["curve"]
    assert late.held_scores.tobytes() != in_time.held_scores.tobytes()
    assert in_time.split.positives_train - late.split.positives_train == some.sum()
    # The last fit may know it by then.
    assert forest_bytes(late) == forest_bytes(in_time) != forest_bytes(never)


def test_what_became_known_after_the_test_began_teaches_nothing():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    # Of all rows before the test, those of the gap included.
    some = ~split.test(dataset) & dataset.labels() & (np.arange(len(dataset)) % 5 == 0)
    late = trained(known_from(dataset, some, split.test_start + 1))
    never = trained(known_from(dataset, some, NEVER))
    in_time = trained(known_from(dataset, some, split.test_start))
    assert served_bytes(late) == served_bytes(never)
    assert late.held.labels.tobytes() == never.held.labels.tobytes()
    assert late.split == never.split
    assert forest_bytes(late) != forest_bytes(in_time)
    learnt = some & split.last(dataset)
    assert in_time.split.positives_last - late.split.positives_last == learnt.sum()


def test_what_became_known_after_the_test_began_says_nothing_of_what_margins_mean():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    some = split.calibration(dataset) & dataset.labels() & (np.arange(len(dataset)) % 2 == 0)
    assert some.sum() > 5
    late = trained(known_from(dataset, some, split.test_start + 1))
    never = trained(known_from(dataset, some, NEVER))
    in_time = trained(known_from(dataset, some, split.test_start))
    assert late.artifact.metadata["curve"] == never.artifact.metadata["curve"]
    assert late.held_scores.tobytes() == never.held_scores.tobytes()
    assert served_bytes(late) == served_bytes(never)
    # The first fit is the same in all three: what differs is the curve.
    assert late.artifact.metadata["curve"] != in_time.artifact.metadata["curve"]
    assert in_time.split.positives_calibration - late.split.positives_calibration == some.sum()


def test_the_last_fit_learns_from_the_calibration_rows_and_not_from_the_test():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    last = split.last(dataset)
    assert last.sum() == split.rows_last > split.rows_train
    assert (last & split.calibration(dataset)).any()
    assert split.test_start - dataset.occurred_at[last].max() >= dataset.label_delay
    vectors = np.where(split.test(dataset)[:, None], 0.0, dataset.vectors)
    assert forest_bytes(trained(replace(dataset, vectors=vectors))) == forest_bytes(trained())


@pytest.mark.parametrize("way", list(Resampling))
def test_whatever_was_done_to_the_training_rows_scores_are_at_the_natural_prior(way):
    options = replace(SMALL, booster=replace(SMALL.booster, resampling=way))
    dataset = labelled(rows=20_000, offset=-6.0)
    found = trained(dataset, options)
    chances = found.judged.scores(found.artifact) / SCORE_ONE
    frauds = found.judged.labels.sum()
    # The expected number within three standard deviations of a count.
    assert abs(chances.sum() - frauds) < 3 * np.sqrt(frauds) + 0.1 * frauds
    assert found.artifact.metadata["options"]["booster"]["resampling"] == way


@pytest.mark.parametrize("way", [Resampling.WEIGHTS, Resampling.UNDER])
def test_the_curve_takes_in_what_resampling_did_to_the_prior_of_the_last_fit(way):
    dataset = labelled(rows=20_000, offset=-6.0)
    # So many trees that they come to the prior of what they learn from.
    options = replace(SMALL, booster=replace(SMALL.booster, resampling=way, trees=90, leaves=4))
    given = dataset.vectors, dataset.labels(), dataset.weights
    # A first fit at the natural prior, whose margins are the log-odds themselves.
    margins = np.linspace(-12, 4, 100)
    first = module._FirstFits(margins, sigmoid_of(1.0, 0.0), {})
    draft = module._last_fit(dataset, ArtifactKind.EVENTS, given, first, options)
    own, scores = Scorer(draft).score(dataset.vectors, plan_hash=dataset.plan_hash)
    assert scores.mean() / SCORE_ONE == pytest.approx(dataset.labels().mean(), rel=0.35)
    # And the table lies where margins at the natural prior are those of this fit.
    fitted = module.fit(options.method, *given, options.booster)
    low = draft.calibration.margin_low
    high = low + ((len(draft.calibration.knots) - 1) << draft.calibration.step_log2)
    expected = (margins[[0, -1]] - fitted.offset) * float(1 << module.MARGIN_BITS)
    assert abs(fitted.offset) > 2
    assert (low + high) / 2 == pytest.approx(expected.mean(), rel=0.01)
    assert low <= own.min() <= own.max() <= high


def test_the_baselines_are_a_regression_of_the_last_fit_s_rows_and_the_test_s_own_best_feature():
    dataset = labelled()
    split = split_by_time(dataset, SplitOptions())
    rows, test = split.last(dataset), split.test(dataset)
    given = dataset.vectors[rows], dataset.labels(split.test_start)[rows], dataset.weights[rows]
    judge = dataset.labels()[test], dataset.weights[test]
    found = trained(dataset).metrics
    chances = logistic(*given, seed=SMALL.seed)(dataset.vectors[test])
    assert found["logistic"][0].value == average_precision(chances, *judge)
    index, ranker = best_feature(dataset.vectors[test], *judge)
    alone = found[f"only {dataset.names[index]}"][0].value
    assert alone == average_precision(ranker(dataset.vectors[test]), *judge)
    # Who learnt from the test as well would rank it otherwise.
    every = dataset.vectors, dataset.labels(), dataset.weights
    other = logistic(*every, seed=SMALL.seed)(dataset.vectors[test])
    assert average_precision(other, *judge) != average_precision(chances, *judge)


def test_a_feature_that_only_the_test_shows_to_be_the_best_is_the_baseline():
    """What was best in training may tell nothing later, and be easy to beat."""
    dataset = labelled(rows=8_000)
    test = split_by_time(dataset, SplitOptions()).test(dataset)
    vectors = dataset.vectors.copy()
    vectors[test, 4] = np.nan_to_num(vectors[test, 0])
    vectors[test, 0] = np.random.default_rng(0).normal(size=test.sum())
    names = list(trained(replace(dataset, vectors=vectors)).metrics)
    assert names == ["lightgbm", "logistic", "only input_4"]
    before = dataset.vectors[~test], dataset.labels()[~test], dataset.weights[~test]
    assert best_feature(*before)[0] == 0


def forest_bytes(made: Trained) -> list[bytes]:
    forest = made.artifact.forest
    return [getattr(forest, item.name).tobytes() for item in fields(forest)]


def served_bytes(made: Trained) -> list[bytes]:
    """All that a score is made of."""
    table = made.artifact.calibration
    ends = np.array([table.margin_low, table.step_log2])
    return [*forest_bytes(made), table.knots.tobytes(), ends.tobytes()]


@pytest.mark.parametrize("rows", [0, 40])
def test_too_little_data_says_what_was_needed(rows):
    with pytest.raises(Refused) as refusal:
        split_by_time(labelled(rows=rows), SplitOptions())
    assert refusal.value.code is Code.DATA_TOO_SMALL
    assert refusal.value.context["expected"]


def test_a_history_shorter_than_the_gap_is_too_small_and_says_so_in_days():
    with pytest.raises(Refused) as refusal:
        split_by_time(labelled(days=8), SplitOptions())
    said = refusal.value
    assert said.code is Code.DATA_TOO_SMALL
    assert said.context["found"] == "8.0 days"
    assert "with a gap of 7.0 days" in said.context["expected"]


def test_rows_of_one_instant_are_refused_with_that_instant_and_no_number_of_days():
    dataset = labelled()
    at = np.full_like(dataset.occurred_at, START)
    for delay in (0, 7 * DAY):
        with pytest.raises(Refused) as refusal:
            split_by_time(replace(dataset, occurred_at=at, label_delay=delay), SplitOptions())
        said = refusal.value
        assert said.code is Code.DATA_TOO_SMALL
        assert said.context["found"] == "2020-09-13T12:26:40Z in each of 6,000 rows"
        assert "[time]" in said.hint


def test_a_history_of_a_second_is_told_in_seconds():
    dataset = labelled()
    at = START + np.arange(len(dataset)) // 3_000 * 1_000_000
    with pytest.raises(Refused) as refusal:
        split_by_time(replace(dataset, occurred_at=at, label_delay=0), SplitOptions())
    assert refusal.value.context["found"] == "1 s"


def test_a_row_is_mature_when_its_label_had_the_delay_to_arrive():
    at = np.array([START, START + 1])
    assert mature(at, labels_as_of=START + DAY, label_delay=DAY).tolist() == [True, False]


def leaking(share: float) -> Dataset:
    dataset = labelled(rows=20_000, offset=-6.3)
    vectors = dataset.vectors.copy()
    vectors[:, 4] = dataset.labels()
    flipped = np.random.default_rng(5).random(len(dataset)) > share
    vectors[flipped & dataset.labels(), 4] = 0
    return replace(dataset, vectors=vectors)


def test_a_feature_that_has_seen_the_label_stops_training():
    dataset = leaking(1.0)
    assert dataset.labels().mean() < 0.01
    with pytest.raises(Unfit) as refusal:
        trained(dataset)
    assert refusal.value.code is Code.LEAK_SUSPECTED
    assert "--allow-leak" in refusal.value.hint
    assert "input_4" in refusal.value.message


def test_a_leak_alarm_is_overridden_by_name_alone():
    result = trained(leaking(1.0), replace(SMALL, leak_accepted_by="Ana, 2026-11-02"))
    assert result.artifact.metadata["options"]["leak_accepted_by"] == "Ana, 2026-11-02"
    assert result.metrics["lightgbm"][0].value > 0.97


def test_scores_are_probabilities_at_the_prevalence_that_weights_restore():
    dataset = labelled(rows=80_000)
    kept = dataset.labels() | (np.arange(len(dataset)) % 4 == 0)
    thinned = replace(
        dataset,
        **{
            name: getattr(dataset, name)[kept]
            for name in (
                "vectors", "occurred_at", "received_at", "known_at", "amounts", "ids", "payers",
            )
        },
        weights=np.where(dataset.labels()[kept], 1.0, 4.0),
    )  # fmt: skip
    result = trained(thinned)
    _, scores = Scorer(result.artifact).score(dataset.vectors, plan_hash=dataset.plan_hash)
    assert scores.mean() / SCORE_ONE == pytest.approx(dataset.labels().mean(), rel=0.15)


def test_platt_finds_the_sigmoid_that_made_the_labels():
    generator = np.random.default_rng(3)
    margins = generator.normal(0, 2, 50_000)
    labels = generator.random(50_000) < 1 / (1 + np.exp(-(0.7 * margins - 2)))
    slope, intercept = fit_platt(margins, labels, np.ones(50_000))
    assert slope == pytest.approx(0.7, abs=0.03)
    assert intercept == pytest.approx(-2, abs=0.05)


def test_margins_that_rank_backwards_cannot_be_calibrated():
    margins = np.linspace(-3, 3, 200)
    with pytest.raises(Unfit) as refusal:
        fit_platt(margins, margins < 0, np.ones(200))
    assert refusal.value.code is Code.GATE_FAILED


@pytest.mark.parametrize("spread", [0, 1, 2**20, 2**41, 2**44, 2**47])
def test_the_table_holds_the_margins_it_was_made_for(spread):
    margins = np.array([5, 5 + spread], np.int64)
    table = tabulate(sigmoid_of(1.0, 0.0), margins)
    assert len(table.knots) == 4_097
    if spread < 2**44:
        assert table.margin_low <= 5
        assert table.margin_low + (4_096 << table.step_log2) >= 5 + spread
