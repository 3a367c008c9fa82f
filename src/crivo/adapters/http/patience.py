"""How long answers are waited for: one timer for all of them, not one for each."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol


class Waiting(Protocol):
    """A request that waits for its answer."""

    #: When it is given up, by the clock of the loop.
    deadline: float
    is_over: bool

    def give_up(self) -> None:
        """Its time is over."""
        ...


class Patience:
    """Gives up on answers whose time is over."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        # A timer that is due at once is one that uvloop cannot tell the time of.
        self._timer: asyncio.Handle | None = None
        self._when = 0.0

    def wait_for(self, exchange: Waiting, seconds: float) -> None:
        """So long and no longer."""
        waiting = self._waiting
        while waiting and waiting[0].is_over:
            waiting.popleft()
        loop = asyncio.get_running_loop()
        exchange.deadline = loop.time() + seconds
        waiting.append(exchange)
        if self._timer is None or self._when > exchange.deadline:
            self._arm(loop, exchange.deadline)

    def _arm(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._when = loop.call_at(deadline, self._look), deadline

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, before = loop.time(), self._waiting
        self._timer, self._waiting = None, deque()
        for exchange in before:
            if exchange.is_over:
                continue
            if exchange.deadline <= now:
                loop.call_soon(exchange.give_up)
            else:
                self._waiting.append(exchange)
        if self._waiting:
            self._arm(loop, min(each.deadline for each in self._waiting))
