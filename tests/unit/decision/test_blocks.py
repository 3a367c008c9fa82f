"""Blocks, in force by their Brasília dates: of marked users, and of credits that are suspected."""

from __future__ import annotations

import math
from functools import lru_cache

import pytest

from crivo.decision.decide import derive
from crivo.decision.degraded import Mode
from crivo.decision.hold import HOLD_MINUTES_MAX
from crivo.decision.lists import HitKind, ListHit
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import INITIATION, SETTLEMENT
from crivo.domain.account import CustomerSegment
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import HOUR, MINUTE, parse_rfc3339
from crivo.domain.list_entry import ListSide
from crivo.domain.transfer import Initiation, Purpose
from tests.laws.test_decision_laws import parts, procedure, scored
from tests.unit.decision.worlds import START, plan, transfer

PAYER, PAYEE = (ListHit(HitKind.MARKED, side, "m-1") for side in (ListSide.PAYER, ListSide.PAYEE))
ALLOWED = ListHit(HitKind.ALLOW, ListSide.PAYER, "entry-1")
NOTHING = [math.nan] * len(plan().names)
LOW, ASKING, HOLDING, REJECTING = 0, 400_000_000, 700_000_000, 990_000_000
OURS, OTHERS = "87654321", "12345678"
PERSON, MEI, LEGAL = CustomerSegment
NOBODY = 'key = "blocks.precautionary.institutions"\nvalue = []'
END = 'key = "blocks.precautionary.end"\nvalue = "ALLOW"'


@lru_cache(maxsize=4)
def blocking(*changes):
    """The repository's policy, of an institution that blocks credits, with these changes."""
    return procedure(decision=[(NOBODY, NOBODY.replace("[]", f'["{OURS}"]')), *changes])


def decided(score, *listed, in_force=None, phase=INITIATION, degraded=(), **facts):
    facts.setdefault("occurred_at", START)
    asked = transfer(1, **facts)
    terms = (in_force or parts()[0]).at(asked.occurred_at)
    judged = None if degraded or asked.purpose is Purpose.REFU else scored(NOTHING, score)
    return derive(asked, judged, terms, parts()[3], degraded=degraded, listed=listed, phase=phase)


@pytest.mark.parametrize(
    ("moment", "outcome"),
    [
        ("2021-11-16T12:00:00Z", "ALLOW"),
        ("2025-09-26T02:59:59.999999Z", "ALLOW"),  # still 25 September in Brasília
        ("2025-09-26T03:00:00Z", "REJECT"),
        ("2026-11-27T12:00:00Z", "REJECT"),
    ],
)
def test_a_marked_user_is_stopped_since_26_september_2025_in_either_role(moment, outcome):
    at = parse_rfc3339(moment)
    for hit, reason in ((PAYER, ReasonCode.PAYER_MARKED), (PAYEE, ReasonCode.PAYEE_MARKED)):
        found = decided(LOW, hit, occurred_at=at)
        assert (found.outcome, reason in found.reasons) == (outcome, outcome == "REJECT")


def test_no_list_lets_a_marked_user_pass_and_a_degraded_answer_stops_one_too():
    assert decided(LOW, ALLOWED, PAYER).outcome == "REJECT"
    late = decided(LOW, PAYEE, degraded=(Mode.TIMEOUT,))
    assert (late.outcome, late.reasons[0]) == ("REJECT", ReasonCode.PAYEE_MARKED)


def test_a_return_of_a_marked_user_is_allowed():
    assert decided(LOW, PAYER, PAYEE, purpose=Purpose.REFU).outcome == "ALLOW"


def test_each_side_is_asked_for_what_its_own_entry_says():
    key = 'key = "blocks.marked.payee.outcome"\nvalue = "REJECT"'
    held = procedure(decision=[(key, key.replace("REJECT", "HOLD"))])
    payee, both = decided(LOW, PAYEE, in_force=held), decided(LOW, PAYER, PAYEE, in_force=held)
    assert (payee.outcome, both.outcome) == ("HOLD", "REJECT")
    assert payee.reasons == (ReasonCode.PAYEE_MARKED,)
    assert both.reasons == (ReasonCode.PAYER_MARKED, ReasonCode.PAYEE_MARKED)


@pytest.mark.parametrize(
    ("moment", "person", "others"),
    [
        ("2021-11-16T02:59:59Z", None, None),  # still 15 November in Brasília
        ("2021-11-16T03:00:00Z", 72, None),
        ("2025-09-26T02:59:59Z", 72, None),
        ("2025-09-26T03:00:00Z", 72, 72),
        ("2026-11-27T12:00:00Z", 72, 72),
    ],
)
def test_whose_credits_may_be_blocked_and_for_how_long_follows_the_norms_dates(
    moment, person, others
):
    at = parse_rfc3339(moment)
    for segment, hours in {PERSON: person, MEI: others, LEGAL: others, None: others}.items():
        facts = {"occurred_at": at, "payee_ispb": OURS, "payee_segment": segment}
        found = decided(HOLDING, in_force=blocking(), phase=SETTLEMENT, **facts)
        assert found.outcome == "HOLD"
        assert (ReasonCode.PRECAUTIONARY_BLOCK in found.reasons) is (hours is not None)
        if hours:
            assert (found.hold.until, found.hold.ends_as) == (at + hours * HOUR, "ALLOW")
        else:
            assert found.hold.until <= at + HOLD_MINUTES_MAX * MINUTE


