"""Cells: one parser whatever the file was, exact, and closed to what is hostile."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import SECOND, parse_rfc3339
from crivo.flows.cells import (
    label_text,
    parse_amount,
    parse_label,
    parse_number,
    parse_text,
    parse_time,
)

NOON = parse_rfc3339("2018-08-08T12:00:00Z")
BRASILIA = timezone(timedelta(hours=-3))


@pytest.mark.parametrize(
    "cell",
    [
        b"2018-08-08 12:00:00",
        "2018-08-08T12:00:00Z",
        b" 2018-08-08T09:00:00-03:00 ",
        datetime(2018, 8, 8, 12),
        datetime(2018, 8, 8, 12, tzinfo=UTC),
        datetime(2018, 8, 8, 9, tzinfo=BRASILIA),
    ],
)
def test_one_instant_in_many_spellings_is_one_instant(cell):
    assert parse_time(cell, field="t", zone=UTC) == NOON


def test_a_time_without_a_zone_is_one_of_the_mapping_s():
    assert parse_time(b"2018-08-08 09:00", field="t", zone=BRASILIA) == NOON
    assert parse_time(date(2018, 8, 8), field="t", zone=UTC) == NOON - 12 * 3600 * SECOND


@pytest.mark.parametrize("cell", [43_200, 43_200.0, b"+43200", "43200.00", Decimal(43_200)])
def test_a_number_counts_units_since_the_epoch(cell):
    epoch = parse_rfc3339("2018-08-08T00:00:00Z")
    assert parse_time(cell, field="t", zone=UTC, unit=SECOND, epoch=epoch) == NOON


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (None, Code.FIELD_MISSING),
        (b"", Code.FIELD_MISSING),
        (b"   ", Code.FIELD_MISSING),
        (b"yesterday", Code.TIME_INVALID),
        (b"2018-02-30", Code.TIME_INVALID),
        (b"=NOW()", Code.TIME_INVALID),
        (1_533_729_600, Code.TIME_INVALID),
        (1.5, Code.TIME_INVALID),
        (True, Code.TIME_INVALID),
        (b"1999-12-31", Code.TIME_RANGE),
        (b"2100-01-01", Code.TIME_RANGE),
        (datetime(1, 1, 1), Code.TIME_RANGE),
        (b"\xff\xfe", Code.FIELD_TYPE),
        (b"2" * 1_000_000, Code.FIELD_VALUE),
    ],
)
def test_what_is_no_time_is_refused(cell, code):
    with pytest.raises(Refused) as caught:
        parse_time(cell, field="t", zone=UTC)
    assert caught.value.code is code
    assert caught.value.context["field"] == "t"


@pytest.mark.parametrize(
    "cell", [float("nan"), float("inf"), "NaN", b"1e999999", b"x", 10**40, True, [1]]
)
def test_what_is_no_number_of_seconds_is_refused(cell):
    with pytest.raises(Refused) as caught:
        parse_time(cell, field="t", zone=UTC, unit=SECOND)
    assert caught.value.code in {Code.TIME_INVALID, Code.TIME_RANGE}


@given(st.integers(-(10**12), 10**12))
def test_an_amount_is_exact_in_every_spelling(centavos):
    reais = Decimal(centavos) / 100
    for cell in (reais, str(reais), str(reais).encode(), float(reais)):
        assert parse_amount(cell, field="a", in_centavos=False) == centavos
    for cell in (centavos, str(centavos), float(centavos), Decimal(centavos)):
        assert parse_amount(cell, field="a", in_centavos=True) == centavos


def test_binary_noise_is_no_third_place_and_a_third_place_is_refused():
    assert parse_amount(58.38 * 5, field="a", in_centavos=False) == 29_190
    for cell in (1.005, 291.9001, b"291.90000000000003", Decimal("0.001")):
        with pytest.raises(Refused):
            parse_amount(cell, field="a", in_centavos=False)


@pytest.mark.parametrize(
    "cell",
    [
        float("nan"), float("inf"), -float("inf"), b"NaN", b"1e999999", b"1_000", b"1,50",
        b"R$ 5", b"=1+1", b"0x10", "\u0661", b"\xff", b"9" * 1_000_000, True, date(2018, 8, 8),
        datetime(2018, 8, 8), [1], {"a": 1},
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_centavos", [True, False])
def test_what_is_no_amount_is_refused(cell, in_centavos):
    with pytest.raises(Refused) as caught:
        parse_amount(cell, field="a", in_centavos=in_centavos)
    assert caught.value.code is Code.AMOUNT_INVALID
    assert caught.value.context["field"] == "a"
    assert len(str(caught.value)) < 1_000


def test_half_a_centavo_is_no_count_of_centavos():
    with pytest.raises(Refused):
        parse_amount(b"100.5", field="a", in_centavos=True)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(b" a1 ", "a1"), ("a1", "a1"), (596, "596"), (596.0, "596"), (b"=1+1", "=1+1"),
     (None, None), (b"", None), (float("nan"), None), (Decimal(7), "7")],
)  # fmt: skip
def test_an_id_is_the_same_text_whatever_its_type(cell, text):
    assert parse_text(cell, field="id") == text


@pytest.mark.parametrize(
    ("cell", "code"),
    [(b"\xff\xfe", Code.FIELD_TYPE), (True, Code.FIELD_TYPE), (1.5, Code.FIELD_TYPE),
     (float("inf"), Code.FIELD_TYPE), ([1], Code.FIELD_TYPE), (b"x" * 1_000_000, Code.FIELD_VALUE)],
)  # fmt: skip
def test_what_is_no_text_is_refused(cell, code):
    with pytest.raises(Refused) as caught:
        parse_text(cell, field="id")
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("positive", "yes", "no"),
    [
        (1, [1, 1.0, b"1", b"1.0", "1", True, b"True"], [0, b"0", b"0.0", b"", None, False]),
        (1, [b" 1 "], [float("nan"), b"FALSE"]),
        (2, [2, b"2.0"], [1, b"1", b"0"]),
        (True, [True, b"true", "True", b"1.0"], [False, b"false", None, b"0"]),
        ("fraud", [b"fraud", "Fraud", b" FRAUD "], [b"legit", None, 1]),
    ],
)
def test_a_label_is_compared_whatever_its_type(positive, yes, no):
    text = label_text(positive)
    assert all(parse_label(cell, field="l", positive=text) for cell in yes)
    assert not any(parse_label(cell, field="l", positive=text) for cell in no)


@pytest.mark.parametrize("cell", [b"yes", b"@#!", 2, b"0.5", b"-1"])
@pytest.mark.parametrize("positive", ["1", "true"])
def test_a_word_that_might_hide_a_fraud_is_refused(cell, positive):
    with pytest.raises(Refused) as caught:
        parse_label(cell, field="label", positive=positive)
    assert caught.value.code is Code.FIELD_VALUE
    assert caught.value.context["field"] == "label"


@pytest.mark.parametrize(
    "cell", [b"1.7e308", "1e101", -1e101, b"12_0", "\u0661\u0662", b"inf", "0x10", b"1" * 400, True]
)
def test_a_number_that_would_spoil_a_mean_or_that_only_python_reads_is_refused(cell):
    with pytest.raises(Refused) as refusal:
        parse_number(cell, field="V1")
    assert refusal.value.code is Code.FIELD_TYPE


@pytest.mark.parametrize(
    ("cell", "value"),
    [(b" 1.5 ", 1.5), ("-1e100", -1e100), (7, 7.0), (b"1e-300", 1e-300)],
)
def test_a_number_is_what_it_says(cell, value):
    assert parse_number(cell, field="V1") == value


@pytest.mark.parametrize("cell", [None, b"", "nan", b"NaN"])
def test_nothing_is_no_number(cell):
    assert math.isnan(parse_number(cell, field="V1"))
