"""Ids that are made: the quick way gives what the rule says, digit by digit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.event import make_event_id, transfer_event_id
from crivo.domain.identifiers import (
    check_message_id,
    check_txid,
    derived_end_to_end_id,
    end_to_end_id_minute,
    length_prefixed,
    make_end_to_end_id,
    make_return_id,
    return_id_minute,
)
from crivo.domain.instant import EARLIEST, LATEST, MINUTE, SECOND

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(st.integers(EARLIEST, LATEST - 1), st.lists(st.text(), min_size=1, max_size=3))
def test_a_derived_id_is_the_minute_and_eleven_digits_of_the_digest(occurred_at, parts):
    digest = hashlib.sha256(length_prefixed(*(part.encode() for part in parts))).digest()
    number = int.from_bytes(digest[:16], "big")
    digits = ""
    for _ in range(11):
        number, digit = divmod(number, 62)
        digits += BASE62[digit]
    minute = datetime.fromtimestamp(occurred_at // SECOND, UTC).strftime("%Y%m%d%H%M")
    made = derived_end_to_end_id(occurred_at, *parts)
    assert made == f"E00000000{minute}{digits}"
    assert end_to_end_id_minute(made) == occurred_at // MINUTE * MINUTE


@given(st.text())
def test_a_transfer_s_event_id_is_made_from_family_source_and_id(own_id):
    assert transfer_event_id(own_id) == make_event_id("transfer", "pix", own_id)


OWN_PARTS = st.text(BASE62, min_size=11, max_size=11)
INSTANTS = st.integers(EARLIEST, LATEST - 1)


@given(INSTANTS, OWN_PARTS)
def test_the_id_of_a_payment_or_a_return_names_its_minute_in_utc(at, own_part):
    payment = make_end_to_end_id("0003816X", at, own_part)
    given_back = make_return_id("0003816X", at, own_part)
    assert end_to_end_id_minute(payment) == return_id_minute(given_back) == at // MINUTE * MINUTE
    assert payment[1:] == given_back[1:] and len(payment) == 32
    for parse, other in ((end_to_end_id_minute, given_back), (return_id_minute, payment)):
        with pytest.raises(Refused) as caught:
            parse(other, field="about")
        assert caught.value.context["field"] == "about"


@pytest.mark.parametrize("own_part", ["", "a" * 10, "a" * 12, "a" * 10 + "-", "a" * 10 + "é"])
def test_an_own_part_of_another_shape_makes_no_id(own_part):
    with pytest.raises(Refused) as caught:
        make_return_id("00038166", EARLIEST, own_part)
    assert caught.value.context["field"] == "own_part"


@given(OWN_PARTS)
def test_messages_and_codes_have_ids_of_their_own_form(own_part):
    message = f"M00038166{own_part}{own_part}0"
    assert check_message_id(message) == message
    assert check_txid(own_part) == own_part
    for check, bad in (
        (check_message_id, message[1:]),
        (check_message_id, message + "0"),
        (check_txid, ""),
        (check_txid, "***"),
        (check_txid, "a" * 36),
    ):
        with pytest.raises(Refused) as caught:
            check(bad)
        assert caught.value.code is Code.ID_INVALID
