"""Draws, amounts, rhythm, institutions and names: the parts that a world is made of."""

from __future__ import annotations

import datetime
import itertools
import re

import numpy as np
import pytest

from crivo.domain.identifiers import check_ispb
from crivo.domain.instant import DAY, HOUR
from crivo.simulator.amounts import (
    ROUND_CENTAVOS,
    SUBSCRIPTIONS,
    drawn,
    drawn_evenly,
    levels,
    lognormal,
    lognormal_of_mean,
    normalised,
    priced,
    rounded,
    scaled,
    subscribed,
    within_limit,
)
from crivo.simulator.draws import Draws, cumulated, mixed
from crivo.simulator.institutions import ISPBS, SHARES
from crivo.simulator.naming import account_ids, device_ids, keys
from crivo.simulator.rhythm import (
    HALF_HOURS,
    HOLIDAY,
    WEEKDAYS,
    calendar,
    date_factor,
    day_weight,
    hours_of,
    instants,
    month_day_factor,
    occasion_factor,
    share_out,
)

MANY = 200_000


def test_draws_are_pinned_to_the_raw_words_of_philox():
    assert Draws(1, "pinned").below(1_000_000, 4).tolist() == [53698, 669054, 671527, 293895]


def test_streams_of_other_names_and_seeds_differ():
    first = Draws(1, "a", 1).words(8)
    assert np.array_equal(first, Draws(1, "a", 1).words(8))
    for other in (Draws(2, "a", 1), Draws(1, "b", 1), Draws(1, "a", 2)):
        assert not np.array_equal(first, other.words(8))


def test_weights_decide_how_often_an_index_is_chosen():
    weights = (1, 0, 3, 6)
    found = np.bincount(Draws(1, "weights").chosen(cumulated(weights), MANY), minlength=4) / MANY
    assert found[1] == 0
    assert np.abs(found - np.asarray(weights) / 10).max() < 0.005


def test_bounds_are_kept():
    draws = Draws(1, "bounds")
    assert set(draws.below(3, 1000).tolist()) == {0, 1, 2}
    assert set(draws.between(-2, 1, 1000).tolist()) == {-2, -1, 0}
    assert (draws.below_each(np.arange(1, 500)) < np.arange(1, 500)).all()
    assert draws.below(2**32, 10_000).max() > 2**31
    spans = draws.spans(5, HOUR + 5, 1000)
    assert ((spans >= 5) & (spans < HOUR + 5) & (spans % 1000 == 5)).all()
    assert 0.2 < draws.chance(250, MANY).mean() < 0.3


def test_shuffling_keeps_every_value():
    assert sorted(Draws(1, "s").shuffled(np.arange(50)).tolist()) == list(range(50))


def test_mixing_is_one_to_one_and_hides_the_order():
    found = mixed(np.arange(10_000), 7)
    assert len(np.unique(found)) == 10_000
    assert (np.diff(found.astype(np.float64)) < 0).mean() > 0.4


def test_a_lognormal_table_has_the_median_and_spread_that_were_asked():
    table = lognormal(10_000, 100)
    assert len(table) == 1025
    assert table[512] == 10_000
    assert (np.diff(table) > 0).all()
    logs = np.log(drawn(Draws(1, "amounts"), table, MANY) / 10_000)
    assert abs(logs.mean()) < 0.02
    assert abs(logs.std() - 1) < 0.02


def test_levels_stay_in_their_limits_and_scaling_inside_what_a_transfer_carries():
    found = levels(Draws(1, "levels"), 120, MANY)
    assert found.min() == 120
    assert found.max() == 12_000
    assert scaled(np.asarray([1, 10**12]), np.asarray([1, 12_000])).tolist() == [1, 10**12 - 1]


def test_people_pay_round_sums_and_shops_ask_prices():
    amounts = np.full(MANY, 12_345)
    moved = rounded(Draws(1, "round"), amounts, 400)
    assert set(moved.tolist()) == {12_345, 12_000, 15_000}
    assert abs((moved != 12_345).mean() - 0.4) < 0.01
    assert abs(moved.mean() - 12_345) < 5
    assert set(ROUND_CENTAVOS) >= {1000, 2000, 5000, 10_000, 100_000}
    endings = priced(Draws(1, "prices"), amounts)
    assert set((endings % 100).tolist()) == {90, 0, 99, 50, 45}
    assert abs((endings % 100 == 90).mean() - 0.33) < 0.01


def test_instants_follow_the_curve_inside_the_hours_asked():
    whole = hours_of(instants(Draws(1, "day"), MANY, 3 * HOUR))
    expected = np.asarray(HALF_HOURS).reshape(24, 2).sum(axis=1) / sum(HALF_HOURS)
    assert np.abs(np.bincount(whole, minlength=24) / MANY - expected).max() < 0.003
    some = hours_of(instants(Draws(1, "day"), 1000, 3 * HOUR, (8, 21)))
    assert (some.min(), some.max()) == (8, 20)


