"""The document of each kind's body says what the door takes, since one declaration makes both."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.declared import declared_fields
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows import body_schema
from crivo.flows.event_body import parse_event
from crivo.flows.schemas import BY_VALUE, schema_of
from crivo.flows.telling import TOLD_HERE
from crivo.flows.told_mapping import FILLED_IN, filled_by_door, is_about_transfer
from tests.unit.domain.examples import NOON, VALUES
from tests.unit.flows.json_documents import offences
from tests.unit.flows.test_event_body import PSEUDONYMS, document_of

WRONG = (
    1.5,
    True,
    "",
    "\x00",
    "a\u202eb",
    "GOSSIP",
    "1999-01-01",
    -(2**70),
    2**70,
    [],
    ["x"],
    {},
    {"a": 1},
)
#: What a declaration says of a field by itself; other refusals are of what fields are together.
OF_ONE_FIELD = {Code.FIELD_TYPE, Code.FIELD_UNKNOWN}


def told(kind):
    """The bodies of the examples of a kind, and the facts that the door fills in."""
    schema = schema_of(kind)
    filled = filled_by_door(schema)
    for value in VALUES:
        if BY_VALUE[type(value)] is schema:
            body = {name: each for name, each in document_of(value).items() if name not in filled}
            names = FILLED_IN if is_about_transfer(schema) else ()
            yield body, {name: getattr(value, name) for name in names}


def refusal(kind, body, facts):
    """Why the door does not take a body; None where it does."""
    try:
        parse_event(kind, body, PSEUDONYMS, facts=facts)
    except Refused as refused:
        return refused.code
    return None


def check_document_and_door_agree(kind):
    document = body_schema.body_schema(schema_of(kind))
    fields = declared_fields(schema_of(kind).value)
    names = {each.name for each in fields}
    needed = {each.name for each in fields if each.is_required and not each.type.is_nullable}
    assert set(document["required"]) == needed - filled_by_door(schema_of(kind))
    for body, facts in told(kind):
        received = {**body, "received_at": format_rfc3339(NOON)}
        assert refusal(kind, body, facts) is None
        assert [*offences(document, body), *offences(document, received)] == []
        assert list(offences(document, {**body, "gossip": 1})) != []
        for name in names:
            for wrong in (*WRONG, None):
                other = {**body, name: wrong}
                code, against = refusal(kind, other, facts), list(offences(document, other))
                assert not against or code is not None, (name, wrong, against)
                assert code not in OF_ONE_FIELD or against, (name, wrong, code)
            without = {each: found for each, found in body.items() if each != name}
            is_needed = name in document["required"]
            assert (list(offences(document, without)) != []) == is_needed, name
            assert not is_needed or refusal(kind, without, facts) is not None, name


@pytest.mark.parametrize("kind", TOLD_HERE)
def test_the_document_refuses_nothing_that_the_door_takes_and_knows_its_fields(kind):
    check_document_and_door_agree(kind)


def check_ids_are_described_as_printable(kind):
    document = body_schema.body_schema(schema_of(kind))
    for body, _ in told(kind):
        for name in body:
            if name.endswith("_id"):
                assert list(offences(document, {**body, name: "a\u202eb"})) != [], name


@pytest.mark.parametrize("kind", TOLD_HERE)
def test_every_id_is_described_as_printable(kind):
    check_ids_are_described_as_printable(kind)


def test_sabotage_a_document_that_says_nothing_of_characters_is_noticed(monkeypatch):
    monkeypatch.setitem(body_schema._RAW_ID, "pattern", "")
    with pytest.raises(AssertionError):
        check_ids_are_described_as_printable("login.v1")


def test_every_kind_that_is_told_has_an_example():
    assert all(list(told(kind)) for kind in TOLD_HERE)


def forgetful(value_type):
    return tuple(each for each in declared_fields(value_type) if each.name != "device_id")


def lenient(value_type):
    fields = declared_fields(value_type)
    return (dataclasses.replace(fields[0], default=None), *fields[1:])


@pytest.mark.parametrize("fault", [forgetful, lenient])
def test_sabotage_a_document_of_another_declaration_is_noticed(monkeypatch, fault):
    monkeypatch.setattr(body_schema, "declared_fields", fault)
    with pytest.raises(AssertionError):
        check_document_and_door_agree("login.v1")


def test_a_block_without_data_is_taken_and_described():
    kind = "dict_statistics.v1"
    body = next(each for each, _ in told(kind) if "markers" in each)
    other = {**body, "markers": {"watermark": "1970-01-01T00:00:00.000Z"}}
    assert refusal(kind, other, {}) is None
    assert list(offences(body_schema.body_schema(schema_of(kind)), other)) == []
