"""What must hold of every decision, whatever the vector, the score and the amount."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.decision.condition import FALSE, HOLDS, NULL, Conditions
from crivo.decision.decide import Scored, derive
from crivo.decision.degraded import REASON, UNSCORED, WITHOUT_MODEL, Mode
from crivo.decision.explanation import feature_reasons
from crivo.decision.outcome import Outcome
from crivo.decision.procedure import Procedure
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import declared_rules
from crivo.domain.transfer import Initiation, Purpose
from crivo.features.engine import vector_bytes
from crivo.features.expression import And, Compare, Comparison, Field, Not, Or, Parameter, Value
from crivo.model.scorer import Scorer
from tests.unit.decision.worlds import START, artifact, plan, policy, transfer

RULES = declared_rules()
AMOUNTS = st.integers(1, 10**12 - 1)
SCORES = st.integers(0, 10**9)
VECTORS = st.lists(
    st.one_of(st.just(math.nan), st.sampled_from([0.0, 1.0, 2.0, 12.0, 40.0, 1e6])),
    min_size=len(plan().names),
    max_size=len(plan().names),
)


def procedure(**replaced):
    texts = policy()
    for name, changes in replaced.items():
        for old, new in changes:
            assert old in texts[f"{name}.toml"]
            texts[f"{name}.toml"] = texts[f"{name}.toml"].replace(old, new)
    return Procedure(
        rules=RULES,
        texts=texts,
        columns=plan().names,
        feature_reasons=feature_reasons(plan().feature_set),
    )


@lru_cache(maxsize=1)
def parts():
    """The procedure of the repository, the same with every rule in shadow or off, and a scorer."""
    silenced = procedure(rules=[('"on"', '"off"'), ('"shadow"', '"off"')])
    shadowed = procedure(rules=[('"on"', '"shadow"')])
    return procedure(), shadowed, silenced, Scorer(artifact(), plan_hash=plan().plan_hash)


def scored(vector, score, flags=0):
    values = np.array(vector, dtype=np.float64)
    return Scored(values, vector_bytes(values), flags, 0, score)


def decide(vector, score, facts, in_force):
    return derive(facts, scored(vector, score), in_force.at(facts.occurred_at), parts()[3])


@pytest.mark.slow
@given(VECTORS, SCORES, SCORES, st.sampled_from([None, *Initiation]))
def test_a_higher_score_never_asks_for_less(vector, one, two, initiation):
    facts = transfer(1, initiation=initiation)
    low, high = (decide(vector, score, facts, parts()[0]) for score in sorted((one, two)))
    assert Outcome(low.outcome) <= Outcome(high.outcome)


@pytest.mark.slow
@given(VECTORS, SCORES, AMOUNTS)
def test_a_rule_in_shadow_is_named_apart_and_changes_nothing(vector, score, amount):
    facts = transfer(1, amount_centavos=amount)
    full, shadowed, silenced, _ = parts()
    served, shadow, off = (
        decide(vector, score, facts, each) for each in (full, shadowed, silenced)
    )
    assert (shadow.outcome, shadow.reasons) == (off.outcome, off.reasons)
    assert shadow.rules == off.rules == off.shadow_rules == ()
    assert set(shadow.shadow_rules) == set(served.rules) | set(served.shadow_rules)
    names = {rule.name for rule in RULES}
    assert not names & set(served.reasons)


def test_sabotage_a_shadow_rule_that_is_switched_on_does_change_the_outcome():
    fires = next(rule for rule in RULES if rule.name == "payee_fan_in").fires[0]
    vector = [fires.get(name, math.nan) for name in plan().names]
    on = procedure(rules=[('"shadow"', '"on"')])
    facts = transfer(1)
    assert decide(vector, 0, facts, parts()[0]).outcome == "ALLOW"
    assert decide(vector, 0, facts, on).outcome == "HOLD"


def named(in_force, mode, amount):
    """What the policy names for a mode and an amount, looked up another way."""
    bands = in_force.degraded.bands[mode]
    return next(b.outcome for b in bands if amount <= (b.up_to_centavos or 10**12))


@given(st.sampled_from(sorted(UNSCORED)), AMOUNTS, st.sampled_from([None, *Initiation]))
def test_without_a_vector_it_answers_what_is_named_for_the_amount_and_says_so(
    mode, amount, initiation
):
    facts = transfer(1, amount_centavos=amount, initiation=initiation)
    in_force = parts()[0].at(START)
    derived = derive(facts, None, in_force, parts()[3], degraded=(mode,))
    outcome = named(in_force, mode, amount)
    held = outcome is Outcome.HOLD and initiation is Initiation.AUTO
    assert derived.outcome == ("STEP_UP" if held else outcome.value)
    assert (derived.score, derived.vector_hash) == (None, b"")
    assert derived.reasons == (REASON[mode],)
    assert derived.outcome != "ALLOW" or amount <= 20_000
    assert (derived.hold is None) == (derived.outcome != "HOLD")


@given(st.sampled_from(sorted(set(Mode) - UNSCORED)), VECTORS, SCORES, AMOUNTS)
def test_with_a_vector_no_less_is_answered_than_is_named(mode, vector, score, amount):
    facts = transfer(1, amount_centavos=amount)
    in_force = parts()[0].at(START)
    given_all = scored(vector, score)
    whole = derive(facts, given_all, in_force, parts()[3])
    derived = derive(facts, given_all, in_force, parts()[3], degraded=(mode,))
    assert Outcome(derived.outcome) >= named(in_force, mode, amount)
    assert Outcome(derived.outcome) <= max(named(in_force, mode, amount), Outcome(whole.outcome))
    assert REASON[mode].value in derived.reasons
    assert (derived.score is None) == (mode in WITHOUT_MODEL)
    if mode in WITHOUT_MODEL:
        assert ReasonCode.MODEL_SCORE not in derived.reasons
    if mode is Mode.KILL_RULES:
        assert derived.rules == derived.nulls == derived.shadow_rules == ()


def test_sabotage_where_allow_is_not_named_a_mode_never_allows():
    strict = procedure(degraded=[('"ALLOW"', '"WARN"')]).at(START).degraded
    for mode in Mode:
        assert strict.outcome(mode, 1) is Outcome.WARN
        assert parts()[0].at(START).degraded.outcome(mode, 1) in {Outcome.ALLOW, Outcome.WARN}
    assert parts()[0].at(START).degraded.outcome(Mode.TIMEOUT, 1) is Outcome.ALLOW


def test_every_mode_has_a_reason_and_says_it_to_both_audiences():
    assert set(REASON) == set(Mode)


@given(VECTORS, SCORES, AMOUNTS)
def test_every_outcome_above_allow_has_a_reason_from_the_closed_list(vector, score, amount):
    derived = decide(vector, score, transfer(1, amount_centavos=amount), parts()[0])
    assert {ReasonCode(code) for code in derived.reasons}.__len__() == len(derived.reasons)
    assert derived.outcome == "ALLOW" or derived.reasons
    assert not set(derived.nulls) & (set(derived.rules) | set(derived.shadow_rules))


@pytest.mark.slow
@given(VECTORS, SCORES)
def test_automatic_pix_is_never_held(vector, score):
    facts = transfer(1, initiation=Initiation.AUTO)
    assert decide(vector, score, facts, parts()[0]).outcome != "HOLD"


@pytest.mark.parametrize("purpose", [Purpose.REFU, Purpose.IPRT])
@pytest.mark.parametrize("degraded", [(), (Mode.TIMEOUT,)])
def test_a_return_is_allowed_without_a_score(purpose, degraded):
    facts = transfer(1, purpose=purpose, amount_centavos=10**9)
    derived = derive(facts, None, parts()[0].at(START), parts()[3], degraded=degraded)
    assert (derived.outcome, derived.score) == ("ALLOW", None)
    assert derived.reasons == (ReasonCode.NOT_SCORED_RETURN,)


def test_a_late_transfer_says_so_and_its_outcome_is_the_same():
    vector, facts = [0.0] * len(plan().names), transfer(1)
    in_force = parts()[0].at(START)
    prompt, late = (
        derive(facts, scored(vector, 0, flags), in_force, parts()[3]) for flags in (0, 1)
    )
    assert late.outcome == prompt.outcome
    assert late.reasons == (*prompt.reasons, ReasonCode.DATA_LATE)


OPERANDS = st.one_of(
    st.sampled_from([Field("a"), Field("b"), Parameter("p")]),
    st.sampled_from([-1, 0, 1, 2.5]).map(Value),
)
COMPARISONS = st.builds(Compare, st.sampled_from(list(Comparison)), OPERANDS, OPERANDS)
EXPRESSIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds(And, inner, inner), st.builds(Or, inner, inner), st.builds(Not, inner)
    ),
    max_leaves=6,
)
NUMBERS = st.sampled_from([math.nan, -1.0, 0.0, 1.0, 2.5, 3.0])


@given(EXPRESSIONS, NUMBERS, NUMBERS, st.sampled_from([-1, 0, 1, 2.5]))
def test_a_compiled_condition_means_what_its_expression_means(expression, a, b, p):
    values = {"a": a, "b": b, "p": p}
    conditions = Conditions([(expression, {"p": p})] * 2, {"a": 0, "b": 1})
    holds = expression.evaluate(lambda operand: values[operand.name])
    assert conditions(np.array([a, b])) == bytes([NULL if holds is None else holds] * 2)


def test_sabotage_another_parameter_is_another_condition():
    expression = Field("a") > Parameter("p")
    conditions = Conditions([(expression, {"p": 0}), (expression, {"p": 1})], {"a": 0})
    assert conditions(np.array([1.0])) == bytes([HOLDS, FALSE])
