"""A bundle is named by all that decides, whole or not there, and made of parts that fit."""

from __future__ import annotations

import dataclasses
import os

import pytest

from crivo.decision.rule import declared_rules
from crivo.domain.errors import Code, Misconfigured
from crivo.features.plan import compile_plan
from crivo.features.spec import FeatureSet
from crivo.flows.bundle import load_bundle, make_bundle, read_policy, scorer_of
from tests.unit.decision.worlds import artifact, make_in, plan, policy


def test_making_a_bundle_again_changes_nothing(tmp_path):
    one = make_in(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert make_in(tmp_path).versions == one.versions
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps
    assert load_bundle(tmp_path / "bundles", one.versions.bundle).versions == one.versions


def test_what_decides_names_the_bundle_and_a_remark_does_too_but_not_the_policy(tmp_path):
    texts = policy()
    first = make_in(tmp_path).versions
    remark = make_in(
        tmp_path, texts={**texts, "decision.toml": "# a remark\n" + texts["decision.toml"]}
    ).versions
    leaf = make_in(tmp_path, leaf=1).versions
    deadline = make_in(
        tmp_path, texts={**texts, "degraded.toml": texts["degraded.toml"].replace("100", "101")}
    ).versions
    assert len({each.bundle for each in (first, remark, leaf, deadline)}) == 4
    assert remark.policy == first.policy
    assert leaf.model != first.model
    assert deadline.policy != first.policy
    assert {each.rules for each in (first, remark, leaf, deadline)} == {first.rules}


def test_parts_that_do_not_fit_leave_nothing_behind(tmp_path):
    read_by_a_rule = "pair_transfer_count_30d"
    others = tuple(each for each in plan().feature_set.features if each.name != read_by_a_rule)
    fewer = compile_plan(FeatureSet(others))
    broken = {**policy(), "rules.toml": "entry = 1"}
    for its_plan, texts, code in (
        (fewer, policy(), Code.DEFINITION_INVALID),
        (plan(), broken, Code.POLICY_INVALID),
    ):
        with pytest.raises(Misconfigured) as caught:
            make_bundle(
                tmp_path / "bundles",
                plan=its_plan,
                rules=declared_rules(),
                policy=texts,
                artifact=artifact(),
            )
        assert caught.value.code is code
    with pytest.raises(Misconfigured) as caught:
        make_bundle(
            tmp_path / "bundles", plan=fewer, rules=(), policy=_without_rules(), artifact=artifact()
        )
    assert caught.value.code is Code.PLAN_MISMATCH
    assert f"nothing makes {read_by_a_rule}" in caught.value.message
    assert "does not know" not in caught.value.message
    assert not (tmp_path / "bundles").exists()


def test_a_model_of_other_features_is_refused_and_they_are_named(tmp_path):
    names = list(plan().names)
    others = tuple(f"other_{name}" for name in names[:4])
    model = dataclasses.replace(artifact(), input_names=(*others, *names[4:]), plan_hash="1" * 64)
    with pytest.raises(Misconfigured) as caught:
        scorer_of(model, plan())
    new, gone = sorted(names[:4])[:3], sorted(others)[:3]
    assert f"the model does not know {', '.join(new)} and 1 more" in caught.value.message
    assert f"nothing makes {', '.join(gone)} and 1 more" in caught.value.message
    meant = dataclasses.replace(artifact(), plan_hash="1" * 64)
    with pytest.raises(Misconfigured) as caught:
        scorer_of(meant, plan())
    assert "their names are the same" in caught.value.message


def _without_rules():
    texts = policy()
    texts["rules.toml"] = "entry = []"
    start = texts["decision.toml"].index('[[entry]]\nkey = "limits.night.amount"')
    texts["decision.toml"] = texts["decision.toml"][:start]
    return texts


def test_what_was_left_half_written_is_written_again(tmp_path):
    hash_ = make_in(tmp_path).versions.bundle
    folder = tmp_path / "bundles" / hash_
    other = tmp_path / "other"
    aside = other / "bundles" / f".{hash_}.{os.getpid()}.partial"
    aside.mkdir(parents=True)
    (aside / "plan.json").write_text("half")
    assert make_in(other).versions.bundle == hash_
    assert not aside.exists()
    assert (other / "bundles" / hash_ / "plan.json").read_bytes() == (
        folder / "plan.json"
    ).read_bytes()


def test_a_missing_bundle_and_a_missing_policy_file_are_told(tmp_path):
    for read in (lambda: load_bundle(tmp_path, "ab"), lambda: read_policy(tmp_path)):
        with pytest.raises(Misconfigured) as caught:
            read()
        assert caught.value.code is Code.FILE_UNREADABLE
