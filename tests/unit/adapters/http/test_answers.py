"""Whose customer reads the reasons of an answer: the payer's by initiation, the payee's by
settlement, and nobody reads what concerns the other.
"""

from __future__ import annotations

import json

import msgspec
import pytest

from crivo.adapters.http import answers
from crivo.adapters.http.answers import (
    decision_body,
    encode_decision,
    explanation_body,
    found_body,
    page_decision,
)
from crivo.decision.outcome import Outcome
from crivo.decision.reason_texts import GENERIC, REASONS, Audience, Language, Subject
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import Derived, Given, Observed, Record, Versions
from crivo.domain.phase import Phase
from crivo.flows.answers import Answer
from crivo.flows.explain import Explanation
from crivo.flows.noted import Seen
from tests.unit.decision.worlds import START, transfer

VERSIONS = Versions("bundle", "features", "plan", "model", "rules", "policy", "kernel")
OBSERVED = Observed("host", 0, 0, 0)
OWN = {Phase.INITIATION: Subject.PAYER, Phase.SETTLEMENT: Subject.PAYEE}


def told(phase: Phase) -> dict[str, dict[str, tuple[str, str]]]:
    """Texts by code, of an answer with every reason there is, by where they are told."""
    answer = Answer(
        end_to_end_id="E12345678202611231200abcDEF12345",
        phase=phase.value,
        outcome=Outcome.HOLD,
        score=None,
        reasons=tuple(ReasonCode),
        versions=VERSIONS,
        as_of=0,
        seq=1,
        occurred_at=START,
        received_at=START,
        degraded=(),
    )
    derived = Derived(b"", 0, None, None, (), (), (), tuple(ReasonCode), "HOLD")
    given = Given(0, "log", VERSIONS)
    facts = ("E", phase.value, False, msgspec.Raw(b""), given, b"", OBSERVED, b"")
    bodies = {
        "answer": decision_body(answer),
        "found": found_body(answer, ()),
        "explanation": explanation_body(Explanation(Record(*facts), derived, None, ())),
        "page": page_decision(Seen(transfer(1), answer, OBSERVED)),
    }
    texts = {
        name: {each.code: (each.text_pt, each.text_en) for each in body.reasons}
        for name, body in bodies.items()
    }
    wire = json.loads(encode_decision(answer))["reasons"]
    texts["wire"] = {each["code"]: (each["text_pt"], each["text_en"]) for each in wire}
    return texts


def check_texts(phase: Phase) -> None:
    """Each reads the own and the transfer's facts, and one sentence in place of all others."""
    generic = (GENERIC[Language.PT], GENERIC[Language.EN])
    for where, texts in told(phase).items():
        assert texts.keys() == set(ReasonCode), where
        for code, text in texts.items():
            reason = REASONS[ReasonCode(code)]
            is_own = reason.subject in {OWN[phase], Subject.TRANSFER}
            assert text == ((reason.pt, reason.en) if is_own else generic), (where, code)


@pytest.mark.parametrize("phase", Phase)
def test_the_customer_of_a_phase_reads_nothing_of_the_other_party(phase: Phase) -> None:
    check_texts(phase)


def test_a_settlement_tells_nobody_of_the_payer_s_log_ins_and_the_payee_of_the_block() -> None:
    before, after = told(Phase.INITIATION)["wire"], told(Phase.SETTLEMENT)["wire"]
    assert before["ACCESS_UNUSUAL"][0] == "Houve acessos incomuns a esta conta."
    assert after["ACCESS_UNUSUAL"][0] == GENERIC[Language.PT]
    assert after["PRECAUTIONARY_BLOCK"][0].startswith("O valor recebido foi bloqueado")


def test_sabotage_one_audience_for_both_phases_is_noticed(monkeypatch) -> None:
    everybody = dict.fromkeys(Phase, Audience.PAYER)
    monkeypatch.setattr(answers, "AUDIENCES", everybody)
    check_texts(Phase.INITIATION)
    with pytest.raises(AssertionError):
        check_texts(Phase.SETTLEMENT)
