"""A pending answer is given once and heard by everybody who asks, before or after."""

from __future__ import annotations

import threading

import pytest

from crivo.flows.pending import Pending, resolved


def test_callbacks_hear_of_the_answer_once_whether_they_come_before_or_after():
    pending, heard = Pending(), []
    pending.add_done_callback(lambda each: heard.append(("before", each.result())))
    assert not pending.done and heard == []
    pending.resolve(3)
    pending.add_done_callback(lambda each: heard.append(("after", each.result())))
    assert heard == [("before", 3), ("after", 3)]
    assert resolved(4).result() == 4


def test_an_error_is_raised_for_everybody():
    pending = Pending()
    pending.fail(KeyError("x"))
    for _ in range(2):
        with pytest.raises(KeyError):
            pending.result()


def test_what_one_callback_raises_costs_no_other_the_answer():
    pending, heard = Pending(), []

    def raising(_):
        raise ZeroDivisionError("of the second")

    for _ in range(2_000):
        pending.add_done_callback(raising)
        pending.add_done_callback(heard.append)
    with pytest.raises(ZeroDivisionError):
        pending.resolve(1)
    assert heard == [pending] * 2_000


def test_an_answer_is_given_once():
    pending = resolved(1)
    with pytest.raises(AssertionError):
        pending.resolve(2)


def test_waiting_ends_with_the_answer_of_another_thread_or_with_the_time():
    pending = Pending()
    with pytest.raises(TimeoutError):
        pending.result(0.01)
    thread = threading.Timer(0.02, pending.resolve, [5])
    thread.start()
    assert pending.result(60) == 5
    thread.join()
