"""The newest decisions in memory, for the page: a bounded list and counts by outcome."""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import Final

import msgspec

from crivo.adapters.http.answers import PageDecision

FEED_MAX: Final = 200


class FeedPage(msgspec.Struct, frozen=True):
    """What the page fetches: decisions after a number, newest first, and all counts so far."""

    after: int
    counts: dict[str, int]
    decisions: list[PageDecision]


class Feed:
    """Keeps the newest 200 decisions, numbered from 1 in the order of their answers."""

    def __init__(self) -> None:
        self._newest: deque[PageDecision] = deque(maxlen=FEED_MAX)
        self._counts: Counter[str] = Counter()
        self._last = 0

    def add(self, decision: PageDecision) -> None:
        """The newest decision."""
        self._last += 1
        self._counts[decision.outcome] += 1
        self._newest.appendleft(decision)

    def page(self, after: int) -> FeedPage:
        """Decisions numbered above `after`; all that are kept where the number is not ours."""
        fresh = self._last - after if 0 <= after <= self._last else self._last
        return FeedPage(self._last, dict(self._counts), list(islice(self._newest, fresh)))
