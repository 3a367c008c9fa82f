"""The feed of the page: bounded, numbered, and the same for a late reader."""

from __future__ import annotations

from crivo.adapters.http.answers import PageDecision
from crivo.adapters.http.feed import FEED_MAX, Feed


def _decision(number: int) -> PageDecision:
    return PageDecision("2026-11-23T12:00:00Z", "ALLOW", number, 100, "aaaa", "bbbb", ())


def _filled(count: int) -> Feed:
    feed = Feed()
    for number in range(count):
        feed.add(_decision(number))
    return feed


def test_a_reader_gets_what_came_since_newest_first() -> None:
    page = _filled(5).page(3)
    assert [each.score for each in page.decisions] == [4, 3]
    assert (page.after, page.counts) == (5, {"ALLOW": 5})


def test_nothing_new_is_an_empty_list() -> None:
    assert _filled(5).page(5).decisions == []


def test_a_number_from_before_a_restart_gets_everything() -> None:
    assert len(_filled(5).page(900).decisions) == 5


def test_the_feed_is_bounded_and_its_counts_are_not() -> None:
    page = _filled(FEED_MAX + 10).page(0)
    assert len(page.decisions) == FEED_MAX
    assert page.counts == {"ALLOW": FEED_MAX + 10}
