"""Money, instants and identifiers: what parses goes back to the same text, the rest is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import Code, Refused
from crivo.domain.identifiers import (
    check_id_time,
    derived_end_to_end_id,
    end_to_end_id_minute,
    length_prefixed,
    make_end_to_end_id,
    make_return_id,
    return_id_minute,
)
from crivo.domain.instant import (
    EARLIEST,
    HOUR,
    LATEST,
    MINUTE,
    brasilia_hour,
    brasilia_weekday,
    check_instant,
    format_rfc3339,
    from_datetime,
    parse_date,
    parse_rfc3339,
)
from crivo.domain.money import CENTAVOS_MAX, check_centavos, format_reais, parse_centavos
from crivo.domain.streams import murmur2

NOON = from_datetime(datetime(2026, 11, 23, 12, tzinfo=UTC))


def code_of(call: object, *arguments: object, **named: object) -> Code:
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    assert caught.value.context["field"]
    return caught.value.code


@given(st.integers(min_value=1, max_value=CENTAVOS_MAX))
def test_an_amount_survives_text_and_float(centavos: int) -> None:
    text = f"{centavos // 100}.{centavos % 100:02d}"
    assert parse_centavos(text) == centavos
    assert parse_centavos(Decimal(text)) == centavos
    assert parse_centavos(float(text)) == centavos


@pytest.mark.parametrize("bad", ["", "1.005", "nan", "inf", "R$ 1", "1,50", "--1", "1e-9", "0x1"])
def test_an_amount_that_is_not_exact_is_refused(bad: str) -> None:
    assert code_of(parse_centavos, bad) is Code.AMOUNT_INVALID


@pytest.mark.parametrize(
    "bad",
    [
        "1_0",
        "\uff11\uff10",
        "\u0661",
        " 10 ",
        "10\n",
        "sNaN",
        "Infinity",
        True,
        (0, (1,), 0),
        None,
        b"1",
    ],
)
def test_an_amount_that_only_python_reads_is_refused(bad: object) -> None:
    assert code_of(parse_centavos, bad) is Code.AMOUNT_INVALID


@pytest.mark.parametrize(
    ("text", "centavos"), [("10", 1000), ("+10.5", 1050), (".5", 50), ("5.", 500), ("-1e1", -1000)]
)
def test_an_amount_may_be_any_plain_decimal(text: str, centavos: int) -> None:
    assert parse_centavos(text) == centavos


@pytest.mark.parametrize("bad", [0, -1, CENTAVOS_MAX + 1, 2**70])
def test_an_amount_outside_the_range_is_refused(bad: int) -> None:
    assert code_of(check_centavos, bad) is Code.AMOUNT_RANGE


@pytest.mark.parametrize("bad", [True, 1.0, "1", None])
def test_an_amount_of_another_type_is_refused(bad: object) -> None:
    assert code_of(check_centavos, bad) is Code.AMOUNT_INVALID


def test_reais_are_written_as_brazil_writes_them() -> None:
    assert format_reais(5) == "R$ 0,05"
    assert format_reais(123_456_789) == "R$ 1.234.567,89"


@given(st.integers(min_value=EARLIEST, max_value=LATEST - 1))
def test_an_instant_survives_its_text(instant: int) -> None:
    assert parse_rfc3339(format_rfc3339(instant)) == instant


@pytest.mark.parametrize(
    "bad",
    ["", "now", "2026-11-23", "2026-11-23T12:00:00", "2026-11-23T12:00:00+00:00"]
    + ["2026-02-30T00:00:00Z", "2026-W32-1T12:00:00Z", "2026-W32-1T12:00Z", "20260803T120000Z"]
    + ["2026-08-03T12:00Z", "2026-08-03T12:00:00,5Z", "2026-08-03T12:00:00.Z", "2026-08-03T12Z"]
    + ["2026-08-03T12:00:00.5+00:00Z", "2026-08-03t12:00:00z", "2026-08-03T12:00:00Z\n"]
    + ["\uff12\uff10\uff12\uff16-08-03T12:00:00Z", "2026-08-03T24:00:01Z"],
)
def test_a_time_without_z_or_sense_is_refused(bad: str) -> None:
    assert code_of(parse_rfc3339, bad) is Code.TIME_INVALID


def test_a_time_finer_than_a_microsecond_is_refused_and_never_cut() -> None:
    exact = parse_rfc3339("2026-08-03T12:00:00.123456Z")
    assert parse_rfc3339("2026-08-03T12:00:00.123456000Z") == exact
    assert parse_rfc3339("2026-08-03T12:00:00.1234Z") == exact - 56
    for finer in ("2026-08-03T12:00:00.1234567Z", "2026-08-03T12:00:00.123456001Z"):
        assert code_of(parse_rfc3339, finer) is Code.TIME_INVALID


@pytest.mark.parametrize(
    "bad", ["2026-W32-1", "20260803", "2026-215", "2026-8-3", "2026-02-30", ""]
)
def test_a_date_of_another_form_is_refused(bad: str) -> None:
    assert code_of(parse_date, bad, field="start") is Code.FIELD_VALUE


@pytest.mark.parametrize("bad", [0.5, float(NOON), True, None, "1"])
def test_an_instant_is_an_integer(bad: object) -> None:
    assert code_of(check_instant, bad, field="occurred_at") is Code.TIME_INVALID


@pytest.mark.parametrize("bad", ["1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"])
def test_a_time_of_another_age_is_refused(bad: str) -> None:
    assert code_of(parse_rfc3339, bad) is Code.TIME_RANGE


def test_brasilia_is_three_hours_behind() -> None:
    assert brasilia_hour(NOON) == 9
    assert brasilia_hour(NOON - 9 * HOUR - 1) == 23
    assert brasilia_weekday(NOON) == 0  # 23 November 2026 is a Monday.
    assert brasilia_weekday(NOON - 9 * HOUR - 1) == 6


@given(st.integers(min_value=EARLIEST, max_value=LATEST - 1), st.text(max_size=40))
def test_a_derived_id_is_valid_and_names_its_minute(instant: int, row_id: str) -> None:
    made = derived_end_to_end_id(instant, "somewhere", row_id)
    assert end_to_end_id_minute(made) == instant // MINUTE * MINUTE
    assert made == derived_end_to_end_id(instant, "somewhere", row_id)
    assert made != derived_end_to_end_id(instant, "elsewhere", row_id)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "E0003816620261123120Oabcdefghijk",
        "D00038166202611231200abcdefghijk",
        "E00038166202613231200abcdefghijk",
        "E00038166202611232500abcdefghijk",
        "E00038166202611231200abcdefghij",
        "E00038166202611231200abcdefghijk\n",
        "E0003816620261123120٠abcdefghijk",
        "E00038166190001011200abcdefghijk",
        "E00038166199912312359abcdefghijk",
        "E00038166210001010000abcdefghijk",
        "E00038166999912312359abcdefghijk",
        None,
        7,
    ],
)
def test_an_id_of_another_shape_is_refused(bad: str) -> None:
    assert code_of(end_to_end_id_minute, bad) is Code.ID_INVALID


@pytest.mark.parametrize("make", [make_end_to_end_id, make_return_id])
@pytest.mark.parametrize(
    ("at", "code"),
    [
        (int(-6e16), Code.TIME_RANGE),
        (10**20, Code.TIME_RANGE),
        (EARLIEST - 1, Code.TIME_RANGE),
        (LATEST, Code.TIME_RANGE),
        (-6e16, Code.TIME_INVALID),
        (1.5, Code.TIME_INVALID),
    ],
)
def test_no_id_is_made_of_an_instant_that_cannot_be(make: object, at: object, code: Code) -> None:
    assert code_of(make, "00038166", at, "0123456789a") is code


@given(st.integers(min_value=EARLIEST, max_value=LATEST - 1))
def test_an_id_that_is_made_is_one_that_parses(instant: int) -> None:
    minute = instant // MINUTE * MINUTE
    assert end_to_end_id_minute(make_end_to_end_id("00038166", instant, "0123456789a")) == minute
    assert return_id_minute(make_return_id("00038166", instant, "0123456789a")) == minute


def test_an_id_is_taken_for_twelve_hours_either_side() -> None:
    made = derived_end_to_end_id(NOON, "x", "1")
    check_id_time(made, NOON - 12 * HOUR)
    check_id_time(made, NOON + 12 * HOUR)
    assert code_of(check_id_time, made, NOON + 12 * HOUR + 1) is Code.ID_TIME
    assert code_of(check_id_time, made, NOON - 12 * HOUR - 1) is Code.ID_TIME


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_length_prefixes_keep_lists_apart(left: list[bytes], right: list[bytes]) -> None:
    assert (length_prefixed(*left) == length_prefixed(*right)) == (left == right)


@pytest.mark.parametrize(
    ("data", "signed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107)],
)
def test_murmur2_is_the_one_of_kafkas_clients(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF
