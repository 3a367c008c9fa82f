"""A pending answer: given once, from whichever thread learns that the log has it on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Pending(Generic[Value]):
    """An answer that is, or will be, there: a value or an error, given exactly once.

    `add_done_callback(call)` calls `call(pending)` once: at once and on this thread where the
    answer is there already, else later on the thread that the log notifies from (its writer's,
    unless it was opened with another `notify`), which must not be kept waiting. A door on asyncio
    therefore hands over to its loop:

        pending = service.decide(transfer, arrived_ns=...)
        if not pending.done:
            ready = loop.create_future()
            pending.add_done_callback(
                lambda _: loop.call_soon_threadsafe(ready.set_result, None)
            )
            await ready
        answer = pending.result()  # returns at once, or raises what went wrong
    """

    __slots__ = ("_callbacks", "_error", "_lock", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Pending[Value]], None]] = []
        self._value: Value | None = None
        self._error: Exception | None = None

    def add_done_callback(self, call: Callable[[Pending[Value]], None]) -> None:
        """Calls `call` once, when the answer is there."""
        with self._lock:
            if not self.done:
                self._callbacks.append(call)
                return
        call(self)

    def result(self, timeout_seconds: float | None = None) -> Value:
        """The answer; waits for it, for tests and commands that have nothing else to do.

        Raises:
            TimeoutError: It did not come in time.
            CrivoError: What went wrong.
        """
        if not self.done:
            ready = threading.Event()
            self.add_done_callback(lambda _: ready.set())
            if not ready.wait(timeout_seconds):
                raise TimeoutError(f"no answer within {timeout_seconds} s")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # resolved: it holds a Value

    def resolve(self, value: Value) -> None:
        """Gives the answer."""
        self._finish(value, None)

    def fail(self, error: Exception) -> None:
        """Gives an error in place of the answer."""
        self._finish(None, error)

    def _finish(self, value: Value | None, error: Exception | None) -> None:
        with self._lock:
            assert not self.done, "an answer is given once"
            self._value, self._error = value, error
            self.done = True
            callbacks, self._callbacks = self._callbacks, []
        if len(callbacks) < 2:
            for call in callbacks:
                call(self)
            return
        with ExitStack() as each:  # all of them hear of it, whatever one raises
            for call in reversed(callbacks):
                each.callback(call, self)


def resolved(value: Value) -> Pending[Value]:
    """A pending answer that is there already."""
    pending: Pending[Value] = Pending()
    pending.resolve(value)
    return pending
