"""BR Codes: the manual's examples, a way there and back, and no damage unseen."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.br_code import BrCode, BrCodeKind, crc16, parse_br_code
from crivo.domain.errors import Code, Refused
from crivo.domain.pix_key import KeyType, PixKey
from crivo.domain.tlv import read_tlv, write_tlv

STATIC = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)
DYNAMIC = (
    "00020101021226700014br.gov.bcb.pix2548pix.example.com/8b3da2f39a4140d1a91abd93113bd441"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***630464E4"
)

WORDS = st.text(string.ascii_letters + " áç", min_size=1, max_size=15)
TXIDS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=25)
URLS = st.text(string.ascii_lowercase + string.digits + "./", min_size=1, max_size=70)
KEYS = st.uuids().map(lambda value: PixKey(KeyType.EVP, str(value)))
CODES = st.one_of(
    st.builds(
        BrCode,
        merchant_name=WORDS,
        merchant_city=WORDS,
        key=KEYS,
        amount_centavos=st.none() | st.integers(1, 10**12 - 1),
        txid=st.none() | TXIDS,
        description=st.none() | st.text(string.printable[:95], min_size=1, max_size=37),
        category=st.from_regex(r"[0-9]{4}", fullmatch=True, alphabet=string.digits),
        is_once=st.booleans(),
    ),
    st.builds(
        BrCode,
        merchant_name=WORDS,
        merchant_city=WORDS,
        url=URLS,
        recurrence_url=st.none() | URLS,
        is_once=st.booleans(),
    ),
)


def sealed(body):
    """A body with the CRC that belongs to it."""
    return body + "6304" + crc16(body + "6304")


@pytest.mark.parametrize(("text", "kind"), [(STATIC, "STATIC"), (DYNAMIC, "DYNAMIC")])
def test_the_manual_s_examples_are_read_and_written_as_they_stand(text, kind):
    code = parse_br_code(text)
    assert code.text() == text
    assert code.kind is BrCodeKind(kind)
    assert (code.merchant_name, code.merchant_city) == ("Fulano de Tal", "BRASILIA")
    assert code.txid is None and code.is_once == (kind == "DYNAMIC")


@given(CODES)
def test_a_code_comes_back_as_it_was(code):
    assert parse_br_code(code.text()) == code


@given(CODES, st.data())
def test_a_damaged_character_is_refused_wherever_it_stands(code, data):
    text = code.text()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.printable[:95]))
    bad = text[:at] + other + text[at + 1 :]
    # The CRC's own hexadecimal digits may be written small.
    if bad[:-4] + bad[-4:].upper() != text:
        with pytest.raises(Refused) as caught:
            parse_br_code(bad)
        assert caught.value.code is Code.BODY_MALFORMED


@given(st.text(max_size=200))
def test_any_text_is_a_code_or_refused(text):
    with pytest.raises(Refused):
        parse_br_code(text)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (STATIC[:-8].replace("5303986", "5303840"), "br_code"),
        (STATIC[:-8].replace("5802BR", "5802US"), "br_code"),
        (STATIC[:-8].replace("br.gov.bcb.pix", "br.gov.bcb.pox"), "br_code"),
        (STATIC[:-8].replace("000201", "000202", 1), "br_code"),
        (STATIC[:-8].replace("000201", "000201000201", 1), "br_code"),
        (STATIC[:-8].replace("5303986", "530398654040,10"), "amount"),
        (STATIC[:-8].replace("5303986", "530398654040.00"), "amount_centavos"),
        (STATIC[:-8].replace("0503***", "0503a-b"), "txid"),
        (STATIC[:-8].replace("123e4567", "123e456g"), "key"),
        (STATIC[:-8].replace("5913Fulano de Tal", ""), "merchant_name"),
        (STATIC[:-8].replace("62070503***", "62080503***"), "br_code"),
    ],
)
def test_a_code_with_a_right_crc_and_a_wrong_part_is_refused_with_the_part(body, field):
    with pytest.raises(Refused) as caught:
        parse_br_code(sealed(body))
    assert caught.value.context["field"] == field


@pytest.mark.parametrize("txid", ["abc", "a" * 25, "a" * 26, "a" * 35])
def test_an_id_in_a_dynamic_code_is_passed_over_and_none_is_written(txid):
    field = f"05{len(txid):02d}{txid}"
    body = DYNAMIC[:-8].replace("62070503***", f"62{len(field):02d}{field}")
    assert parse_br_code(sealed(body)).text() == DYNAMIC
    with pytest.raises(Refused) as caught:
        BrCode("Loja", "BELEM", url="pix.example.com/1", txid=txid)
    assert (caught.value.code, caught.value.context["field"]) == (Code.ID_INVALID, "txid")


def test_tags_that_pix_does_not_use_are_passed_over():
    extended = sealed(STATIC[:-8].replace("62070503***", "610801001000" + "62070503***"))
    assert parse_br_code(extended) == parse_br_code(STATIC)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": None}, "br_code"),
        ({"url": "pix.example.com/1"}, "br_code"),
        ({"txid": "a" * 26}, "txid"),
        ({"merchant_name": "n" * 26}, "merchant_name"),
        ({"merchant_city": ""}, "merchant_city"),
        ({"description": "d" * 60}, "description"),
        ({"category": "12"}, "category"),
        ({"amount_centavos": 0}, "amount_centavos"),
        ({"recurrence_url": "https://pix.example.com"}, "recurrence_url"),
        ({"key": "11144477735"}, "key"),
        ({"merchant_name": 7}, "merchant_name"),
        ({"merchant_city": None}, "merchant_city"),
        ({"txid": 7}, "txid"),
        ({"description": b"d"}, "description"),
        ({"category": 1234}, "category"),
        ({"is_once": 1}, "is_once"),
        ({"amount_centavos": 1.5}, "amount_centavos"),
    ],
)
def test_a_code_that_cannot_be_is_not_made(change, field):
    with pytest.raises(Refused) as caught:
        replace(parse_br_code(STATIC), **change)
    assert caught.value.context["field"] == field


@given(
    st.dictionaries(
        st.from_regex(r"[0-9]{2}", fullmatch=True, alphabet=string.digits),
        st.text(min_size=1, max_size=99),
    )
)
def test_tags_and_values_come_back_as_they_were(values):
    assert read_tlv(write_tlv(values.items()), field="code") == values


def code_of(characters):
    """A code of that length, whose rest are tags that Pix does not use."""
    rest = characters - len(STATIC) - 3 * 103
    values = ["x" * 99] * 3 + ["x" * (rest - 4)]
    return sealed(STATIC[:-8] + write_tlv(zip(("81", "82", "83", "84"), values, strict=True)))


def test_a_code_of_512_characters_is_read_and_one_of_513_refused():
    assert len(code_of(512)) == 512
    assert parse_br_code(code_of(512)) == parse_br_code(STATIC)
    with pytest.raises(Refused) as caught:
        parse_br_code(code_of(513))
    assert "at most 512" in caught.value.context["expected"]
