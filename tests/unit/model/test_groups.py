"""Whose rows are learnt from and judged: payers kept apart, payers known as compromised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY
from crivo.flows.choosing import chosen
from crivo.model import split as module
from crivo.model.artifact import ArtifactKind
from crivo.model.dataset import Dataset
from crivo.model.groups import already_compromised, half_of, kept_apart, numbered
from crivo.model.labels import NEVER
from crivo.model.split import Split, SplitOptions, split_by_time
from crivo.model.train import train
from tests.unit.model.worlds import SMALL, START, labelled

pytestmark = pytest.mark.slow

APART = SplitOptions(apart=0.3)
REMOVED = SplitOptions(without_compromised=True)
BOTH = SplitOptions(apart=0.3, without_compromised=True)


def with_payers(payers: int = 1_200) -> Dataset:
    dataset = labelled(rows=12_000, offset=-4.0)
    numbers = np.random.default_rng(3).integers(0, payers, len(dataset)).astype(np.uint64)
    # The second word alone tells two payers of one first word apart.
    return replace(dataset, payers=numbered(np.stack([numbers // 2, numbers], axis=1)))


def naive_compromised(dataset: Dataset) -> list[bool]:
    rows = list(zip(dataset.payers.tolist(), dataset.known_at, strict=True))
    known: dict[int, list[int]] = {}
    for payer, at in rows:
        if at != NEVER:
            known.setdefault(payer, []).append(int(at))
    return [
        any(at < when for at in known.get(payer, []))
        for (payer, _), when in zip(rows, dataset.occurred_at, strict=True)
    ]


def violations(dataset: Dataset, split: Split) -> list[str]:
    """What of the promises about payers does not hold of this split."""
    found = []
    whose = dataset.payers
    learnt = split.train(dataset) | split.calibration(dataset) | split.last(dataset)
    test = split.test(dataset)
    if split.apart is not None and set(whose[learnt]) & set(whose[test]):
        found.append("a payer is learnt from and judged")
    if split.without_compromised:
        known = np.array(naive_compromised(dataset))
        if (known & (test | split.calibration(dataset))).any():
            found.append("a payer already known is judged")
    parts = (split.train(dataset), split.calibration(dataset), test)
    sizes = (split.rows_train, split.rows_calibration, split.rows_test)
    if tuple(int(part.sum()) for part in parts) != sizes:
        found.append("sizes")
    nowhere = split.rows_gap + split.rows_apart
    nowhere += split.rows_compromised_test + split.rows_compromised_calibration
    if sum(sizes) + nowhere != len(dataset):
        found.append("rows are lost")
    return found


@pytest.mark.parametrize("options", [SplitOptions(), APART, REMOVED, BOTH])
def test_no_row_is_lost_and_payers_are_where_they_were_asked_to_be(options):
    dataset = with_payers()
    split = split_by_time(dataset, options)
    assert violations(dataset, split) == []
    assert (split.rows_apart > 0) == (options.apart is not None)
    assert (split.rows_compromised_test > 0) == options.without_compromised
    assert (split.rows_compromised_calibration > 0) == options.without_compromised


def test_about_so_many_payers_are_kept_apart_as_were_asked_for():
    payers = np.arange(1, 20_001)
    apart = kept_apart(payers, 0.3, seed=4)
    assert apart.mean() == pytest.approx(0.3, abs=0.01)
    # With one seed always the same, whoever else is there; with another others.
    assert (kept_apart(payers[:500], 0.3, seed=4) == apart[:500]).all()
    assert 0.3 < (kept_apart(payers, 0.3, seed=5) != apart).mean() < 0.5


def test_who_is_kept_apart_says_nothing_of_the_halves_that_one_seed_draws_of_them():
    payers = np.arange(1, 20_001)
    apart = payers[kept_apart(payers, 0.3, seed=4)]
    assert half_of(apart, seed=4).mean() == pytest.approx(0.5, abs=0.03)


def test_payers_bear_the_numbers_in_whose_order_they_appear_whatever_their_ids_are():
    whose = np.array([3, 1, 0, 3, 2, 1, 0])
    expected = [1, 2, 0, 1, 3, 2, 0]
    for seed in range(20):
        ids = np.random.default_rng(seed).integers(1, 1 << 62, (4, 2)).astype(np.uint64)
        ids[0], ids[1, 0] = 0, ids[2, 0]  # nobody; and two ids of one first word
        assert numbered(ids[whose]).tolist() == expected
    assert numbered(np.empty((0, 2), np.uint64)).tolist() == []
    # Sabotage: by the order of their ids they would have others in every home.
    by_id = {
        tuple(np.unique(np.random.default_rng(seed).random(4)[whose], return_inverse=True)[1])
        for seed in range(20)
    }
    assert len(by_id) > 10


def test_a_payer_is_compromised_from_the_instant_after_the_report_on():
    payers = np.array([1] * 4 + [2], np.int64)
    at = np.array([0, 10, 11, 20, 20], np.int64)
    known = np.array([10, NEVER, 20, NEVER, NEVER], np.int64)
    assert already_compromised(payers, at, known).tolist() == [False, False, True, True, False]


def test_compromised_payers_are_those_of_the_plain_definition():
    dataset = with_payers()
    found = already_compromised(dataset.payers, dataset.occurred_at, dataset.known_at)
    assert found.tolist() == naive_compromised(dataset)
    assert 0 < found.sum() < len(found)


@pytest.mark.parametrize("law", ["a payer is learnt from and judged", "a payer already known"])
def test_sabotage_a_rule_that_looks_away_is_noticed(monkeypatch, law):
    def nothing(payers: np.ndarray, *_: object) -> np.ndarray:
        return np.zeros(len(payers), np.bool_)

    def by_row(payers: np.ndarray, share: float, *, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).random(len(payers)) < share

    dataset = with_payers()
    with monkeypatch.context() as patched:
        patched.setattr(module, "already_compromised", nothing)
        patched.setattr(module, "kept_apart", by_row)
        split = split_by_time(dataset, BOTH)
        assert any(found.startswith(law) for found in violations(dataset, split))


def test_sabotage_labels_of_the_future_would_remove_other_rows():
    dataset = with_payers()
    honest = already_compromised(dataset.payers, dataset.occurred_at, dataset.known_at)
    known_at_once = np.where(dataset.known_at == NEVER, NEVER, dataset.occurred_at)
    hasty = already_compromised(dataset.payers, dataset.occurred_at, known_at_once)
    assert (hasty & ~honest).any()


@pytest.mark.parametrize("options", [APART, REMOVED])
def test_rows_that_name_nobody_cannot_be_told_apart(options):
    dataset = with_payers()
    nobody = replace(dataset, payers=np.zeros_like(dataset.payers))
    with pytest.raises(Refused) as caught:
        split_by_time(nobody, options)
    assert caught.value.code is Code.FIELD_MISSING
    assert caught.value.context["field"] == "entity"


def test_what_was_asked_of_payers_stands_in_the_manifest_with_its_sizes():
    dataset = with_payers()
    made = train(dataset, kind=ArtifactKind.EVENTS, split_options=BOTH, options=SMALL)
    told = made.artifact.metadata["split"]
    assert (told["apart"], told["without_compromised"]) == (0.3, True)
    for name in ("rows_apart", "rows_compromised_test", "rows_compromised_calibration"):
        assert told[name] == getattr(made.split, name) > 0
    assert told["test_start"].endswith("Z")
    assert len(made.judged) == told["rows_test"]


def test_halves_share_no_payer_and_of_rows_that_are_their_own_are_drawn_one_by_one():
    whose = with_payers().payers
    half = half_of(whose, seed=1)
    assert not set(whose[half]) & set(whose[~half])
    assert half.mean() == pytest.approx(0.5, abs=0.1)
    rows = np.arange(2_000)
    assert (half_of(rows, seed=1) == (np.random.default_rng(1).random(2_000) < 0.5)).all()


def test_out_of_account_the_alarm_is_asked_about_payers_that_neither_half_shares(monkeypatch):
    seen: list[np.ndarray] = []

    def note(groups: np.ndarray, *, seed: int) -> np.ndarray:
        seen.append(groups)
        return half_of(groups, seed=seed)

    monkeypatch.setattr("crivo.model.train.half_of", note)
    dataset = with_payers()
    for options in (APART, SplitOptions()):
        train(dataset, kind=ArtifactKind.EVENTS, split_options=options, options=SMALL)
    apart, usual = seen
    assert len(np.unique(apart)) < len(apart)
    assert len(np.unique(usual)) == len(usual)


@pytest.mark.slow
def test_a_search_sees_no_row_of_payers_that_are_judged(tmp_path, monkeypatch):
    seen: list[Dataset] = []

    def note(dataset: Dataset, *_: object, **__: object) -> None:
        seen.append(dataset)
        raise KeyboardInterrupt

    monkeypatch.setattr("crivo.flows.choosing.search", note)
    dataset = with_payers()
    with pytest.raises(KeyboardInterrupt):
        chosen(dataset, APART, SMALL, tries=2, file=tmp_path / "tries", progress=lambda *_: None)
    (given,) = seen
    assert not kept_apart(given.payers, 0.3, seed=0).any()
    assert len(given) > 0.6 * len(dataset)
    assert given.labels_as_of < START + 100 * DAY
