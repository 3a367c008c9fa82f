"""The log's callbacks run on the loop, in order, and none costs another its turn."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from crivo.adapters.http.loop import LoopNotify


def test_without_a_loop_callbacks_run_on_the_thread_that_hands_them_in():
    sizes, ran = [], []
    notify = LoopNotify(committed=sizes.append)
    notify([lambda: ran.append(threading.get_ident())] * 2)
    assert (sizes, ran) == ([2], [threading.get_ident()] * 2)


def test_without_a_loop_what_one_raises_costs_no_other_its_turn():
    ran: list[int] = []
    notify = LoopNotify(committed=lambda _: None)

    def raising() -> None:
        raise ZeroDivisionError("of the second")

    with pytest.raises(ZeroDivisionError):
        notify([partial(ran.append, 1), raising, partial(ran.append, 3)])
    assert ran == [1, 3]


def test_what_was_handed_to_a_loop_runs_there_though_it_is_detached():
    async def talk() -> list[str]:
        ran: list[str] = []
        notify = LoopNotify(committed=lambda _: None)
        notify.attach(asyncio.get_running_loop())
        notify([partial(ran.append, "before")])
        notify.detach()
        notify([partial(ran.append, "after")])
        async with asyncio.timeout(20):
            while len(ran) < 2:  # noqa: ASYNC110 (the loop's next turn)
                await asyncio.sleep(0)
        return ran

    assert asyncio.run(talk()) == ["after", "before"]


def test_on_a_loop_all_run_there_in_order_and_a_fault_is_the_loops_to_tell():
    async def talk() -> tuple[list[object], list[str]]:
        loop, ran, faults = asyncio.get_running_loop(), [], []
        loop.set_exception_handler(lambda _, context: faults.append(str(context["exception"])))
        notify = LoopNotify(committed=lambda _: None)
        notify.attach(loop)

        def raising() -> None:
            raise ZeroDivisionError("of the third")

        def callbacks(first: int) -> list:
            return [partial(ran.append, first), raising, partial(ran.append, first + 1)]

        def note(value: int) -> None:
            ran.append((value, threading.get_ident() == loop_thread))

        loop_thread = threading.get_ident()
        writer = threading.Thread(target=lambda: (notify(callbacks(1)), notify([partial(note, 9)])))
        writer.start()
        async with asyncio.timeout(20):
            while len(ran) < 3:  # noqa: ASYNC110 (what another thread hands over)
                await asyncio.sleep(0)
        writer.join()
        notify.detach()
        return ran, faults

    ran, faults = asyncio.run(talk())
    assert ran == [1, 2, (9, True)]
    assert faults == ["of the third"]


def test_who_is_on_the_loop_may_run_what_waits_before_its_turn():
    async def talk() -> list[str]:
        ran: list[str] = []
        notify = LoopNotify(committed=lambda _: None)
        notify.attach(asyncio.get_running_loop())
        notify([partial(ran.append, "durable")])
        notify.run()
        ran.append("decided")
        await asyncio.sleep(0)
        return ran

    assert asyncio.run(talk()) == ["durable", "decided"]
