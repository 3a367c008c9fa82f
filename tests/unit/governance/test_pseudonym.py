"""Pseudonyms: the same id gives the same one, and nothing else does."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.identifiers import length_prefixed
from crivo.governance.pseudonym import IdDomain, Pseudonymiser

KEY = bytes(range(32))
MAKER = Pseudonymiser(KEY)


def test_a_pseudonym_is_the_hmac_of_version_domain_and_id():
    parts = (b"\x01", b"account", b"0001-9")
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    expected = hmac.new(KEY, message, hashlib.sha256).digest()[:16]
    assert MAKER.account("0001-9") == expected


#: Ids with something in them that nobody sees, or that moves what is seen.
UNSEEN = [
    "a\x00b", "a\n", "\ta", "a\x7f", "a\x85b", "a\u00a0b", "a\u00adb", "a\u061cb", "a\u200bb",
    "a\u200fb", "a\u2028b", "a\u202eb", "a\u2066b", "a\ufeffb", "a\ue000b", "a\U000e0041b",
]  # fmt: skip


#: Ids as people write them: whatever can be shown, and the space.
RAW_IDS = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=64
).filter(lambda text: text.strip())


@given(RAW_IDS)
def test_each_kind_of_id_has_its_own_pseudonyms(raw_id):
    made = {MAKER.account(raw_id), MAKER.person(raw_id), MAKER.key(raw_id), MAKER.device(raw_id)}
    assert len(made) == len(IdDomain)
    assert all(len(each) == 16 for each in made)


def test_another_key_or_version_gives_another_pseudonym():
    ids = {
        MAKER.account("a"),
        Pseudonymiser(KEY[::-1]).account("a"),
        Pseudonymiser(KEY, version=2).account("a"),
    }
    assert len(ids) == 3
    assert Pseudonymiser(KEY).account("a") == MAKER.account("a")


def test_spellings_of_one_id_are_one_id():
    assert MAKER.account(" a ") == MAKER.account("a")
    assert MAKER.account("José") == MAKER.account("Jose\u0301")
    assert MAKER.key("Ana@Exemplo.com") == MAKER.key("ana@exemplo.com")
    assert MAKER.account("A") != MAKER.account("a")
    for one, other in (
        ("111.444.777-35", "11144477735"),
        ("12.ABC.345/01DE-35", "12abc34501de35"),
        ("+55 (11) 99999-0000", "+5511999990000"),
        ("123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ):
        assert MAKER.key(one) == MAKER.key(other)
        assert MAKER.person(one) != MAKER.person(other)
    assert MAKER.key("No key") == MAKER.key("no key")


@pytest.mark.parametrize("raw_id", ["", "   ", "x" * 129, "x" * 1_000_000, "\ud800", *UNSEEN])
def test_what_is_no_id_is_refused(raw_id):
    for domain in IdDomain:
        with pytest.raises(Refused) as caught:
            MAKER.of(domain, raw_id, field="device")
        assert caught.value.code is Code.ID_INVALID
        assert caught.value.context["field"] == "device"
        assert "printable" in str(caught.value.context["expected"])
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("raw_id", UNSEEN)
def test_an_id_that_came_in_before_ids_were_printable_is_still_found(raw_id):
    assert len({MAKER.known(domain, raw_id, field="id") for domain in IdDomain}) == len(IdDomain)


@given(RAW_IDS, st.sampled_from(IdDomain))
def test_an_id_is_found_under_the_pseudonym_that_it_was_given(raw_id, domain):
    assert MAKER.known(domain, raw_id, field="id") == MAKER.of(domain, raw_id, field="id")


@pytest.mark.parametrize("raw_id", ["", "   ", "x" * 129, "\ud800"])
def test_what_never_was_an_id_is_not_looked_up(raw_id):
    with pytest.raises(Refused) as caught:
        MAKER.known(IdDomain.ACCOUNT, raw_id, field="payer")
    assert caught.value.code is Code.ID_INVALID


def test_the_key_shows_nowhere():
    assert KEY.hex() not in repr(MAKER)
    assert repr(KEY) not in repr(MAKER)


@pytest.mark.parametrize("length", [32, 64, 65, 200])
def test_a_key_of_any_length_gives_the_hmac_of_the_standard_library(length: int) -> None:
    key = bytes(range(256))[:length]
    message = length_prefixed(b"\x01", b"account", b"12345-6")
    expected = hmac.digest(key, message, "sha256")[:16]
    assert Pseudonymiser(key).account("12345-6") == expected
