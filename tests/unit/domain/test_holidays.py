from __future__ import annotations

import datetime as dt

import pytest

from crivo.domain.holidays import (
    bank_holidays,
    business_day_of_month,
    easter,
    is_business_day,
    national_holidays,
)


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2024, 3, 31), (2026, 4, 5), (2038, 4, 25)],
)
def test_easter_is_known_for_any_year(year: int, month: int, day: int):
    assert easter(year) == dt.date(year, month, day)


def test_the_holidays_of_2026_are_brazils():
    holidays = national_holidays(2026)
    assert {dt.date(2026, 4, 3), dt.date(2026, 9, 7), dt.date(2026, 11, 20)} <= holidays
    assert len(holidays) == 10
    assert dt.date(2023, 11, 20) not in national_holidays(2023)
    carnival_and_corpus = {dt.date(2026, 2, 16), dt.date(2026, 2, 17), dt.date(2026, 6, 4)}
    assert bank_holidays(2026) == holidays | carnival_and_corpus


def test_business_days_are_counted_without_weekends_and_holidays():
    assert business_day_of_month(dt.date(2026, 9, 8)) == 5
    assert business_day_of_month(dt.date(2026, 9, 7)) == 0
    assert not is_business_day(dt.date(2026, 9, 5))