def test_days_share_the_transfers_by_weekday_and_day_of_the_month():
    days = calendar(datetime.date(2026, 8, 3), 28, 28_000)
    assert sum(day.transfers for day in days) == 28_000
    assert all(after.start - day.start == DAY for day, after in itertools.pairwise(days))
    assert days[0].end == days[1].start
    friday, sunday = days[4], days[6]
    assert friday.transfers > sunday.transfers
    assert [day.business_day for day in days[:7]] == [1, 2, 3, 4, 5, 0, 0]
    assert (month_day_factor(1), month_day_factor(6), month_day_factor(31)) == (106, 114, 100)
    assert all(day.kind == day.date.weekday() for day in days)
    assert max(WEEKDAYS) == WEEKDAYS[4]


def test_salaries_holidays_and_occasions_move_the_days():
    # 7 August 2026 is the fifth business day, 31 August the last of its month.
    factors = [date_factor(datetime.date(2026, 8, day)) for day in (6, 7, 8, 10, 11, 28, 31)]
    assert factors == [118, 114, 108, 107, 96, 93, 111]
    holiday = calendar(datetime.date(2026, 9, 7), 1, 1000)[0]
    assert (holiday.is_holiday, holiday.kind, holiday.business_day) == (True, HOLIDAY, 0)
    weights = [day_weight(datetime.date(2026, 9, day), holiday.date) for day in (7, 14)]
    assert weights[0] * 96 < weights[1] * 114 * 0.9
    for date, factor in (((11, 27), 109), ((12, 20), 109), ((5, 9), 106), ((8, 5), 100)):
        assert occasion_factor(datetime.date(2026, *date)) == factor
    december, january = datetime.date(2026, 12, 16), datetime.date(2027, 1, 13)
    assert day_weight(december, december) > 1.1 * day_weight(january, december)


def test_a_table_has_the_mean_that_was_asked_whatever_its_spread():
    for sigma in (60, 148, 243):
        table = lognormal_of_mean(26_741, sigma)
        even = drawn_evenly(Draws(1, "mean"), table, MANY)
        assert abs(even.mean() / 26_741 - 1) < 0.002
        assert abs(drawn(Draws(1, "mean"), table, MANY).mean() / 26_741 - 1) < 0.08
    assert len(drawn_evenly(Draws(1, "none"), table, 0)) == 0


def test_an_even_draw_takes_one_value_from_each_part_of_the_distribution_in_no_order():
    table = np.arange(1025, dtype=np.int64) * 1000
    found = drawn_evenly(Draws(1, "even"), table, 1024)
    assert sorted((found // 1000).tolist()) == list(range(1024))
    assert (np.diff(found) < 0).mean() > 0.4


def test_subscriptions_have_prices_and_their_official_mean():
    found = subscribed(Draws(1, "subscriptions"), MANY)
    assert set(found.tolist()) == set(SUBSCRIPTIONS)
    assert abs(found.mean() / 29_109 - 1) < 0.02


def test_amounts_a_little_above_a_limit_are_mostly_lowered_to_it():
    amounts = np.repeat(np.asarray([99_000, 120_000, 150_000]), 1000)
    found = within_limit(Draws(1, "limit"), amounts, 100_000, 700)
    assert (found[:1000] == 99_000).all()
    assert 650 < (found[1000:2000] == 100_000).sum() < 750
    assert (found[2000:] == 150_000).all()


def test_levels_are_relative_to_those_who_pay_most():
    weights = levels(Draws(2, "weights"), 120, 5000)
    found = normalised(levels(Draws(3, "levels"), 80, 5000), weights)
    assert abs((found * weights).sum() / weights.sum() - 1000) < 1


@pytest.mark.parametrize("total", [0, 1, 7, 1000])
def test_sharing_out_loses_nothing(total: int):
    parts = share_out(total, [3, 1, 0, 9])
    assert sum(parts) == total
    assert parts[2] == 0


def test_institutions_have_the_markets_sizes_and_no_real_ones_name():
    assert len(ISPBS) == len(SHARES)
    assert 780 <= sum(SHARES[:10]) <= 800
    assert 950 <= sum(SHARES) <= 1050
    for ispb in ISPBS:
        assert check_ispb(ispb, field="ispb").startswith("SIM")


def test_names_are_unique_and_keys_have_the_forms_of_the_directory():
    accounts = np.arange(20_000)
    assert len(np.unique(account_ids(3, accounts, accounts % len(ISPBS)))) == 20_000
    assert len(np.unique(device_ids(3, accounts))) == 20_000
    given = keys(3, accounts, np.zeros(20_000, dtype=bool))
    assert len(np.unique(given)) == 20_000
    forms = (
        r"\+55009\d{8}",
        r"p\d{10}@example\.com",
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
    )
    counts = [0, 0, 0]
    for key in given.tolist():
        matches = [bool(re.fullmatch(form, key.decode())) for form in forms]
        assert sum(matches) == 1
        counts[matches.index(True)] += 1
    assert counts[2] > counts[0] > 0
    assert counts[1] > 0
    by_code = keys(3, accounts[:100], np.ones(100, dtype=bool))
    assert all(re.fullmatch(forms[2], key.decode()) for key in by_code.tolist())
