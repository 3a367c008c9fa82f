"""`promote` refuses a worse model, a slower one, and one that was trained on leaked labels."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from crivo.bootstrap import models as module
from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import (
    Names,
    compare_models,
    model_aliases,
    promote_model,
    roll_back_model,
    stored_models,
)
from crivo.bootstrap.service import serving_plan
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, Unfit
from crivo.features import served
from crivo.flows.aliases import Alias, give_alias
from crivo.flows.gating import figures_of, rows_to_compare
from crivo.flows.promote import promote
from crivo.governance.gates import Gate, Verdict
from crivo.model.artifact import SCORE_ONE, ArtifactKind, save_artifact
from crivo.model.booster import BoosterOptions
from crivo.model.network import save_network
from crivo.model.train import Trained
from tests.integration.commands import crivo
from tests.integration.promotions import (
    ANA,
    ROWS,
    champion_of,
    fitted,
    keep,
    leaked,
    without_signal,
)
from tests.unit.model.networks import network
from tests.unit.model.test_leak import of_two_inputs
from tests.unit.model.worlds import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good() -> Trained:
    return fitted()


def test_a_good_model_is_promoted_with_a_card_and_every_figure(settings, good):
    artifact = keep(settings, good)
    promoted = promote_model(settings, artifact.hash[:8], names=Names(approved_by="Ana"))
    assert champion_of(settings) == artifact.hash
    assert all(each.passes for each in promoted.judgements)
    # Of 3,000 test rows the frauds are too few to tell for sure of a gap, or of a calibration.
    undecided = {each.gate for each in promoted.judgements if not each.holds}
    assert undecided <= {Gate.LEAK, Gate.CALIBRATION}
    assert Verdict.FAILS not in {each.verdict for each in promoted.judgements}
    (size,) = [each.found for each in promoted.judgements if each.gate is Gate.SIZE]
    files = (Paths(settings.home).models / artifact.hash).iterdir()
    assert size == f"{sum(path.stat().st_size for path in files):,}" > "1,"
    card = promoted.card.read_text()
    assert "approved by Ana" in card
    assert all(each.figure in card for each in promoted.judgements)
    (head,) = [line for line in card.splitlines() if line.startswith("| model |")]
    assert head.startswith("| model | average_precision |")
    assert head.endswith("| auc |")


def locked_without(name: str, monkeypatch, tmp_path) -> None:
    """From now on `served.lock` lacks this feature."""
    locked = {each: hash_ for each, hash_ in served.read_lock().items() if each != name}
    lock = tmp_path / "served.lock"
    lock.write_text(served.format_lock(locked))
    monkeypatch.setattr(served, "LOCK_FILE", lock)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_model_of_a_feature_that_is_not_locked_is_not_promoted(
    settings, good, monkeypatch, tmp_path, is_first
):
    plan = serving_plan()
    artifact = replace(good.artifact, kind=ArtifactKind.EVENTS, plan_hash=plan.plan_hash)
    save_artifact(Paths(settings.home).models, artifact)
    name = plan.names[0]
    locked_without(name, monkeypatch, tmp_path)
    with pytest.raises(Misconfigured) as refusal:
        promote_model(settings, artifact.hash, names=ANA, is_first=is_first)
    assert refusal.value.code is Code.DEFINITION_INVALID
    assert name in refusal.value.message
    with pytest.raises(Unavailable):
        champion_of(settings)


def test_a_home_without_a_champion_says_so_before_it_trains_and_one_with_a_champion_trains(
    settings, good, monkeypatch, tmp_path, capsys
):
    name = serving_plan().names[0]
    locked_without(name, monkeypatch, tmp_path)
    said = crivo(capsys, "train", "--home", settings.home)
    assert (said.code, Code.DEFINITION_INVALID in said.err) == (2, True), said.err
    assert name in said.err
    assert not list(settings.home.glob("models/*"))
    # What was trained on a home that has one is a candidate, and is asked when it is promoted.
    promote_model(settings, keep(settings, good).hash, names=ANA)
    said = crivo(capsys, "train", "--home", settings.home)
    assert Code.DEFINITION_INVALID not in said.err
    assert "holds no log" in said.err, "so it goes on to what is next"


def test_a_worse_model_is_refused_and_the_champion_stays(settings, good):
    champion = keep(settings, good)
    promote_model(settings, champion.hash, names=ANA)
    worse = keep(settings, fitted(without_signal(ROWS)))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, worse.hash, names=ANA)
    assert refusal.value.code is Code.GATE_FAILED
    assert "champion (average precision less the champion's" in refusal.value.message
    assert champion_of(settings) == champion.hash


@pytest.mark.slow
def test_a_slower_model_is_refused(settings, good):
    champion = keep(settings, good)
    promote_model(settings, champion.hash, names=ANA)
    # The same trees three hundred times, each with so small a part of its values.
    forest, times = good.artifact.forest, 300
    count = len(forest.feature)
    shift = np.repeat(np.arange(times) * count, count)
    inner = np.tile(forest.feature >= 0, times)
    slow = replace(
        good.artifact,
        body=replace(
            forest,
            feature=np.tile(forest.feature, times),
            threshold=np.tile(forest.threshold, times),
            left=np.where(inner, np.tile(forest.left, times) + shift, -1).astype(np.int32),
            right=np.where(inner, np.tile(forest.right, times) + shift, -1).astype(np.int32),
            null_left=np.tile(forest.null_left, times),
            value=np.tile(forest.value // times, times),
            cover=np.tile(forest.cover, times),
            roots=np.concatenate([forest.roots + k * count for k in range(times)]).astype(np.int32),
        ),
    )
    keep(settings, replace(good, artifact=slow))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, slow.hash, names=ANA)
    assert refusal.value.context["gate"] == "latency"
    assert refusal.value.context["expected"] == "at most 60"
    assert champion_of(settings) == champion.hash


def test_a_model_trained_on_leaked_labels_is_refused_until_somebody_answers_for_it(settings):
    # Somebody let it train; that does not let it serve.
    model = keep(settings, fitted(leaked(), replace(SMALL, leak_accepted_by="Rui")))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, model.hash, names=ANA)
    assert refusal.value.code is Code.LEAK_SUSPECTED
    assert "input_4" in refusal.value.message
    with pytest.raises(Unfit):
        promote_model(settings, model.hash, is_first=True)
    assert model_aliases(settings) == {}
    promoted = promote_model(settings, model.hash, names=Names("Ana", leak_accepted_by="Ana"))
    assert "fails, accepted by Ana" in promoted.card.read_text()


def test_a_model_that_ranks_without_a_fault_is_refused_though_no_feature_of_it_does(settings):
    rows = replace(of_two_inputs(), plan_hash="")
    model = keep(settings, fitted(rows, replace(SMALL, leak_accepted_by="Rui")))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, model.hash, is_first=True)
    assert refusal.value.code is Code.LEAK_SUSPECTED
    assert refusal.value.context["field"] == "model average precision of the model"


@pytest.mark.parametrize("times", [0.3, 4.0])
def test_a_model_whose_scores_promise_otherwise_than_came_is_refused(settings, good, times):
    table = good.artifact.calibration
    knots = np.minimum((table.knots * times).astype(np.int64), SCORE_ONE)
    off = keep(
        settings,
        replace(
            good,
            artifact=replace(good.artifact, calibration=replace(table, knots=knots)),
        ),
    )
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, off.hash, names=ANA)
    assert refusal.value.context["gate"] == "calibration"
    assert "frauds expected over frauds observed" in refusal.value.message
    figures = [
        figures_of(
            each,
            None,
            good.judged,
            beside=good.judged,
            plan_expected="",
            size_bytes=1,
            clock=time.perf_counter_ns,
            made_of={},
        )
        for each in (good.artifact, off)
    ]
    chances = [good.judged.scores(each) / SCORE_ONE for each in (good.artifact, off)]
    for found, chance in zip(figures, chances, strict=True):
        expected = chance.sum() / good.judged.labels.sum()
        ratio = found.calibration_ratio
        assert ratio.value == pytest.approx(expected)
        assert ratio.low < ratio.value < ratio.high
    errors = [found.calibration_error.value for found in figures]
    assert 0 < errors[0] < errors[1] - 0.01


def test_the_first_model_serves_although_its_quality_does_not_hold_and_its_card_says_so(settings):
    blind = keep(
        settings,
        fitted(
            without_signal(ROWS),
            replace(SMALL, booster=BoosterOptions(trees=1, leaves=2, threads=1)),
        ),
    )
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, blind.hash, names=ANA)
    assert "baseline (average precision" in refusal.value.message
    promoted = promote_model(settings, blind.hash, is_first=True)
    assert champion_of(settings) == blind.hash
    assert module.FIRST in promoted.card.read_text()


def test_staging_goes_through_the_gates_and_serves_nothing(settings, good):
    artifact = keep(settings, good)
    promote_model(settings, artifact.hash, alias=Alias.STAGING, names=ANA)
    assert model_aliases(settings) == {Alias.STAGING: artifact.hash}
    promote_model(settings, "staging", names=ANA)
    assert champion_of(settings) == artifact.hash


def test_a_worse_model_is_not_staged_either(settings, good):
    promote_model(settings, keep(settings, good).hash, names=ANA)
    worse = keep(settings, fitted(without_signal(ROWS)))
    with pytest.raises(Unfit):
        promote_model(settings, worse.hash, alias=Alias.STAGING, names=ANA)
    assert Alias.STAGING not in model_aliases(settings)


@pytest.mark.parametrize(
    "names", [Names(), Names(" "), Names("Ana", "\t"), Names("Ana", unlike_accepted_by=" ")]
)
def test_a_promotion_is_approved_by_a_name_and_a_blank_is_none(settings, good, names):
    artifact = keep(settings, good)
    with pytest.raises(Refused) as refusal:
        promote_model(settings, artifact.hash, names=names)
    assert refusal.value.code is Code.FIELD_VALUE
    assert refusal.value.context["expected"] == "somebody's name"
    assert model_aliases(settings) == {}


def test_rolling_back_brings_the_former_champion_back(settings, good):
    first = keep(settings, good)
    second = keep(
        settings, fitted(options=replace(SMALL, booster=replace(SMALL.booster, trees=40)))
    )
    promote_model(settings, first.hash, names=ANA)
    promote_model(settings, second.hash, names=ANA)
    for blank in ("", " "):
        with pytest.raises(Refused) as refusal:
            roll_back_model(settings, approved_by=blank)
        assert refusal.value.context["field"] == "approved_by"
    assert champion_of(settings) == second.hash
    assert roll_back_model(settings, approved_by="Ana") == (first.hash, second.hash)
    assert champion_of(settings) == first.hash


def test_models_are_compared_on_rows_that_none_of_them_has_learnt(settings, good):
    """The other way round a model of a later test would look as good as its training."""
    until = np.quantile(ROWS.occurred_at, 0.7)
    later, earlier = (
        keep(settings, good),
        keep(settings, fitted(ROWS.only(ROWS.occurred_at < until))),
    )
    for names in ([earlier.hash, later.hash], [later.hash, earlier.hash]):
        found = compare_models(settings, names, reviews_per_day=10)
        assert found.judge == later.hash
        by_hash = {each.hash: m for each, m in zip(found.models, found.metrics, strict=True)}
        assert [each.hash for each in found.models] == names
    assert by_hash[later.hash][0].value < 0.9
    # So it is with the gate: a champion that has learnt what judged the other is no measure there.
    folder = Paths(settings.home).judged
    for pair in ([earlier, later], [later, earlier]):
        assert rows_to_compare(folder, *pair).hash == good.judged.hash
    assert rows_to_compare(folder, earlier, None).hash != good.judged.hash


def test_models_are_compared_on_the_same_rows(settings, good):
    artifacts = [keep(settings, good), keep(settings, fitted(without_signal(ROWS)))]
    found = compare_models(settings, [each.hash for each in artifacts], reviews_per_day=10)
    shown, (one, other) = found.models, found.metrics
    assert [each.hash for each in shown] == [each.hash for each in artifacts]
    assert one[0].name == other[0].name == "average_precision"
    assert one[0].value > other[0].value


def test_rows_that_are_gone_and_names_that_are_none_are_said(settings, good):
    artifact = keep(settings, good)
    assert [each.hash for each in stored_models(settings).models] == [artifact.hash]
    for path in Paths(settings.home).judged.iterdir():
        path.unlink()
    with pytest.raises(Unavailable) as gone:
        promote_model(settings, artifact.hash, names=ANA)
    assert gone.value.code is Code.NOT_FOUND
    with pytest.raises(Refused):
        promote_model(settings, "staging", names=ANA)


def test_a_network_is_refused_by_name_whatever_its_figures(settings, good):
    champion = keep(settings, good)
    promote_model(settings, champion.hash, names=ANA)
    paths = Paths(settings.home)
    made = network(champion.input_names, plan_hash="", judged=good.judged.hash)
    save_network(paths.networks, made)
    give_alias(paths.models, Alias.SHADOW, made.hash)
    for name in (made.hash[:9], "shadow"):
        for alias in (Alias.CHAMPION, Alias.STAGING):
            with pytest.raises(Unfit) as refusal:
                promote_model(settings, name, alias=alias, names=Names("Ana", "Ana", "Ana"))
            assert refusal.value.code is Code.GATE_FAILED
            assert refusal.value.context["found"] == "network"
            assert f"never {alias.value}" in refusal.value.message
    assert champion_of(settings) == champion.hash
    assert model_aliases(settings)[Alias.SHADOW] == made.hash
    # It is compared with the others on the same rows.
    found = compare_models(settings, ["shadow", champion.hash], reviews_per_day=10)
    models, metrics = found.models, found.metrics
    assert [each.hash for each in models] == [made.hash, champion.hash]
    assert metrics[0] != metrics[1]


def test_sabotage_a_network_put_in_the_champion_s_place_is_not_loaded(settings, good):
    champion = keep(settings, good)
    promote_model(settings, champion.hash, names=ANA)
    paths = Paths(settings.home)
    folder = save_network(paths.networks, network(champion.input_names, plan_hash=""))
    folder.rename(paths.models / folder.name)
    with pytest.raises(Unavailable) as refusal:
        promote(paths.models, folder.name, promoted_at=1_600_000_000_000_000)
    assert refusal.value.code is Code.MODEL_MISSING
    assert champion_of(settings) == champion.hash
