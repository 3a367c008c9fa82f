"""From the log's thread to the event loop: one hop a committed group, however many it answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack


class LoopNotify:
    """Runs the callbacks of a durable group on the event loop, once a loop is attached.

    A hop wakes the loop through a socket and costs more than a decision, so a group shares one.
    Before a loop is attached and after it is detached callbacks run on the calling thread.
    `committed` hears the size of each group, on the log's thread.
    """

    def __init__(self, *, committed: Callable[[int], None]) -> None:
        self._committed = committed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[Callable[[], None]] = deque()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From here on callbacks run on this loop."""
        self._loop = loop

    def soon(self, callback: Callable[[], None]) -> None:
        """Runs something on the loop; on the calling thread where none is attached."""
        loop = self._loop
        if loop is None:
            callback()
        else:
            loop.call_soon_threadsafe(callback)

    def detach(self) -> None:
        """From here on callbacks run where they are handed in: the loop is about to close.

        What was handed to the loop before still runs there.
        """
        self._loop = None

    def hand_over(self, call: Callable[[], None]) -> None:
        """Runs something on the loop, between two requests; on this thread where there is none."""
        loop = self._loop
        if loop is None:
            call()
        else:
            self._waiting.append(call)
            loop.call_soon_threadsafe(self.run)

    def __call__(self, callbacks: list[Callable[[], None]]) -> None:
        """Sees to it that the callbacks run, in order."""
        self._committed(len(callbacks))
        loop = self._loop
        if loop is None:
            with ExitStack() as each:  # all of them are called, whatever one raises
                for callback in reversed(callbacks):
                    each.callback(callback)
        else:
            self._waiting.extend(callbacks)
            loop.call_soon_threadsafe(self.run)

    def run(self) -> None:
        """Runs what waits for the loop, on the loop: what one raises costs no other its turn.

        Raises:
            Whatever a callback raises; the others run in a turn of their own.
        """
        waiting = self._waiting
        try:
            while waiting:
                waiting.popleft()()
        finally:
            if waiting:
                asyncio.get_running_loop().call_soon(self.run)
