from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from crivo.domain.errors import Code, Refused
from crivo.simulator.options import (
    ENRICHED_PREVALENCE,
    NATURAL_PREVALENCE,
    SimulationOptions,
    parse_prevalence,
    parse_scale,
    parse_start,
)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("seed", -1, Code.FIELD_VALUE),
        ("seed", 2**63, Code.FIELD_VALUE),
        ("seed", 1.0, Code.FIELD_TYPE),
        ("days", 0, Code.FIELD_VALUE),
        ("days", True, Code.FIELD_TYPE),
        ("scale", Decimal("0.2"), Code.FIELD_VALUE),
        ("scale", Decimal(1201), Code.FIELD_VALUE),
        ("scale", Decimal("1.00001"), Code.FIELD_VALUE),
        ("scale", Decimal("NaN"), Code.FIELD_VALUE),
        ("scale", 1, Code.FIELD_TYPE),
        ("past_days", -1, Code.FIELD_VALUE),
        ("start", datetime.date(1999, 12, 31), Code.FIELD_VALUE),
        ("start", "2026-08-03", Code.FIELD_VALUE),
        ("start", datetime.datetime(2026, 8, 3), Code.FIELD_VALUE),
        ("prevalence", Decimal("0.2"), Code.FIELD_VALUE),
        ("prevalence", Decimal("NaN"), Code.FIELD_VALUE),
        ("prevalence", 0.005, Code.FIELD_TYPE),
    ],
)
def test_an_impossible_option_is_refused_with_its_name(field: str, value: object, code: Code):
    with pytest.raises(Refused) as refusal:
        SimulationOptions(**{field: value})  # type: ignore[arg-type]
    assert refusal.value.code is code
    assert refusal.value.context["field"] == field


def test_prevalence_is_a_preset_or_a_number():
    assert parse_prevalence("natural") == NATURAL_PREVALENCE
    assert parse_prevalence("enriched") == ENRICHED_PREVALENCE
    assert parse_prevalence("0.01") == Decimal("0.01")


@pytest.mark.parametrize("text", ["", "much", "-0.1", "0.06", "inf", "nan"])
def test_another_prevalence_is_refused(text: str):
    with pytest.raises(Refused) as refusal:
        parse_prevalence(text)
    assert refusal.value.code is Code.FIELD_VALUE


def test_a_start_is_a_date():
    assert parse_start("2026-08-03") == datetime.date(2026, 8, 3)
    with pytest.raises(Refused) as refusal:
        parse_start("03/08/2026")
    assert refusal.value.code is Code.FIELD_VALUE


def test_a_world_counts_what_it_will_hold():
    options = SimulationOptions(past_days=90)
    assert options.window_transfers == 50_000
    assert options.window_frauds == 250
    assert options.transfers == 200_000
    assert options.frauds_wanted == 1000
    assert options.transfers_per_day == 1666


def test_a_scale_is_a_number_of_few_decimals():
    assert parse_scale("2.5") == Decimal("2.5")
    for text in ("", "big", "0", "-1", "inf", "1.23456"):
        with pytest.raises(Refused) as refusal:
            parse_scale(text)
        assert refusal.value.code is Code.FIELD_VALUE
