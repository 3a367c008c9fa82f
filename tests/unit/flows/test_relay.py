"""The relay knows what waits: what the other log does not hold, as far as it was heard of."""

from __future__ import annotations

import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.event_rows import row_of
from crivo.flows.relay import BATCH, Relay
from tests.ports.logs import events


class Rows:
    """A log of rows in memory."""

    def __init__(self, count):
        self.rows = [row_of(each, seq=n, partition=0) for n, each in enumerate(events(0, count))]
        self.is_silent = False

    def end(self):
        return len(self.rows)

    def stored_rows(self, *, start, limit):
        return self.rows[start : start + limit]

    def append_stored(self, rows):
        if self.is_silent:
            raise Unavailable(Code.LOG_UNAVAILABLE, "no broker answers", hint="")
        assert rows[0][0] == len(self.rows)
        self.rows += rows


def relay_of(*, taken=0, spool_max=10):
    kept = []
    return Relay(taken=taken, spool_max=spool_max, keep=kept.append), kept


def test_all_is_passed_on_in_its_order_and_what_is_there_is_kept():
    source, target = Rows(BATCH + 3), Rows(2)
    relay, kept = relay_of()
    assert [relay.pass_on(source, target) for _ in range(3)] == [True, True, False]
    assert target.rows == source.rows
    assert kept == [2, BATCH + 2, BATCH + 3]


def test_as_much_may_wait_as_the_bound_says_and_no_more():
    source, target = Rows(14), Rows(4)
    relay, _ = relay_of(taken=4)
    relay.check(14)
    with pytest.raises(Unavailable) as full:
        relay.check(15)
    assert full.value.code == Code.LOG_UNAVAILABLE
    relay.pass_on(source, target)
    relay.check(24)


def test_what_a_silent_log_does_not_take_still_waits():
    source, target = Rows(14), Rows(4)
    relay, kept = relay_of(taken=1)
    target.is_silent = True
    with pytest.raises(Unavailable):
        relay.pass_on(source, target)
    assert (relay.taken, kept) == (4, [4])
    target.is_silent = False
    assert relay.pass_on(source, target)
    assert target.rows == source.rows


def test_a_log_that_holds_more_than_there_is_is_another_one():
    relay, _ = relay_of()
    with pytest.raises(Misconfigured) as other:
        relay.pass_on(Rows(3), Rows(5))
    assert (other.value.code, other.value.context["found"]) == (Code.LOG_MISMATCH, 5)
