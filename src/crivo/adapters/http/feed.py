"""The newest decisions in memory, for the page: a bounded list and counts by outcome."""

from __future__ import annotations

import threading
from collections import Counter, deque
from itertools import islice
from typing import Final

import msgspec

from crivo.adapters.http.answers import PageDecision, page_decision
from crivo.flows.noted import Seen

FEED_MAX: Final = 200


class FeedPage(msgspec.Struct, frozen=True):
    """What the page fetches: decisions after a number, newest first, and all counts so far."""

    after: int
    counts: dict[str, int]
    decisions: list[PageDecision]


class Feed:
    """Keeps the newest 200 decisions, numbered from 1 in the order of the log.

    What the page shows of one is made when it is asked for: most are never looked at.
    """

    def __init__(self) -> None:
        # One thread adds, another reads.
        self._lock = threading.Lock()
        self._newest: deque[Seen] = deque(maxlen=FEED_MAX)
        self._counts: Counter[str] = Counter()
        self._last = 0

    def add(self, decision: Seen) -> None:
        """The newest decision."""
        with self._lock:
            self._newest.appendleft(decision)
            self._counts[decision.answer.outcome.value] += 1
            self._last += 1

    def page(self, after: int) -> FeedPage:
        """Decisions numbered above `after`; all that are kept where the number is not ours."""
        with self._lock:
            last, counts = self._last, dict(self._counts)
            fresh = last - after if 0 <= after <= last else last
            newest = list(islice(self._newest, fresh))
        return FeedPage(last, counts, [page_decision(decision) for decision in newest])
