"""Pix keys: one spelling each, their type told by their form, and nothing else let in."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.pix_key import EMAIL_CHARACTERS_MAX, KeyType, PixKey, parse_pix_key
from crivo.domain.synthetic import SYNTHETIC_CNPJS, SYNTHETIC_CPFS, synthetic_cnpj, synthetic_cpf
from crivo.domain.tax_id import format_cnpj, format_cpf

KEYS = st.one_of(
    st.builds(
        lambda number: PixKey(KeyType.CPF, synthetic_cpf(number)),
        st.integers(0, SYNTHETIC_CPFS - 1),
    ),
    st.builds(
        lambda number: PixKey(KeyType.CNPJ, synthetic_cnpj(number)),
        st.integers(0, SYNTHETIC_CNPJS - 1),
    ),
    st.builds(
        lambda digits: PixKey(KeyType.PHONE, f"+{digits}"),
        st.from_regex(r"[1-9][0-9]{1,14}", fullmatch=True, alphabet="0123456789"),
    ),
    st.builds(
        lambda name: PixKey(KeyType.EMAIL, f"{name}@example.com"),
        st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=40),
    ),
    st.builds(lambda value: PixKey(KeyType.EVP, str(value)), st.uuids()),
)


@given(KEYS)
def test_a_key_is_its_own_spelling_and_tells_its_type(key):
    assert parse_pix_key(key.value) == key
    assert parse_pix_key(key.value, key_type=key.type) == key


@given(KEYS)
def test_other_spellings_of_a_key_are_the_same_key(key):
    match key.type:
        case KeyType.CPF:
            other = format_cpf(key.value)
        case KeyType.CNPJ:
            other = format_cnpj(key.value).lower()
        case KeyType.PHONE:
            other = f"{key.value[:3]} {key.value[3:5]}-{key.value[5:]}"
        case KeyType.EMAIL | KeyType.EVP:
            other = key.value.upper()
    assert parse_pix_key(f"  {other}\n") == key


@given(st.sampled_from(KeyType), st.text(max_size=20) | KEYS.map(lambda key: key.value.upper()))
def test_a_key_that_can_be_made_is_one_that_parses(key_type, value):
    try:
        found = parse_pix_key(value, key_type=key_type).value
    except Refused:
        found = None
    if found == value:
        assert PixKey(key_type, value).value == value
    else:
        with pytest.raises(Refused) as caught:
            PixKey(key_type, value)
        assert caught.value.code is Code.ID_INVALID


@pytest.mark.parametrize(
    ("key_type", "value", "code"),
    [
        (KeyType.CPF, "nonsense", Code.ID_INVALID),
        (KeyType.CPF, "111.444.777-35", Code.ID_INVALID),
        (KeyType.EMAIL, "Ana@example.com", Code.ID_INVALID),
        (KeyType.PHONE, " +5511999990000", Code.ID_INVALID),
        (KeyType.PHONE, None, Code.FIELD_MISSING),
        ("CPF", "11144477735", Code.FIELD_TYPE),
    ],
)
def test_a_key_that_the_directory_does_not_spell_so_cannot_be_made(key_type, value, code):
    with pytest.raises(Refused) as caught:
        PixKey(key_type, value)
    assert caught.value.code is code


def test_an_email_of_one_character_too_many_is_no_key():
    longest = "a" * 65 + "@example.com"
    assert len(longest) == 77
    assert parse_pix_key(longest).type is KeyType.EMAIL
    with pytest.raises(Refused) as caught:
        parse_pix_key("a" + longest)
    assert caught.value.code is Code.ID_INVALID


@given(KEYS, st.sampled_from(KeyType))
def test_a_key_of_one_type_is_never_taken_for_another(key, other):
    if other is not key.type:
        with pytest.raises(Refused):
            parse_pix_key(key.value, key_type=other)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ana",
        "11999990000",  # a telephone without its country, and no CPF
        "+0511999990000",
        "+5511999990000000",
        "+55 11 9999a-0000",
        "@example.com",
        "ana@",
        "ana@-example.com",
        "ana silva@example.com",
        "a" * (EMAIL_CHARACTERS_MAX - 11) + "@example.com",
        str(uuid.UUID(int=0))[:-1],
        str(uuid.UUID(int=0)).replace("0", "g", 1),
        "12345678900",
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(bad):
    with pytest.raises(Refused) as caught:
        parse_pix_key(bad, field="payee_key")
    assert caught.value.code is Code.ID_INVALID
    assert caught.value.context["field"] == "payee_key"
    if bad:
        assert bad not in str(caught.value)


def test_an_email_of_77_characters_is_the_longest():
    longest = "a" * (EMAIL_CHARACTERS_MAX - 12) + "@example.com"
    assert parse_pix_key(longest).type is KeyType.EMAIL
