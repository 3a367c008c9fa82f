"""Ids that are made: the quick way gives what the rule says, digit by digit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.event import make_event_id, transfer_event_id
from crivo.domain.identifiers import (
    derived_end_to_end_id,
    end_to_end_id_minute,
    length_prefixed,
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
