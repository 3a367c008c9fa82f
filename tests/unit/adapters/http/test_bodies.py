"""Bodies at the door: what parses, and which code each fault gets."""

from __future__ import annotations

import json
import math

import pytest

from crivo.adapters.http.bodies import parse_decision, parse_report, parse_rows
from crivo.domain.errors import Refused
from crivo.domain.transfer import Initiation
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.adapters.http.bodies import (
    GOOD,
    HOSTILE_DECISIONS,
    HOSTILE_ROWS,
    decision_body,
)

PSEUDONYMS = Pseudonymiser(bytes(range(32)))


def test_a_whole_body_becomes_a_transfer_of_pseudonyms() -> None:
    transfer, supplied = parse_decision(
        decision_body(received_at="2026-11-23T12:00:01Z"), PSEUDONYMS
    )
    assert transfer.payer_account_id == PSEUDONYMS.account("payer")
    assert transfer.payee_account_id == PSEUDONYMS.account("payee")
    assert transfer.amount_centavos == 12_500
    assert transfer.initiation is Initiation.DICT
    assert supplied == transfer.occurred_at + 1_000_000


def test_escapes_and_explicit_nulls_are_ordinary_json() -> None:
    raw = decision_body(payer_account_id='a"b\\c', device_id=None, payee_person_id="\u00e9")
    transfer, _ = parse_decision(raw, PSEUDONYMS)
    assert transfer.payer_account_id == PSEUDONYMS.account('a"b\\c')
    assert transfer.payee_person_id == PSEUDONYMS.person("é")
    assert transfer.device_id is None


@pytest.mark.parametrize("name", HOSTILE_DECISIONS)
def test_a_body_that_cannot_be_names_its_field_and_code(name: str) -> None:
    raw, code, field = HOSTILE_DECISIONS[name]
    with pytest.raises(Refused) as caught:
        parse_decision(raw, PSEUDONYMS)
    assert (caught.value.code, caught.value.context["field"]) == (code, field)


def test_a_report_may_bring_the_facts_of_its_transfer() -> None:
    claim = parse_report(
        json.dumps(
            {
                "report_id": "r1",
                "end_to_end_id": GOOD["end_to_end_id"],
                "status": "ACCEPTED",
                "payer_account_id": "payer",
                "amount_centavos": 5,
            }
        ).encode(),
        PSEUDONYMS,
    )
    assert claim.payer_id == PSEUDONYMS.account("payer")
    assert claim.amount_centavos == 5
    assert claim.received_at is None


def test_a_report_of_an_unknown_status_is_refused() -> None:
    raw = b'{"report_id": "r1", "end_to_end_id": "E", "status": "MAYBE"}'
    with pytest.raises(Refused) as caught:
        parse_report(raw, PSEUDONYMS)
    assert caught.value.context["expected"] == "one of CLAIMED, ACCEPTED, REJECTED"


def test_rows_come_in_the_order_of_the_model_and_null_is_missing() -> None:
    rows, many = parse_rows(b'{"b": null, "a": 2}', ("a", "b"), rows_max=1)
    assert not many
    assert rows[0][0] == 2.0
    assert math.isnan(rows[0][1])


def test_a_list_of_rows_stays_a_list() -> None:
    rows, many = parse_rows(b'[{"a": 1}, {"a": 2.5}]', ("a",), rows_max=2)
    assert (rows, many) == ([[1.0], [2.5]], True)


@pytest.mark.parametrize("name", HOSTILE_ROWS)
def test_rows_that_cannot_be_name_their_field_and_code(name: str) -> None:
    raw, code, field = HOSTILE_ROWS[name]
    with pytest.raises(Refused) as caught:
        parse_rows(raw, ("a",), rows_max=2)
    assert (caught.value.code, caught.value.context["field"]) == (code, field)
