"""Rates: so many a second and no more, whatever is offered, by a clock that the test holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crivo.adapters.http.rate import CALLERS_MAX, Bucket, Buckets

SECOND = 1_000_000_000


@given(
    per_second=st.integers(1, 5_000),
    burst=st.integers(1, 100),
    gaps=st.lists(st.integers(0, SECOND // 50), min_size=1, max_size=400),
)
def test_no_span_of_time_lets_more_pass_than_its_rate_and_one_burst(per_second, burst, gaps):
    bucket, now, passed = Bucket(per_second=per_second, burst=burst), 10 * SECOND, []
    for gap in gaps:
        now += gap
        if not bucket.take(now):
            passed.append(now)
    each = int(SECOND / per_second)
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            assert (end - start + 1 - burst) * each <= passed[end] - passed[start]


def test_three_times_the_rate_lets_nine_tenths_of_the_rate_pass_and_more():
    bucket, passed = Bucket(per_second=1_000, burst=20), 0
    for number in range(3_000 * 10):
        passed += not bucket.take(number * SECOND // 3_000)
    assert 0.99 * 10_000 <= passed <= 10_000 + 20


def test_what_is_refused_is_told_when_to_come_again_and_costs_nothing():
    bucket = Bucket(per_second=10, burst=2)
    assert [bucket.take(SECOND) for _ in range(2)] == [0, 0]
    waits = {bucket.take(SECOND) for _ in range(100)}
    assert waits == {SECOND // 10}
    assert bucket.take(SECOND + SECOND // 10) == 0


def test_one_caller_takes_nothing_from_another_and_the_quietest_is_forgotten():
    rates = Buckets(per_second=1, burst=1)
    assert rates.take("ana", 0) == 0
    assert rates.take("ana", 0) > 0
    assert rates.take("bia", 0) == 0
    for number in range(CALLERS_MAX - 1):
        rates.take(f"caller-{number}", 0)
    assert rates.take("bia", 0) > 0
    assert rates.take("ana", 0) == 0


def test_what_was_worth_more_than_one_keeps_those_after_it_waiting_for_the_time_of_all():
    bucket = Bucket(per_second=100, burst=2)
    assert bucket.take(SECOND) == 0
    bucket.owe(49, SECOND)
    assert bucket.is_empty(SECOND)
    assert bucket.take(SECOND) == 49 * SECOND // 100
    assert not bucket.is_empty(SECOND + 49 * SECOND // 100)
    assert bucket.take(SECOND + 49 * SECOND // 100) == 0
    passed = sum(not bucket.take(SECOND * 3 // 2 + n * SECOND // 300) for n in range(300))
    assert 98 <= passed <= 102, "from then on as many as ever"
