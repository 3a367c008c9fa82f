"""Bodies at the door: what parses, and which code each fault gets."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from crivo.adapters.http.bodies import parse_decision, parse_report, parse_rows
from crivo.domain.account import CustomerSegment
from crivo.domain.br_code import BrCode
from crivo.domain.errors import Refused
from crivo.domain.instant import parse_rfc3339
from crivo.domain.pix_key import parse_pix_key
from crivo.domain.report import ReportStatus
from crivo.domain.transfer import Initiation, ServiceLevel
from crivo.flows.predict import predict
from crivo.governance.pseudonym import Pseudonymiser
from crivo.model.scorer import Scorer
from tests.unit.adapters.http.bodies import (
    GOOD,
    HOSTILE_DECISIONS,
    HOSTILE_ROWS,
    STATIC_CODE,
    STATIC_KEY,
    decision_body,
)
from tests.unit.decision.worlds import artifact

PSEUDONYMS = Pseudonymiser(bytes(range(32)))


def test_a_whole_body_becomes_a_transfer_of_pseudonyms() -> None:
    transfer, supplied, _ = parse_decision(
        decision_body(received_at="2026-11-23T12:00:01Z"), PSEUDONYMS
    )
    assert transfer.payer_account_id == PSEUDONYMS.account("payer")
    assert transfer.payee_account_id == PSEUDONYMS.account("payee")
    assert transfer.amount_centavos == 12_500
    assert transfer.initiation is Initiation.DICT
    assert supplied == transfer.occurred_at + 1_000_000


def test_a_scanned_code_says_whom_to_pay_and_how_the_payment_began() -> None:
    raw = decision_body(br_code=STATIC_CODE, initiation=None, payee_account_id=None)
    transfer, *_ = parse_decision(raw, PSEUDONYMS)
    assert transfer.payee_id == PSEUDONYMS.key(STATIC_KEY)
    assert transfer.initiation is Initiation.QRES and transfer.txid is None
    raw = decision_body(br_code=STATIC_CODE, initiation="APES", payee_key_id=STATIC_KEY.upper())
    assert parse_decision(raw, PSEUDONYMS)[0].initiation is Initiation.APES


def test_a_dynamic_code_leaves_its_charge_s_id_to_the_body_and_names_nobody_s_key() -> None:
    code = BrCode("Loja", "BELEM", url="pix.example.com/1", is_once=True).text()
    raw = decision_body(br_code=code, initiation=None, txid="t" * 26)
    transfer, *_ = parse_decision(raw, PSEUDONYMS)
    assert (transfer.txid, transfer.payee_key_id) == ("t" * 26, None)
    assert transfer.initiation is Initiation.QRDN
    transfer, *_ = parse_decision(decision_body(br_code=code, initiation=None), PSEUDONYMS)
    assert transfer.txid is None
    with pytest.raises(Refused) as caught:
        parse_decision(decision_body(br_code=code, initiation=None, txid="t" * 25), PSEUDONYMS)
    assert caught.value.context["field"] == "txid"


def test_a_static_code_tells_its_id_and_a_body_with_another_is_refused() -> None:
    code = BrCode("Loja", "BELEM", key=parse_pix_key("+5511987654321"), txid="loja7").text()
    transfer, *_ = parse_decision(decision_body(br_code=code, initiation=None), PSEUDONYMS)
    assert transfer.txid == "loja7"
    with pytest.raises(Refused) as caught:
        parse_decision(decision_body(br_code=code, initiation=None, txid="u"), PSEUDONYMS)
    assert caught.value.context["field"] == "txid"


def test_a_body_may_say_when_it_is_to_be_paid_and_who_asked() -> None:
    raw = decision_body(
        service_level="PAGAGD", initiator_ispb="1234567A", txid="abc", payer_segment="MEI"
    )
    transfer, *_ = parse_decision(raw, PSEUDONYMS)
    assert transfer.service_level is ServiceLevel.PAGAGD
    assert (transfer.initiator_ispb, transfer.txid) == ("1234567A", "abc")
    assert transfer.payer_segment is CustomerSegment.MEI


def test_escapes_and_explicit_nulls_are_ordinary_json() -> None:
    raw = decision_body(payer_account_id='a"b\\c', device_id=None, payee_person_id="\u00e9")
    transfer, *_ = parse_decision(raw, PSEUDONYMS)
    assert transfer.payer_account_id == PSEUDONYMS.account('a"b\\c')
    assert transfer.payee_person_id == PSEUDONYMS.person("é")
    assert transfer.device_id is None


@pytest.mark.parametrize("name", HOSTILE_DECISIONS)
def test_a_body_that_cannot_be_names_its_field_and_code(name: str) -> None:
    raw, code, field = HOSTILE_DECISIONS[name]
    with pytest.raises(Refused) as caught:
        parse_decision(raw, PSEUDONYMS)
    assert (caught.value.code, caught.value.context["field"]) == (code, field)


def test_a_report_is_a_claim_until_it_says_more() -> None:
    raw = {"report_id": "r1", "end_to_end_id": GOOD["end_to_end_id"]}
    body, status, supplied = parse_report(json.dumps(raw).encode())
    assert (body.report_id, status, supplied) == ("r1", ReportStatus.CLAIMED, None)
    raw |= {"status": "ACCEPTED", "received_at": "2026-11-23T12:00:00Z"}
    _, status, supplied = parse_report(json.dumps(raw).encode())
    assert (status, supplied) == (ReportStatus.ACCEPTED, parse_rfc3339("2026-11-23T12:00:00Z"))


def test_a_report_of_an_unknown_status_is_refused() -> None:
    raw = b'{"report_id": "r1", "end_to_end_id": "E", "status": "MAYBE"}'
    with pytest.raises(Refused) as caught:
        parse_report(raw)
    assert caught.value.context["field"] == "status"


def test_a_list_of_rows_stays_a_list() -> None:
    assert parse_rows(b'[{"a": 1}, {"a": 2.5}]', rows_max=2) == ([{"a": 1}, {"a": 2.5}], True)
    assert parse_rows(b'{"b": null, "a": 2}', rows_max=1) == ([{"b": None, "a": 2}], False)


def test_rows_come_in_the_order_of_the_model_and_null_is_missing() -> None:
    scorer = Scorer(artifact(names=("a", "b")))
    rows, _ = parse_rows(b'[{"b": null, "a": 900}, {"a": 900, "b": null}]', rows_max=2)
    one, two = predict(scorer, rows)
    margins, _ = scorer.score(np.array([[900.0, math.nan]]), plan_hash="")
    assert one.margin == two.margin == margins[0]


@pytest.mark.parametrize("name", HOSTILE_ROWS)
def test_rows_that_cannot_be_name_their_field_and_code(name: str) -> None:
    raw, code, field = HOSTILE_ROWS[name]
    scorer = Scorer(artifact(names=("a",)))
    with pytest.raises(Refused) as caught:
        predict(scorer, parse_rows(raw, rows_max=2)[0])
    assert (caught.value.code, caught.value.context["field"]) == (code, field)
