"""Every rule proves itself by its own vectors; found by reflection, so a new rule is tested too."""

from __future__ import annotations

import dataclasses
import importlib
import math
import re

import numpy as np
import pytest

from crivo.decision.condition import HOLDS, NULL, Conditions
from crivo.decision.degraded import Mode
from crivo.decision.explanation import feature_reasons
from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind
from crivo.decision.procedure import POLICY_FILES, Procedure
from crivo.decision.rule import declared_rules, rules_from_json, rules_to_json
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import parse_rfc3339
from crivo.features.expression import Field, Parameter
from crivo.features.registry import default_feature_set
from crivo.features.spec import FeatureSet
from crivo.flows.bundle import read_policy

RULES = declared_rules()
FEATURES = default_feature_set()
NAMES = FEATURES.names


def holds(rule, example, at=None):
    columns = {name: place for place, name in enumerate(example)}
    conditions = Conditions([(rule.condition, at or rule.at)], columns)
    values = [math.nan if value is None else value for value in example.values()]
    (said,) = conditions(np.array(values))
    return None if said == NULL else said == HOLDS


def proves(rule, at=None):
    return all(holds(rule, example, at) is True for example in rule.fires) and not any(
        holds(rule, example, at) for example in rule.silent
    )


@pytest.fixture
def policy(root):
    return read_policy(root / "policy")


def procedure(policy, rules=RULES, columns=NAMES):
    return Procedure(
        rules=rules, texts=policy, columns=columns, feature_reasons=feature_reasons(FEATURES)
    )


def test_there_are_rules():
    assert len(RULES) >= 33


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_and_stays_silent_as_it_declares(rule):
    assert rule.fires and rule.silent and rule.source and rule.threat
    assert proves(rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_reads_features_that_are_computed(rule):
    assert rule.condition.fields() <= set(NAMES)
    for example in (*rule.fires, *rule.silent):
        assert set(example) == rule.condition.fields()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("factor", [0.5, 2])
def test_moving_any_threshold_of_a_rule_turns_its_examples_red(rule, factor):
    for name in rule.at:
        moved = {**rule.at, name: rule.at[name] * factor}
        assert not proves(rule, moved), name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_condition_over_null_has_no_truth(rule):
    for name in rule.condition.fields():
        assert holds(rule, {**rule.fires[0], name: None}) is None


def test_rules_come_back_from_a_bundles_text_as_they_were():
    reasons = feature_reasons(FEATURES)
    again, found = rules_from_json(rules_to_json(RULES, reasons))
    assert found == reasons
    for rule, read in zip(RULES, again, strict=True):
        proof = dataclasses.replace(rule, condition=read.condition, parameters=read.parameters)
        assert proves(proof)
        assert (read.name, read.reason) == (rule.name, rule.reason)


def test_the_policy_of_this_repository_covers_every_date(policy):
    found = procedure(policy)
    for text in ("2000-01-01T03:00:00Z", "2018-08-08T12:00:00Z", "2026-11-23T12:00:00Z"):
        in_force = found.at(parse_rfc3339(text))
        assert [outcome for _, outcome in in_force.thresholds] == list(Outcome)[1:]
        assert in_force.degraded.outcome(Mode.TIMEOUT, 20_000) is Outcome.ALLOW
        assert in_force.degraded.outcome(Mode.TIMEOUT, 20_001) is Outcome.WARN
        assert in_force.degraded.outcome(Mode.TIMEOUT, 10**12 - 1) is Outcome.HOLD


def test_the_night_limit_begins_on_the_brasilia_date_of_its_norm(policy):
    found = procedure(policy)
    before = found.at(parse_rfc3339("2021-10-04T02:59:59Z"))
    after = found.at(parse_rfc3339("2021-10-04T03:00:00Z"))
    assert "night_limit" not in {rule.name for rule in before.rules}
    assert "night_limit" in {rule.name for rule in after.rules}


def test_a_rule_that_is_off_is_not_evaluated_and_a_shadow_rule_is_marked(policy):
    rules = policy["rules.toml"]
    texts = {**policy, "rules.toml": rules.replace('"shadow"', '"off"')}
    day = parse_rfc3339("2026-11-23T12:00:00Z")
    assert not any(rule.shadow for rule in procedure(texts).at(day).rules)
    shadows = {rule.name for rule in procedure(policy).at(day).rules if rule.shadow}
    assert shadows and shadows.isdisjoint(rule.name for rule in procedure(texts).at(day).rules)
    named = re.findall(r'"rules\.(\w+)\.state"\nvalue = "shadow"', rules)
    assert shadows == set(named)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("decision.toml", '"0.10"', '"0.31"'),
        ("decision.toml", '"STEP_UP"', '"ALLOW"'),
        ("decision.toml", '"STEP_UP"', '"HOLD"'),
        ("rules.toml", '"on"', '"maybe"'),
        ("rules.toml", "rules.burst_out.state", "rules.burst_out.stat"),
        ("degraded.toml", "100", "-100"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy, file, old, new):
    texts = {**policy, file: policy[file].replace(old, new)}
    assert texts != policy
    with pytest.raises(Misconfigured) as caught:
        procedure(texts)
    assert caught.value.code is Code.POLICY_INVALID
    assert caught.value.context["file"] == file


def test_a_rule_over_a_feature_that_nobody_computes_is_refused(policy):
    rules = [rule for rule in RULES if "pair_transfer_count_30d" in rule.condition.fields()]
    assert rules
    columns = [name for name in NAMES if name != "pair_transfer_count_30d"]
    with pytest.raises(Misconfigured) as caught:
        procedure(policy, columns=columns)
    assert caught.value.code is Code.DEFINITION_INVALID


def test_a_rule_declares_exactly_the_parameters_it_reads():
    with pytest.raises(Misconfigured):
        dataclasses.replace(RULES[0], parameters=())
    with pytest.raises(Misconfigured):
        dataclasses.replace(
            RULES[0],
            condition=Field("a") > Parameter("b"),
            parameters=(Key("b", Kind.OUTCOME),),
            at={"b": 1},
        )


def test_every_feature_speaks_for_a_reason_of_the_closed_list():
    found = feature_reasons(FEATURES)
    assert set(found) == set(NAMES)
    first = FEATURES.features[0]
    strange = dataclasses.replace(first, card=dataclasses.replace(first.card, reason="WEATHER"))
    with pytest.raises(Misconfigured) as caught:
        feature_reasons(FeatureSet((strange,)))
    assert caught.value.context["found"] == "WEATHER"


def test_rule_modules_hold_one_rule_each_and_nothing_else(root):
    for rule in RULES:
        module = importlib.import_module(f"crivo.decision.rules.{rule.name}")
        assert module.RULE is rule or rule == module.RULE
    assert len(POLICY_FILES) == 3


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"rules": [{}], "feature_reasons": {}}'])
def test_a_text_that_holds_no_rules_is_refused(text):
    with pytest.raises(Misconfigured):
        rules_from_json(text)
