"""Threads beside the loop of a service: what they meet, and what becomes of the service."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from crivo.adapters.http import running as running_module
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.loop import LoopNotify
from crivo.adapters.http.running import Running
from crivo.domain.errors import Code, Misconfigured, Unavailable


class Silent:
    """Telemetry, and a table of decisions, of a service that decides nothing."""

    def ready(self, *, yes):
        pass

    def projected(self, behind):
        pass

    def latest(self, count):
        return []

    def counts(self):
        return {}

    def catch_up(self, told, *, should_stop):
        pass


def served(work):
    """What ended a service beside which this works, and whether it was ready at its end."""
    failed, has_worked = [], threading.Event()

    def beside(stop):
        try:
            work(stop)
        finally:
            has_worked.set()

    running = Running(
        recover=lambda: None,
        sample=lambda: None,
        beside={"relay": beside},
        close=lambda: None,
        notify=LoopNotify(committed=lambda _: None),
        feed=Feed(),
        telemetry=Silent(),
    )
    running.project(Silent())
    running.failed = failed.append

    async def run():
        async with running():
            await asyncio.to_thread(has_worked.wait)
            for thread in running._working:
                await asyncio.to_thread(thread.join)
            return running.is_ready

    is_ready = asyncio.run(run())
    return failed, is_ready


def raising(error):
    def work(_stop):
        raise error

    return work


MISMATCH = Misconfigured(Code.LOG_MISMATCH, "no topic one.pix.manifest.v1", hint="")


def test_what_no_waiting_mends_ends_the_service_with_its_code(caplog):
    """Law: a thread that is misconfigured leaves nobody waiting for a service to become ready."""
    with caplog.at_level(logging.CRITICAL):
        assert served(raising(MISMATCH)) == ([MISMATCH], False)
    assert [each.message for each in caplog.records] == ["thread.broken"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_sabotage_a_service_that_only_became_not_ready_would_stay(monkeypatch):
    monkeypatch.setattr(running_module, "Misconfigured", ZeroDivisionError)
    assert served(raising(MISMATCH)) == ([], False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("a bug"), Unavailable(Code.LOG_LOCKED, "it is another's", hint="")],
    ids=lambda error: type(error).__name__,
)
def test_any_other_break_makes_the_service_not_ready(error):
    assert served(raising(error)) == ([], False)


def test_a_thread_that_is_done_changes_nothing():
    assert served(lambda _stop: None) == ([], True)
