"""A record is read back as it was written, and damage to it is told."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

import msgspec
import pytest

from crivo.decision.record import (
    Derived,
    Given,
    Observed,
    Versions,
    decision_event_id,
    decode_derived,
    decode_record,
    encode_derived,
    encode_record,
    in_place_transfer,
    transfer_of,
)
from crivo.domain.errors import Code, Refused
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows.codec import encode_transfer
from tests.unit.decision.worlds import account, transfer

GIVEN = Given(41, "log", Versions("b", "f", "p", "m", "r", "q", "1.1"), ("TIMEOUT",))
DERIVED = Derived(b"h" * 32, 1, -5, 10**9, ("a",), ("b",), (), ("MODEL_SCORE",), "HOLD")
TRANSFERS = [
    transfer(1),
    transfer(2, initiation=Initiation.AUTO, purpose=Purpose.REFU, device_id=account(9)),
    dataclasses.replace(transfer(3), payee_account_id=None, payee_key_id=account(7)),
]


def encoded(facts=TRANSFERS[0]):
    return encode_record(
        facts,
        given=GIVEN,
        derived=encode_derived(DERIVED),
        observed=Observed("host", 1, 2, 3),
        kept=b"v" * 16,
    )


@pytest.mark.parametrize("facts", TRANSFERS)
def test_a_record_comes_back_as_it_was_written(facts):
    record = decode_record(encoded(facts))
    for read in (transfer_of(record), in_place_transfer(encoded(facts))):
        assert dataclasses.astuple(read) == dataclasses.astuple(facts)
    assert (record.given, decode_derived(record.derived)) == (GIVEN, DERIVED)
    assert (record.kept, record.phase, record.in_place) == (b"v" * 16, "initiation", True)
    assert encoded(facts) == encoded(facts)


@pytest.mark.parametrize("facts", TRANSFERS)
def test_the_transfer_in_a_record_has_the_bytes_of_its_own_schema(facts):
    assert bytes(decode_record(encoded(facts)).transfer) == encode_transfer(facts)


def test_a_record_that_was_not_decided_in_place_adds_nothing_to_state():
    parts = msgspec.msgpack.decode(encoded())
    parts[2] = False
    assert in_place_transfer(msgspec.msgpack.encode(parts)) is None


def test_nothing_in_a_record_is_a_map_or_a_float():
    def walk(value):
        assert not isinstance(value, dict | float)
        for item in value if isinstance(value, list) else ():
            walk(item)

    walk(msgspec.msgpack.decode(encoded()))
    walk(msgspec.msgpack.decode(encode_derived(DERIVED)))


def test_a_decision_has_one_identity_a_phase():
    ids = {
        decision_event_id(f"E{n}", phase) for n in "12" for phase in ("initiation", "settlement")
    }
    assert len(ids) == 4


@pytest.mark.parametrize("place", range(0, 700, 7))
def test_a_damaged_byte_is_told_or_harmless_but_never_a_crash(place):
    payload = bytearray(encoded())
    payload[place % len(payload)] ^= 0x41
    for read in (in_place_transfer, lambda damaged: transfer_of(decode_record(damaged))):
        with suppress(Refused):
            read(bytes(payload))


@pytest.mark.parametrize("facts", [{"occurred_at": 0}, {"amount_centavos": 0}])
def test_facts_that_folding_cannot_bear_are_told(facts):
    parts = msgspec.msgpack.decode(encoded())
    names = [item.name for item in dataclasses.fields(TRANSFERS[0])]
    for name, value in facts.items():
        parts[3][names.index(name)] = value
    with pytest.raises(Refused) as caught:
        in_place_transfer(msgspec.msgpack.encode(parts))
    assert caught.value.code is Code.FIELD_TYPE
