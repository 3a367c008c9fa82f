"""pacs.008 at the door: the same facts as in JSON, and what is hostile is no more than refused."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.adapters.http.bodies import parse_decision
from crivo.adapters.http.pacs008 import VERSIONS, named_id, parse_pacs008
from crivo.domain.account import CustomerSegment
from crivo.domain.errors import Code, Refused
from crivo.flows.answers import FACTS, check_same_facts
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.adapters.http.orders import ORDER, SAME

PSEUDONYMS = Pseudonymiser(bytes(range(32)))


def parsed(text: str | bytes):
    raw = text if isinstance(text, bytes) else text.encode()
    return parse_pacs008(raw, PSEUDONYMS)[0]


def refusal(text: str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        parsed(text)
    return caught.value


def without(element: str) -> str:
    text, count = re.subn(rf"\s*<{element}\b[^>]*>.*?</{element}>", "", ORDER, flags=re.DOTALL)
    assert count, element
    return text


def test_an_order_and_the_body_in_json_of_the_same_transfer_are_equal() -> None:
    called = {
        "payer": {"name": "Ana de Souza", "tax_id": SAME["payer_person_id"]},
        "payee": {"tax_id": SAME["payee_person_id"], "key": SAME["payee_key_id"]},
        "remittance": "aluguel <novembro>",
    }
    in_json, _, sealed = parse_decision(
        json.dumps({**SAME, "identity": called}).encode(), PSEUDONYMS
    )
    in_xml = parsed(ORDER)
    assert parse_pacs008(ORDER.encode(), PSEUDONYMS)[2] == sealed
    assert in_xml == in_json
    check_same_facts(in_json, in_xml)
    check_same_facts(in_xml, in_json)


def test_a_cpf_tells_a_natural_person_and_a_cnpj_tells_no_segment() -> None:
    """An MEI has a CNPJ, and the night's total of a natural person."""
    assert parsed(ORDER).payer_segment is CustomerSegment.NATURAL_PERSON
    assert parsed(ORDER).payee_segment is None
    swapped = ORDER.replace("11144477735", "-").replace("12345678000195", "11144477735")
    company = parsed(swapped.replace(">-<", ">12345678000195<"))
    assert company.payer_segment is None
    assert company.payee_segment is CustomerSegment.NATURAL_PERSON
    assert parsed(without("Dbtr")).payer_segment is None


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        (">123.45<", ">123.46<", "amount_centavos"),
        ("00.250Z</Acc", "00.251Z</Acc", "occurred_at"),
        ("<Id>555012<", "<Id>555013<", "payer_account_id"),
        ("<Id>999071<", "<Id>999072<", "payee_account_id"),
        ("<Id>11144477735<", "<Id>52998224725<", "payer_person_id"),
        ("maria@", "marta@", "payee_key_id"),
        (">QRDN<", ">QRES<", "initiation"),
        ("<Cd>IPAY<", "<Cd>GSCB<", "purpose"),
    ],
)
def test_sabotage_any_other_fact_is_another_transfer(before: str, after: str, fact: str) -> None:
    assert fact in FACTS
    changed = ORDER.replace(before, after)
    assert changed != ORDER
    with pytest.raises(Refused) as caught:
        check_same_facts(parsed(ORDER), parsed(changed))
    assert (caught.value.code, caught.value.context["field"]) == (Code.CONFLICT, fact)


@pytest.mark.parametrize(
    ("place", "right", "wrong"),
    [
        ("Dbtr/Id/PrvtId/Othr/Id", "11144477735", "11144477736"),
        ("Cdtr/Id/OrgId/Othr/Id", "12345678000195", "12345678000196"),
    ],
)
def test_a_tax_id_that_is_none_is_told_by_its_place(place: str, right: str, wrong: str) -> None:
    found = refusal(ORDER.replace(right, wrong))
    assert (found.code, found.context["field"]) == (Code.ID_INVALID, f"CdtTrfTxInf/{place}")


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_that_is_named_is_read(version: str) -> None:
    assert parsed(ORDER.replace("pacs.008/1.16", f"pacs.008/{version}")) == parsed(ORDER)


