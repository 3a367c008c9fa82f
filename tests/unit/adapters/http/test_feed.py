"""The feed of the page: bounded, numbered, and the same for a late reader."""

from __future__ import annotations

from crivo.adapters.http.feed import FEED_MAX, KEPT_MAX, Feed
from crivo.decision.record import (
    Derived,
    Given,
    Observed,
    Versions,
    decode_record,
    encode_derived,
    encode_record,
)
from crivo.domain.transfer import Transfer
from crivo.flows.answers import answer_of
from crivo.flows.noted import Seen

NOON = 1_795_435_200_000_000


def _decision(number: int) -> Seen:
    transfer = Transfer("E12345678202611231200abcDEF12345", NOON, 100, b"a" * 16, b"b" * 16)
    derived = Derived(bytes(32), 0, 0, number, (), (), (), ("BURST_OUT",), "WARN")
    versions = Versions(*("0" * 64,) * 7)
    record = decode_record(
        encode_record(
            transfer,
            given=Given(number - 1, "log", versions),
            derived=encode_derived(derived),
            observed=Observed("here", 1, 1, 1),
            kept=b"",
        )
    )
    answer = answer_of(record, seq=number, occurred_at=NOON, received_at=NOON)
    return Seen(transfer, answer, record.observed)


def _filled(count: int) -> Feed:
    feed = Feed()
    for number in range(count):
        feed.add(_decision(number))
    return feed


def test_a_reader_gets_what_came_since_newest_first() -> None:
    page = _filled(5).page(3)
    assert [each.score for each in page.decisions] == [4, 3]
    assert (page.after, page.counts) == (5, {"WARN": 5})


def test_nothing_new_is_an_empty_list() -> None:
    assert _filled(5).page(5).decisions == []


def test_a_number_from_before_a_restart_gets_everything() -> None:
    assert len(_filled(5).page(900).decisions) == 5


def test_the_feed_is_bounded_and_its_counts_are_not() -> None:
    page = _filled(FEED_MAX + 10).page(0)
    assert len(page.decisions) == FEED_MAX
    assert page.counts == {"WARN": FEED_MAX + 10}


def test_a_feed_that_begins_counts_what_the_table_holds_and_not_what_refills_it() -> None:
    feed = Feed()
    feed.begin([_decision(7), _decision(9)], {"ALLOW": 5_000, "WARN": 90})
    feed.add(_decision(11))
    page = feed.page(0)
    assert page.counts == {"ALLOW": 5_000, "WARN": 91}
    assert [each.score for each in page.decisions] == [11, 9, 7]
    assert (page.after, feed.newest, feed.after(0, limit=9)[0]) == (3, 11, 6)


def test_what_is_shown_names_nobody_and_says_why() -> None:
    shown = _filled(1).page(0).decisions[0]
    assert (shown.payer, shown.payee) == ("61616161", "62626262")
    assert shown.received_at == "2026-11-23T12:00:00Z"
    assert [reason.code for reason in shown.reasons] == ["BURST_OUT"]
    assert shown.reasons[0].text_pt


def test_a_stream_gets_what_lies_behind_its_place_oldest_first() -> None:
    feed = _filled(10)
    floor, news = feed.after(6, limit=2)
    assert (floor, [each.answer.seq for each in news]) == (-1, [7, 8])
    assert [each.answer.seq for each in feed.after(8, limit=2)[1]] == [9]
    assert feed.after(9, limit=2)[1] == []
    assert feed.newest == 9
    assert (Feed().newest, Feed().after(5, limit=2)) == (-1, (-1, []))


def test_what_is_let_go_raises_the_place_that_memory_ends_at() -> None:
    feed = _filled(KEPT_MAX + 3)
    floor, news = feed.after(0, limit=1)
    assert (floor, news[0].answer.seq) == (2, 3)


def test_memory_that_begins_in_the_middle_of_the_log_says_so() -> None:
    feed = Feed()
    feed.add(_decision(7))
    assert feed.after(0, limit=9)[0] == 6
