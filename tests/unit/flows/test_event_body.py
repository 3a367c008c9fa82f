"""Bodies of events: what outsiders write becomes the declared value, or is refused by its path."""

from __future__ import annotations

import dataclasses
import enum
import json

import pytest

from crivo.domain.declared import declared_fields, is_declared
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import EARLIEST, format_rfc3339
from crivo.flows.event_body import parse_event
from crivo.flows.schemas import BY_VALUE, SCHEMAS
from crivo.governance.pseudonym import IdDomain, Pseudonymiser
from tests.unit.domain.examples import ID, NOON, PAYEE, PAYER, VALUES

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
OUTSIDE = [value for value in VALUES if not BY_VALUE[type(value)].is_own]
each_value = pytest.mark.parametrize(
    "value",
    OUTSIDE,
    ids=[f"{BY_VALUE[type(value)].name}-{place}" for place, value in enumerate(OUTSIDE)],
)


def document_of(value):
    """The value as an outsider would write it, its ids raw; nothing is written for None."""
    document = {}
    for field in declared_fields(type(value)):
        found = getattr(value, field.name)
        if found is None:
            continue
        if is_declared(field.type.base):
            found = document_of(found)
        elif isinstance(found, enum.Enum):
            found = found.value
        elif isinstance(found, bytes):
            found = found.decode()
        elif field.type.form is not None and field.type.form.name == "instant":
            found = format_rfc3339(found)
        document[field.name] = found
    return document


def domain_of(value, name):
    """The kind of id that a field holds, told by its name as people read it."""
    about = getattr(value, "entity", None) or getattr(value, "of", None)
    words = about.value.lower() if name == "entity_id" else name
    return next(
        (domain for domain in IdDomain if domain.value in words and domain != "account"),
        IdDomain.ACCOUNT,
    )


def pseudonymous(value):
    """The value with its raw ids turned into pseudonyms, one by one."""
    changes = {
        field.name: PSEUDONYMS.of(
            domain_of(value, field.name), getattr(value, field.name).decode(), field=field.name
        )
        for field in declared_fields(type(value))
        if field.type.base is bytes and getattr(value, field.name) is not None
    }
    return dataclasses.replace(value, **changes)


def name_of(value):
    return BY_VALUE[type(value)].name


def refusal(schema, document):
    with pytest.raises(Refused) as caught:
        parse_event(schema, document, PSEUDONYMS)
    assert caught.value.context["expected"] and caught.value.context["found"]
    return caught.value.code, caught.value.context["field"]


@each_value
def test_a_document_becomes_the_value_with_pseudonyms_for_ids(value):
    document = json.loads(json.dumps(document_of(value)))
    assert parse_event(name_of(value), document, PSEUDONYMS) == pseudonymous(value)


@each_value
def test_each_field_of_another_type_is_refused_by_its_path(value):
    for field in declared_fields(type(value)):
        for wrong in (1.5, ["x"], {"an": "object"}):
            code, named = refusal(name_of(value), {**document_of(value), field.name: wrong})
            assert named.split(".")[0].split("[")[0] in {field.name, "entity or of"}
            assert code in {Code.FIELD_TYPE, Code.FIELD_VALUE, Code.FIELD_UNKNOWN}


@each_value
def test_a_field_that_is_needed_is_missed_and_one_that_is_not_known_is_refused(value):
    for field in declared_fields(type(value)):
        if field.is_required and not field.type.is_nullable:
            document = document_of(value)
            del document[field.name]
            code, named = refusal(name_of(value), document)
            assert code in {Code.FIELD_MISSING, Code.FIELD_VALUE}
            assert named in {field.name, "entity or of"}
    document = {**document_of(value), "tax_id": "1"}
    assert refusal(name_of(value), document) == (Code.FIELD_UNKNOWN, "tax_id")


def test_a_fault_inside_a_part_is_named_by_its_path():
    statistics = next(value for value in VALUES if getattr(value, "markers", None) is not None)
    document = document_of(statistics)
    document["markers"]["mule_accounts"]["d30"] = 1
    assert refusal("dict_statistics.v1", document) == (
        Code.FIELD_UNKNOWN,
        "markers.mule_accounts.d30",
    )


def test_a_watermark_of_1970_says_that_there_is_no_data():
    statistics = next(value for value in VALUES if getattr(value, "markers", None) is not None)
    document = document_of(statistics)
    document["settlements"]["watermark"] = "1970-01-01T00:00:00.000Z"
    made = parse_event("dict_statistics.v1", document, PSEUDONYMS)
    assert made == dataclasses.replace(pseudonymous(statistics), settlements=None)
    document["settlements"]["watermark"] = "1971-01-01T00:00:00.000Z"
    assert refusal("dict_statistics.v1", document) == (
        Code.TIME_RANGE,
        "settlements.watermark",
    )


def test_an_account_may_be_older_than_the_log_s_first_instant():
    entry = next(value for value in VALUES if getattr(value, "account_opened_at", None))
    document = {**document_of(entry), "account_opened_at": "1987-05-04T00:00:00Z"}
    made = parse_event("dict_entry.v1", document, PSEUDONYMS)
    assert made == dataclasses.replace(pseudonymous(entry), account_opened_at=EARLIEST)
    document["occurred_at"] = "1987-05-04T00:00:00Z"
    assert refusal("dict_entry.v1", document) == (Code.TIME_RANGE, "occurred_at")


def test_what_the_door_fills_in_nobody_else_may_say():
    facts = {
        "end_to_end_id": ID,
        "payer_id": PAYER,
        "payee_id": PAYEE,
        "amount_centavos": 5,
        "transfer_occurred_at": NOON,
    }
    body = {"occurred_at": "2026-11-23T12:00:01Z", "status": "SETTLED"}
    made = parse_event("settlement.v1", body, PSEUDONYMS, facts=facts)
    assert (made.payer_id, made.amount_centavos, made.occurred_at) == (PAYER, 5, NOON + 1_000_000)
    with pytest.raises(Refused) as caught:
        parse_event("settlement.v1", {**body, "amount_centavos": 1}, PSEUDONYMS, facts=facts)
    assert caught.value.context["field"] == "amount_centavos"


def test_decisions_and_alerts_are_nobody_else_s_to_write():
    for schema in SCHEMAS:
        if schema.is_own:
            assert refusal(schema.name, {}) == (Code.SCHEMA_UNKNOWN, "schema")
    assert refusal("gossip.v1", {}) == (Code.SCHEMA_UNKNOWN, "schema")
    assert {schema.name for schema in SCHEMAS if schema.is_own} == {
        "alert.v1",
        "cut.v1",
        "decision.v1",
        "decision_revised.v1",
        "erasure.v1",
        "follow_up.v1",
        "hold_end.v1",
        "reveal.v1",
        "review.v1",
        "segment.v1",
    }


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_what_is_no_object_is_no_body(document):
    code, field = (Code.FIELD_TYPE, "body")
    with pytest.raises(Refused) as caught:
        parse_event("login.v1", document, PSEUDONYMS)
    assert (caught.value.code, caught.value.context["field"]) == (code, field)
