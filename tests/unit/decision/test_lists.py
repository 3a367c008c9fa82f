"""What lists come to: an entry that lets pass, watches or stops, and what each may not do."""

from __future__ import annotations

import itertools
import math

import pytest

from crivo.decision.decide import derive
from crivo.decision.degraded import Mode
from crivo.decision.lists import NOT_LISTED, ListHit, ListTerms
from crivo.decision.outcome import Outcome
from crivo.decision.policy import RuleState
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import declared_rules
from crivo.domain.list_entry import ListKind, ListSide
from crivo.domain.transfer import Purpose
from tests.laws.test_decision_laws import parts, procedure, scored
from tests.unit.decision.worlds import START, plan, transfer

HIT = {kind: ListHit(kind, ListSide.PAYEE, "entry-1") for kind in ListKind}
ALLOW, WATCH, DENY = HIT[ListKind.ALLOW], HIT[ListKind.WATCH], HIT[ListKind.DENY]
REJECTING, HOLDING, ASKING, LOW = 990_000_000, 700_000_000, 400_000_000, 0

#: In force: DENY asks for REJECT, WATCH for HOLD; ALLOW passes rules to HOLD, scores to STEP_UP.
TERMS = ListTerms(Outcome.REJECT, Outcome.HOLD, Outcome.HOLD, Outcome.STEP_UP)


def vector_of(rule):
    values = dict(zip(plan().names, itertools.repeat(math.nan), strict=False))
    values.update({k: math.nan if v is None else v for k, v in rule.fires[0].items()})
    return [values[name] for name in plan().names]


def rules_on(severity):
    """Rules that act and ask for exactly that, with a vector that fires each."""
    found, in_force = procedure(), parts()[0].at(START)
    on = {each.name for each in in_force.rules if not each.shadow and each.severity is severity}
    assert found.value("rules.payee_listed.state", 20_000) is RuleState.SHADOW
    return [each for each in declared_rules() if each.name in on]


def decided(vector, score, *listed, facts=None, degraded=()):
    facts = transfer(1) if facts is None else facts
    judged = None if vector is None else scored(vector, score)
    in_force = parts()[0].at(facts.occurred_at)
    return derive(facts, judged, in_force, parts()[3], degraded=degraded, listed=listed)


NOTHING = [math.nan] * len(plan().names)


def test_the_policy_says_what_lists_ask_for():
    assert parts()[0].at(START).lists == TERMS
    assert TERMS.said([]) == NOT_LISTED


@pytest.mark.parametrize(("hit", "outcome"), [(WATCH, "HOLD"), (DENY, "REJECT"), (ALLOW, "ALLOW")])
def test_an_entry_asks_for_what_the_policy_says_and_gives_its_reason(hit, outcome):
    found = decided(NOTHING, LOW, hit)
    assert found.outcome == outcome
    assert (ReasonCode.LISTED.value in found.reasons) is (hit is not ALLOW)


@pytest.mark.parametrize(
    ("score", "before", "after"),
    [(LOW, "ALLOW", "ALLOW"), (ASKING, "STEP_UP", "ALLOW"), (HOLDING, "HOLD", "HOLD"),
     (REJECTING, "REJECT", "REJECT")],
)  # fmt: skip
def test_a_score_is_let_pass_up_to_what_the_policy_says(score, before, after):
    assert decided(NOTHING, score).outcome == before
    found = decided(NOTHING, score, ALLOW)
    assert found.outcome == after
    assert bool(found.reasons) is (after != "ALLOW"), "what passes has no reason"
    assert found.score == score, "the score is what the model said"


def test_rules_are_let_pass_up_to_what_the_policy_says_and_still_recorded():
    rules = rules_on(Outcome.HOLD)
    assert rules
    for rule in rules:
        before, after = (decided(vector_of(rule), LOW, *hits) for hits in ((), (ALLOW,)))
        assert before.outcome in {"HOLD", "REJECT"} and rule.name in before.rules
        assert after.rules == before.rules
        graver = [each for each in before.rules if each not in {r.name for r in rules}]
        assert after.outcome == "ALLOW" or graver, rule.name
        assert rule.reason.value not in after.reasons or graver


def test_graver_rules_than_the_policy_says_are_not_let_pass():
    for rule in rules_on(Outcome.REJECT):
        assert decided(vector_of(rule), LOW, ALLOW).outcome == "REJECT", rule.name


def test_an_entry_that_denies_outweighs_one_that_allows():
    assert decided(NOTHING, ASKING, ALLOW, DENY).outcome == "REJECT"
    assert decided(NOTHING, ASKING, DENY) == decided(NOTHING, ASKING, ALLOW, DENY)


def test_no_entry_lowers_a_limit_a_kill_switch_or_a_degraded_answer():
    cash = transfer(1, purpose=Purpose.GSCB, amount_centavos=300_001)
    assert decided(NOTHING, LOW, ALLOW, facts=cash).outcome == "REJECT"
    for mode in Mode:
        vector = None if mode in {Mode.TIMEOUT, Mode.LOG_SLOW, Mode.KILL_ALL} else NOTHING
        usual = decided(vector, LOW, degraded=(mode,))
        assert decided(vector, LOW, ALLOW, degraded=(mode,)).outcome == usual.outcome, mode


def test_who_is_denied_is_stopped_also_where_nothing_was_read():
    found = decided(None, LOW, DENY, degraded=(Mode.TIMEOUT,))
    assert (found.outcome, found.reasons[0]) == ("REJECT", ReasonCode.LISTED.value)


def test_a_return_is_allowed_whoever_is_listed():
    back = transfer(1, purpose=Purpose.REFU)
    assert decided(None, LOW, DENY, facts=back).outcome == "ALLOW"