@pytest.mark.parametrize(
    ("facts", "phase", "in_force"),
    [
        ({"payee_ispb": OURS}, INITIATION, blocking),
        ({"payee_ispb": OTHERS}, SETTLEMENT, blocking),
        ({}, SETTLEMENT, blocking),
        ({"payee_ispb": OURS}, SETTLEMENT, lambda: parts()[0]),
    ],
)
def test_nobody_else_s_hold_is_a_block(facts, phase, in_force):
    """Not in the initiation, not at another institution, not where the policy names none."""
    found = decided(HOLDING, in_force=in_force(), phase=phase, **facts)
    assert (found.outcome, found.hold.until) == ("HOLD", START + 30 * MINUTE)
    assert ReasonCode.PRECAUTIONARY_BLOCK not in found.reasons


@pytest.mark.parametrize(
    ("score", "outcome"),
    [(LOW, "ALLOW"), (ASKING, "STEP_UP"), (HOLDING, "HOLD"), (REJECTING, "REJECT")],
)
def test_a_block_changes_the_terms_of_a_hold_and_no_outcome(score, outcome):
    facts = {"payee_ispb": OURS}
    usual = decided(score, phase=SETTLEMENT, **facts)
    found = decided(score, in_force=blocking(), phase=SETTLEMENT, **facts)
    assert usual.outcome == found.outcome == outcome
    assert (usual.hold is None) is (found.hold is None) is (outcome != "HOLD")
    own = (ReasonCode.PRECAUTIONARY_BLOCK,) if outcome == "HOLD" else ()
    assert found.reasons == (*usual.reasons, *own)


def test_a_degraded_hold_blocks_too_and_automatic_pix_is_never_blocked():
    facts = {"payee_ispb": OURS, "amount_centavos": 5_000_000}
    asked = {"in_force": blocking(), "phase": SETTLEMENT, "degraded": (Mode.TIMEOUT,)}
    found = decided(LOW, **asked, **facts)
    assert (found.outcome, found.hold.until) == ("HOLD", START + 72 * HOUR)
    assert found.reasons == (ReasonCode.TIMEOUT_DEGRADED, ReasonCode.PRECAUTIONARY_BLOCK)
    automatic = decided(LOW, **asked, **facts, initiation=Initiation.AUTO)
    assert (automatic.outcome, automatic.hold) == ("STEP_UP", None)


def test_a_block_ends_as_the_policy_says():
    returning = blocking((END, END.replace("ALLOW", "REJECT")))
    found = decided(HOLDING, in_force=returning, phase=SETTLEMENT, payee_ispb=OURS)
    assert found.hold.ends_as == "REJECT"


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("blocks.precautionary.hours.unstated", "72", "73"),
        ("blocks.precautionary.hours.mei", "72", "0"),
        ("blocks.precautionary.hours.legal_person", "72", '"72"'),
        ("blocks.precautionary.end", '"ALLOW"', '"HOLD"'),
        ("blocks.precautionary.end", '"ALLOW"', '"none"'),
        ("blocks.precautionary.institutions", "[]", '["8765432"]'),
        ("blocks.marked.payer.outcome", '"REJECT"', '"STOP"'),
        ("blocks.marked.payee.outcome", '"REJECT"', "true"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_key(key, before, after):
    was = f'key = "{key}"\nvalue = {before}'
    with pytest.raises(Misconfigured) as caught:
        procedure(decision=[(was, was.replace(f"value = {before}", f"value = {after}"))])
    assert caught.value.code is Code.POLICY_INVALID
    assert (caught.value.context["key"], caught.value.context["file"]) == (key, "decision.toml")


@pytest.mark.parametrize("key", ["blocks.precautionary.hours", "blocks.marked.device.outcome"])
def test_a_key_that_nobody_knows_is_refused(key):
    was = 'key = "blocks.precautionary.end"'
    with pytest.raises(Misconfigured) as caught:
        procedure(decision=[(was, f'key = "{key}"')])
    assert (caught.value.code, caught.value.context["key"]) == (Code.POLICY_INVALID, key)


def test_the_hash_of_the_policy_follows_every_entry_of_a_block():
    changes = [(NOBODY, NOBODY.replace("[]", f'["{OURS}"]')), (END, END.replace("ALLOW", "REJECT"))]
    policies = [procedure(decision=each) for each in ([], changes[:1], changes[1:], changes)]
    assert len({each.files["decision.toml"].hash for each in policies}) == 4


def test_sabotage_a_block_that_forgot_its_phase_is_noticed(monkeypatch):
    monkeypatch.setattr("crivo.decision.blocks.SETTLEMENT", INITIATION)
    found = decided(HOLDING, in_force=blocking(), payee_ispb=OURS)
    assert found.hold.until == START + 72 * HOUR, "so the law above would be red"