def test_names_remittance_and_signature_are_no_facts() -> None:
    for element in ("Nm", "RmtInf", "AppHdr", "ChrgBr"):
        assert parsed(without(element)) == parsed(ORDER)


@pytest.mark.parametrize(
    ("element", "field"),
    [
        ("Prxy", "payee_key_id"),
        ("Purp", "purpose"),
        ("MndtRltdInf", "initiation"),
        ("PmtTpInf", "service_level"),
        ("InitgPty", "initiator_ispb"),
        ("TxId", "txid"),
        ("Cdtr", "payee_person_id"),
    ],
)
def test_what_may_be_left_out_is_null(element: str, field: str) -> None:
    assert parsed(without(element)) == replace(parsed(ORDER), **{field: None})


def test_an_account_without_a_branch_has_nothing_between_the_strokes() -> None:
    bare = ORDER.replace("<Issr>0001</Issr>", "")
    same = {**SAME, "payer_account_id": "12345678//555012"}
    assert parsed(bare) == parse_decision(json.dumps(same).encode(), PSEUDONYMS)[0]


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        (without("EndToEndId"), Code.FIELD_MISSING, "CdtTrfTxInf/PmtId/EndToEndId"),
        (without("AccptncDtTm"), Code.FIELD_MISSING, "CdtTrfTxInf/AccptncDtTm"),
        (without("IntrBkSttlmAmt"), Code.FIELD_MISSING, "CdtTrfTxInf/IntrBkSttlmAmt"),
        (without("CdtTrfTxInf"), Code.FIELD_MISSING, "CdtTrfTxInf"),
        (without("Document"), Code.FIELD_MISSING, "Document/FIToFICstmrCdtTrf"),
        (ORDER.replace('"BRL"', '"USD"'), Code.FIELD_VALUE, "CdtTrfTxInf/IntrBkSttlmAmt/@Ccy"),
        (ORDER.replace(' Ccy="BRL"', ""), Code.FIELD_VALUE, "CdtTrfTxInf/IntrBkSttlmAmt/@Ccy"),
        (ORDER.replace("123.45", "123.4"), Code.AMOUNT_INVALID, "CdtTrfTxInf/IntrBkSttlmAmt"),
        (ORDER.replace("123.45", "1e2"), Code.AMOUNT_INVALID, "CdtTrfTxInf/IntrBkSttlmAmt"),
        (ORDER.replace("123.45", "-1.00"), Code.AMOUNT_INVALID, "CdtTrfTxInf/IntrBkSttlmAmt"),
        (ORDER.replace("123.45", "0.00"), Code.AMOUNT_RANGE, "amount_centavos"),
        (ORDER.replace("123.45", "9" * 15 + ".99"), Code.AMOUNT_RANGE, "amount_centavos"),
        (ORDER.replace("00.250Z", "00.250-03:00"), Code.TIME_INVALID, "CdtTrfTxInf/AccptncDtTm"),
        (
            ORDER.replace(">QRDN<", ">GIFT<"),
            Code.FIELD_VALUE,
            "CdtTrfTxInf/MndtRltdInf/Tp/LclInstrm/Prtry",
        ),
        (
            ORDER.replace(">11144477735<", ">1<"),
            Code.FIELD_VALUE,
            "CdtTrfTxInf/Dbtr/Id/PrvtId/Othr/Id",
        ),
        (ORDER.replace(">1</NbOfTxs>", ">2</NbOfTxs>"), Code.FIELD_VALUE, "GrpHdr/NbOfTxs"),
        (
            ORDER.replace("<Cd>IPAY</Cd>", "<Cd><x/></Cd>"),
            Code.BODY_MALFORMED,
            "CdtTrfTxInf/Purp/Cd",
        ),
        (ORDER.replace("<Cd>IPAY</Cd>", "<Cd/>"), Code.FIELD_VALUE, "CdtTrfTxInf/Purp/Cd"),
        (
            ORDER.replace("<Purp>", "<Purp><Cd>IPAY</Cd></Purp><Purp>"),
            Code.BODY_MALFORMED,
            "Purp/Cd",
        ),
        (ORDER.replace("E123", "D123"), Code.ID_INVALID, "end_to_end_id"),
        (ORDER.replace("pacs.008/1.16", "pacs.008/9.9"), Code.SCHEMA_UNKNOWN, "Envelope"),
        (ORDER.replace("pacs.008/1.16", "pacs.002/1.17"), Code.SCHEMA_UNKNOWN, "Envelope"),
        (ORDER.replace("Envelope", "Umschlag"), Code.SCHEMA_UNKNOWN, "Envelope"),
        (ORDER.replace("Ana", "A" * 140), Code.FIELD_VALUE, "CdtTrfTxInf/Dbtr/Nm"),
        ("<Envelope/>", Code.SCHEMA_UNKNOWN, "Envelope"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_its_place(text: str, code: Code, field: str) -> None:
    refused = refusal(text)
    assert (refused.code, refused.context["field"]) == (code, field)


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE Envelope>",
        '<!DOCTYPE Envelope SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE e [<!ENTITY % p SYSTEM "http://127.0.0.1:1/">%p;]>',
    ],
)
def test_no_document_type_and_no_entity_is_read(head: str) -> None:
    start, rest = ORDER.split("\n", 1)
    assert refusal(f"{start}\n{head}\n{rest}").code is Code.BODY_MALFORMED
    assert refusal(f"{start}\n{head}\n{rest.replace('Ana', '&a;')}").code is Code.BODY_MALFORMED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff\xfe<\x00a\x00",
        b"<a>" * 5_000,
        b"<a>" * 5_000 + b"</a>" * 5_000,
        b"<Envelope>&undefined;</Envelope>",
        b"<Envelope>\x00</Envelope>",
        b"<a xmlns:x='y'><x:b></a>",
        ORDER.encode("utf-16"),
        ORDER.replace("UTF-8", "latin-1").replace("Ana", "Aná").encode("latin-1"),
        (ORDER + ORDER).encode(),
    ],
    ids=range(11),
)
def test_what_is_no_xml_in_utf_8_is_malformed(raw: bytes) -> None:
    assert refusal(raw).code in {Code.BODY_MALFORMED, Code.SCHEMA_UNKNOWN}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", "nothing at line 1, column 1"),
        (b"<a>\n  <b/>\n", "an end before the last element is closed at line 3, column 1"),
        (b"<a>\n  <b>\n</a>", "mismatched tag at line 3, column 3"),
        ("<a>\n éé".encode() + b"\xff</a>", "a byte that is no UTF-8 at line 2, column 4"),
        (b"<a>\n<b", "unclosed token at line 2, column 1"),
        (b"<!DOCTYPE a><a/>", "a document type, or an entity"),
    ],
)
def test_what_is_broken_of_xml_is_said_with_its_line_and_column(raw: bytes, found: str) -> None:
    told = refusal(raw)
    assert (told.code, told.context["found"]) == (Code.BODY_MALFORMED, found)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (ORDER, SAME["end_to_end_id"]),
        (ORDER[: ORDER.index("<TxId>")], SAME["end_to_end_id"]),
        (ORDER + ORDER, SAME["end_to_end_id"]),
        (ORDER + ORDER.replace("EF12345<", "EF12346<"), None),
        (without("EndToEndId"), None),
        (ORDER.replace("EF12345<", "EF1234<"), None),
    ],
    ids=range(6),
)
def test_an_id_is_named_by_what_is_no_order_too_unless_there_are_several(
    raw: str, named: str | None
) -> None:
    assert named_id(raw.encode()) == named


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_more(raw: bytes) -> None:
    with pytest.raises(Refused):
        parsed(raw)


@given(data=st.data())
def test_an_order_with_a_piece_changed_is_a_transfer_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(ORDER)))
    end = data.draw(st.integers(start, min(start + 40, len(ORDER))))
    piece = data.draw(
        st.text(max_size=20)
        | st.sampled_from(["<x>", "</Id>", "<Id>", "&amp;", "&#0;", "<![CDATA[", "<!--", "Ccy"])
    )
    text = ORDER[:start] + piece + ORDER[end:]
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    with contextlib.suppress(Refused):
        assert parsed(raw).amount_centavos
