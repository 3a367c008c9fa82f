"""Tax ids: official examples, both spellings, and what check digits can and cannot see."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.synthetic import (
    SYNTHETIC_CNPJS,
    SYNTHETIC_CPFS,
    is_synthetic_cnpj,
    is_synthetic_cpf,
    synthetic_cnpj,
    synthetic_cpf,
)
from crivo.domain.tax_id import (
    cnpj_check_digits,
    cpf_check_digits,
    format_cnpj,
    format_cpf,
    masked,
    parse_cnpj,
    parse_cpf,
)

ALPHANUMERIC = string.digits + string.ascii_uppercase
CPF_BODIES = st.text(string.digits, min_size=9, max_size=9).filter(lambda body: len(set(body)) > 1)
CNPJ_BODIES = st.text(ALPHANUMERIC, min_size=12, max_size=12).filter(
    lambda body: len(set(body)) > 1
)


def cpf(body):
    return body + cpf_check_digits(body)


def cnpj(body):
    return body + cnpj_check_digits(body)


@given(CPF_BODIES)
def test_a_cpf_is_read_in_both_spellings(body):
    assert parse_cpf(cpf(body)) == cpf(body)
    assert parse_cpf(format_cpf(cpf(body))) == cpf(body)


@given(CNPJ_BODIES)
def test_a_cnpj_is_read_in_both_spellings_with_letters_or_without(body):
    assert parse_cnpj(cnpj(body)) == cnpj(body)
    assert parse_cnpj(format_cnpj(cnpj(body))) == cnpj(body)


@pytest.mark.parametrize("known", ["11222333000181", "00038166000105", "00000000000191"])
def test_numeric_cnpjs_keep_their_check_digits_under_the_rule_with_letters(known):
    assert parse_cnpj(known) == known


@given(CPF_BODIES, st.integers(0, 1), st.integers(1, 9))
def test_a_damaged_check_digit_of_a_cpf_is_always_refused(body, place, step):
    good = cpf(body)
    at = 9 + place
    bad = good[:at] + str((int(good[at]) + step) % 10) + good[at + 1 :]
    with pytest.raises(Refused) as caught:
        parse_cpf(bad)
    assert caught.value.code is Code.ID_INVALID


@given(CPF_BODIES, st.integers(0, 8), st.integers(1, 9))
def test_a_damaged_digit_of_a_cpf_s_body_is_refused_whenever_a_remainder_tells(body, at, step):
    # Remainders 0 and 1 share the check digit 0: what turns one into the other stays unseen.
    bad = body[:at] + str((int(body[at]) + step) % 10) + body[at + 1 :]
    assume(cpf_check_digits(bad) != cpf_check_digits(body))
    with pytest.raises(Refused):
        parse_cpf(bad + cpf_check_digits(body))


@pytest.mark.slow
def test_all_but_one_in_a_hundred_damaged_digits_of_a_cpf_are_seen():
    bodies = [f"{number * 7_919_337 % 10**9:09d}" for number in range(500)]
    damaged = [
        (body, body[:at] + str((int(body[at]) + step) % 10) + body[at + 1 :])
        for body in bodies
        for at in range(9)
        for step in range(1, 10)
    ]
    unseen = [pair for pair in damaged if cpf_check_digits(pair[0]) == cpf_check_digits(pair[1])]
    assert len(unseen) < len(damaged) // 100


@given(CNPJ_BODIES, st.integers(0, 11), st.sampled_from(ALPHANUMERIC))
def test_a_damaged_character_of_a_cnpj_is_refused_whenever_a_remainder_tells(body, at, other):
    bad = body[:at] + other + body[at + 1 :]
    assume(cnpj_check_digits(bad) != cnpj_check_digits(body))
    with pytest.raises(Refused):
        parse_cnpj(bad + cnpj_check_digits(body))


@pytest.mark.parametrize(
    "bad",
    ["", "1114447773", "111444777350", "111.444.777.35", "11144477735 ", "1114447773٥", "x" * 11]
    + [digit * 11 for digit in string.digits],
)
def test_what_is_no_cpf_is_refused_and_not_repeated(bad):
    with pytest.raises(Refused) as caught:
        parse_cpf(bad, field="payer_tax_id")
    assert caught.value.context["field"] == "payer_tax_id"
    assert not any(digit in str(caught.value.context["found"]) for digit in string.digits)


@pytest.mark.parametrize(
    "bad",
    ["", "12ABC34501DE3", "12abc34501de35", "12ABC34501DEA5", "12.ABC.345-01DE/35", "0" * 14]
    + ["12ABC34501DE35\n", "12ABC34501DÉ35"],
)
def test_what_is_no_cnpj_is_refused(bad):
    with pytest.raises(Refused) as caught:
        parse_cnpj(bad)
    assert caught.value.code is Code.ID_INVALID


@given(st.integers(0, SYNTHETIC_CPFS - 1), st.integers(0, SYNTHETIC_CNPJS - 1))
def test_synthetic_tax_ids_are_valid_and_lie_in_their_range(person, company):
    assert is_synthetic_cpf(synthetic_cpf(person)) and synthetic_cpf(person)[0] == "9"
    assert is_synthetic_cnpj(synthetic_cnpj(company)) and synthetic_cnpj(company)[:2] == "99"


@given(st.integers(0, SYNTHETIC_CNPJS - 2))
def test_two_numbers_are_two_synthetic_tax_ids(number):
    assert synthetic_cnpj(number) != synthetic_cnpj(number + 1)


@pytest.mark.parametrize("number", [0, SYNTHETIC_CPFS - 1])
def test_both_ends_of_the_range_are_people(number):
    assert is_synthetic_cpf(synthetic_cpf(number))


def test_tax_ids_outside_the_range_are_not_synthetic():
    assert not is_synthetic_cpf("11144477735")
    assert not is_synthetic_cnpj("12ABC34501DE35")
    assert not is_synthetic_cnpj(cnpj("99A000000001"))


def test_a_mask_keeps_the_shape_alone():
    assert masked("+55 (11) 9") == "+xx (xx) x"
