"""Payloads: what goes in comes out, older ones are read, newer and damaged ones are refused."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.report import Report, ReportStatus
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.flows.codec import (
    ReportFields,
    TransferFields,
    decode_report,
    decode_transfer,
    encode_report,
    encode_transfer,
    report_fields,
    transfer_fields,
)

ID = "E00000000201808081200abcdefghijk"
IDS = st.binary(min_size=16, max_size=16)
TRANSFERS = st.builds(
    Transfer,
    end_to_end_id=st.just(ID),
    occurred_at=st.integers(10**15, 4 * 10**15),
    amount_centavos=st.integers(1, 10**12 - 1),
    payer_account_id=IDS,
    payee_account_id=IDS,
    payer_person_id=st.none() | IDS,
    payee_key_id=st.none() | IDS,
    device_id=st.none() | IDS,
    payer_ispb=st.none() | st.just("00000000"),
    initiation=st.none() | st.sampled_from(Initiation),
    purpose=st.none() | st.sampled_from(Purpose),
)
REPORT = Report(
    "r-1", ReportStatus.ACCEPTED, ID, b"a" * 16, b"b" * 16, 1_050, 1_533_729_600_000_000
)


@given(TRANSFERS)
def test_a_transfer_comes_back_as_it_was(transfer):
    assert decode_transfer(encode_transfer(transfer)) == transfer


@given(TRANSFERS)
def test_the_payload_is_an_array_in_the_order_of_the_fields(transfer):
    array = msgspec.msgpack.decode(encode_transfer(transfer))
    assert array == [getattr(transfer, name) for name in Transfer.__slots__]
    assert TransferFields.__struct_fields__ == tuple(Transfer.__slots__)
    assert ReportFields.__struct_fields__ == tuple(Report.__slots__)


def test_a_report_comes_back_as_it_was():
    assert decode_report(encode_report(REPORT)) == REPORT
    assert report_fields(encode_report(REPORT)).amount_centavos == 1_050


def test_a_shorter_array_is_an_older_one_and_reads_with_nothing_in_the_new_fields():
    old = msgspec.msgpack.encode([ID, 1_533_729_600_000_000, 5, b"a" * 16, b"b" * 16])
    assert decode_transfer(old) == Transfer(ID, 1_533_729_600_000_000, 5, b"a" * 16, b"b" * 16)


GOOD = [ID, 1_533_729_600_000_000, 5, b"a" * 16, b"b" * 16, *[None] * 8]


@pytest.mark.parametrize(
    ("payload", "code", "field"),
    [
        (b"", Code.FIELD_TYPE, "payload"),
        (b"\xc1", Code.FIELD_TYPE, "payload"),
        (b"not msgpack", Code.FIELD_TYPE, "payload"),
        (msgspec.msgpack.encode({"end_to_end_id": ID}), Code.FIELD_TYPE, "payload"),
        (msgspec.msgpack.encode(GOOD[:4]), Code.FIELD_MISSING, "payee_account_id"),
        (msgspec.msgpack.encode([ID, "yesterday", *GOOD[2:]]), Code.FIELD_TYPE, "occurred_at"),
        (msgspec.msgpack.encode([ID, 1.5, *GOOD[2:]]), Code.FIELD_TYPE, "occurred_at"),
        (
            msgspec.msgpack.encode([*GOOD[:3], b"short", *GOOD[4:]]),
            Code.ID_INVALID,
            "payer_account_id",
        ),
        (msgspec.msgpack.encode([*GOOD[:11], "NOPE", None]), Code.FIELD_VALUE, "initiation"),
        (msgspec.msgpack.encode(GOOD) + b"\x00", Code.FIELD_TYPE, "payload"),
        (b"\x9d\xa2\xff\xfe\x01\x02", Code.FIELD_TYPE, "payload"),
    ],
)
def test_what_is_no_transfer_is_refused_with_its_field(payload, code, field):
    with pytest.raises(Refused) as caught:
        decode_transfer(payload)
    assert (caught.value.code, caught.value.context["field"]) == (code, field)


def test_a_longer_array_is_a_newer_one_and_reads_without_what_was_appended():
    newer = msgspec.msgpack.encode([*GOOD, *[None] * 5, "from a newer release"])
    assert decode_transfer(newer) == decode_transfer(msgspec.msgpack.encode(GOOD))
    assert transfer_fields(newer) == transfer_fields(msgspec.msgpack.encode(GOOD))


def test_what_folding_reads_is_what_decoding_reads():
    payload = msgspec.msgpack.encode(GOOD)
    fields, transfer = transfer_fields(payload), decode_transfer(payload)
    for name in Transfer.__slots__:
        assert getattr(fields, name) == getattr(transfer, name)
