"""Payloads of every schema: what goes in comes out, older and newer ones read, damage is named."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import pkgutil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crivo.decision
import crivo.domain
import crivo.governance
from crivo.decision.record import Record
from crivo.domain.declared import declared_fields, is_declared
from crivo.domain.errors import Code, Refused
from crivo.domain.streams import Stream
from crivo.flows.codec import ReportFields, TransferFields
from crivo.flows.event_of import event_of, value_of
from crivo.flows.payload import array_type, decode, encode
from crivo.flows.schemas import BY_NAME, BY_VALUE, SCHEMAS, schema_of
from tests.unit.domain.examples import NOON, PAYEE, PAYER, TRANSFERS, VALUES

WRONG = (object(), 1.5, "?" * 200, b"short", -1, True, ("",), {})


def name_of(value):
    return BY_VALUE[type(value)].name


each_value = pytest.mark.parametrize(
    "value", VALUES, ids=[f"{name_of(value)}-{place}" for place, value in enumerate(VALUES)]
)


def array_of(value):
    return msgspec.msgpack.decode(encode(value))


def pack(array):
    return msgspec.msgpack.encode(array)


def refusal(schema, payload):
    with pytest.raises(Refused) as caught:
        decode(schema, payload)
    context = caught.value.context
    assert context["field"] and context["expected"] and context["found"]
    return caught.value.code, context["field"]


def test_every_schema_has_an_example():
    examples = {name_of(value) for value in VALUES}
    # A decision's record is written and read by the decision itself (tests/unit/decision).
    assert examples | {BY_VALUE[Record].name} == set(BY_NAME)


def test_every_schema_that_is_named_is_one_of_the_log_s():
    named = {
        module.SCHEMA
        for package in (crivo.domain, crivo.decision, crivo.governance)
        for found in pkgutil.iter_modules(package.__path__)
        if not found.ispkg
        and hasattr(module := importlib.import_module(f"{package.__name__}.{found.name}"), "SCHEMA")
    }
    assert named == set(BY_NAME)


def test_every_stream_carries_a_schema_and_every_schema_has_its_stream():
    assert {stream for schema in SCHEMAS for stream in schema.streams} == set(Stream)
    assert all(schema.streams for schema in SCHEMAS)
    assert len(BY_NAME) == len(BY_VALUE) == len(SCHEMAS)


@each_value
def test_a_value_comes_back_as_it_was(value):
    assert decode(name_of(value), encode(value)) == value


@each_value
def test_a_payload_is_an_array_in_the_order_of_the_fields(value):
    array = array_of(value)
    fields = dataclasses.fields(value)
    assert len(array) == len(fields)
    for found, field in zip(array, fields, strict=True):
        kept = getattr(value, field.name)
        if isinstance(kept, enum.Enum):
            kept = kept.value
        if not is_declared(type(kept)):
            assert found == (list(kept) if isinstance(kept, tuple) else kept)


@each_value
def test_an_older_payload_reads_with_the_defaults(value):
    fields = declared_fields(type(value))
    required = sum(field.is_required for field in fields)
    for length in range(required, len(fields)):
        shorter = {field.name: field.default for field in fields[length:]}
        try:
            older = dataclasses.replace(value, **shorter)
        except Refused:
            # This example needs the facts that are left out; others of its schema do not.
            continue
        assert decode(name_of(value), pack(array_of(value)[:length])) == older


@each_value
def test_what_a_newer_release_has_appended_is_passed_over(value):
    newer = pack([*array_of(value), "new", [1, 2], None])
    assert decode(name_of(value), newer) == value


@each_value
def test_a_payload_that_ends_too_early_names_the_field_that_is_missing(value):
    fields = declared_fields(type(value))
    for length in range(sum(field.is_required for field in fields)):
        code, field = refusal(name_of(value), pack(array_of(value)[:length]))
        assert (code, field) == (Code.FIELD_MISSING, fields[length].name)


@each_value
def test_a_field_of_another_type_is_refused_by_name(value):
    for place, field in enumerate(declared_fields(type(value))):
        for wrong in ({"an": "object"}, 1.5, [[]]):
            array = array_of(value)
            array[place] = wrong
            code, named = refusal(name_of(value), pack(array))
            assert named.split(".")[0].split("[")[0] == field.name
            assert code in {Code.FIELD_TYPE, Code.FIELD_MISSING}


@each_value
def test_a_value_with_a_field_of_another_type_or_form_is_not_made(value):
    for field in declared_fields(type(value)):
        for wrong in WRONG:
            if type(wrong) is field.type.base and field.type.form is None:
                continue
            if field.type.form is not None and fits(field, wrong):
                continue
            # What a transfer leaves to its door, the door checks: see the test above.
            if type(value) is not type(TRANSFERS[0]):
                with pytest.raises(Refused) as caught:
                    dataclasses.replace(value, **{field.name: wrong})
                assert str(caught.value.context["field"]).startswith(field.name)


def fits(field, wrong):
    if type(wrong) is not field.type.base or field.type.is_many:
        return False
    try:
        field.type.form.check(wrong, field=field.name)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"text", pack({"a": 1}), pack(7)])
def test_bytes_that_are_no_array_are_refused_as_the_payload(payload):
    for schema in SCHEMAS:
        if schema.value is not Record:
            assert refusal(schema.name, payload) == (Code.FIELD_TYPE, "payload")


@given(st.sampled_from(VALUES), st.data())
def test_a_damaged_byte_is_refused_or_another_valid_value_and_nothing_else(value, data):
    payload = bytearray(encode(value))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] = data.draw(st.integers(0, 255))
    try:
        found = decode(name_of(value), bytes(payload))
    except Refused:
        return
    assert decode(name_of(value), encode(found)) == found


def test_a_member_that_is_not_known_is_refused_with_those_that_are():
    array = array_of(TRANSFERS[1])
    array[11] = "NOPE"
    with pytest.raises(Refused) as caught:
        decode("transfer.v1", pack(array))
    assert caught.value.code is Code.FIELD_VALUE
    assert caught.value.context["field"] == "initiation"
    assert "QRES" in caught.value.context["expected"] and "NOPE" in caught.value.context["found"]


def test_a_part_of_a_part_is_named_by_its_path():
    statistics = next(value for value in VALUES if getattr(value, "markers", None) is not None)
    array = array_of(statistics)
    array[6][2][1] = "many"
    assert refusal("dict_statistics.v1", pack(array)) == (
        Code.FIELD_TYPE,
        "markers.mule_accounts.m12",
    )


def test_the_fields_that_folds_read_are_those_of_the_schemas():
    for fields, name in ((TransferFields, "transfer.v1"), (ReportFields, "report.v1")):
        array = array_type(schema_of(name).value)
        assert fields.__struct_fields__ == array.__struct_fields__
        assert fields.__struct_defaults__ == array.__struct_defaults__
        for each in declared_fields(schema_of(name).value):
            assert each.type.base.__name__ in str(fields.__annotations__[each.name])


@each_value
def test_an_event_is_in_its_stream_under_its_subject_and_reads_back(value):
    for stream in BY_VALUE[type(value)].streams:
        event = event_of(value, occurred_at=NOON, received_at=NOON, source="test", stream=stream)
        assert (event.stream, event.key) == (stream, value.subject_id)
        assert value_of(event) == value
        assert event == event_of(
            value, occurred_at=NOON, received_at=NOON, source="test", stream=stream
        )


def test_two_values_are_two_events_and_two_sources_tell_of_one_only_where_the_rail_names_it():
    def ids(source):
        return [
            event_of(
                value,
                occurred_at=NOON,
                received_at=NOON,
                source=source,
                stream=BY_VALUE[type(value)].streams[0],
            ).event_id
            for value in VALUES
        ]

    # The two transfers are one by their EndToEndId, and a claim is in no state twice.
    assert len(set(ids("a"))) == len(VALUES) - 1
    shared = [value for value, a, b in zip(VALUES, ids("a"), ids("b"), strict=True) if a == b]
    assert {name_of(value) for value in shared} == {
        "transfer.v1",
        "settlement.v1",
        "hold_end.v1",
        "follow_up.v1",
        "decision_revised.v1",
    }


def test_an_event_of_an_unknown_version_or_in_a_foreign_stream_is_refused_by_name():
    event = event_of(
        TRANSFERS[0], occurred_at=NOON, received_at=NOON, source="test", stream=Stream.HISTORY
    )
    for changed in ({"schema": "transfer.v2"}, {"stream": Stream.LOGINS}):
        with pytest.raises(Refused) as caught:
            value_of(event._replace(**changed))
        assert caught.value.code is Code.SCHEMA_UNKNOWN
        assert caught.value.context["found"] == changed.get("schema", "transfer.v1")
    with pytest.raises(Refused):
        event_of(
            TRANSFERS[0], occurred_at=NOON, received_at=NOON, source="t", stream=Stream.REPORTS
        )


def test_a_transfer_with_a_short_id_is_made_by_its_door_alone_and_read_by_none():
    array = array_of(TRANSFERS[0])
    array[3] = b"short"
    assert refusal("transfer.v1", pack(array)) == (Code.ID_INVALID, "payer_account_id")
    assert (TRANSFERS[0].payer_id, TRANSFERS[0].payee_id) == (PAYER, PAYEE)
