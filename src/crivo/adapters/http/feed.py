"""The newest decisions in memory, for the page and for streams: bounded, with counts by outcome."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from crivo.adapters.http.answers import PageDecision, page_decision
from crivo.flows.noted import Seen

#: Decisions that the page shows.
FEED_MAX: Final = 200

#: Decisions that a stream can go back to: a second or more of the busiest service.
KEPT_MAX: Final = 4_096


class FeedPage(msgspec.Struct, frozen=True):
    """What the page fetches: decisions after a number, newest first, and how many there are of each
    outcome, those of the table of decisions with them.
    """

    after: int
    counts: dict[str, int]
    decisions: list[PageDecision]


class Feed:
    """Keeps the newest decisions, numbered from 1 in the order of the log.

    What the page shows of one is made when it is asked for: most are never looked at.
    """

    def __init__(self) -> None:
        # One thread adds, another reads.
        self._lock = threading.Lock()
        self._newest: deque[Seen] = deque(maxlen=KEPT_MAX)
        self._counts: Counter[str] = Counter()
        self._last = 0
        self._floor = -1

    def begin(self, newest: Sequence[Seen], counts: Mapping[str, int]) -> None:
        """What was decided before this process: the newest of it, oldest first, and how many
        decisions of each outcome there are in all.
        """
        with self._lock:
            for decision in newest:
                self._keep(decision)
            self._counts = Counter(counts)

    def add(self, decision: Seen) -> None:
        """The newest decision."""
        with self._lock:
            self._keep(decision)
            self._counts[decision.answer.outcome.wire] += 1

    def _keep(self, decision: Seen) -> None:
        if len(self._newest) == KEPT_MAX:
            self._floor = self._newest[-1].answer.seq
        elif not self._newest:
            self._floor = decision.answer.seq - 1
        self._newest.appendleft(decision)
        self._last += 1

    @property
    def newest(self) -> int:
        """The place in the log of the newest decision; -1 where there is none."""
        with self._lock:
            return self._newest[0].answer.seq if self._newest else self._floor

    def after(self, place: int, *, limit: int) -> tuple[int, list[Seen]]:
        """Up to `limit` decisions behind a place in the log, oldest first, and where memory ends.

        What lies at or before that end and behind the place is not in memory (any more).
        """
        with self._lock:
            count = 0
            for seen in self._newest:
                if seen.answer.seq <= place:
                    break
                count += 1
            start = max(count - limit, 0)
            news = list(islice(self._newest, start, count))
            return self._floor, news[::-1]

    def page(self, after: int) -> FeedPage:
        """Decisions numbered above `after`; all that are shown where the number is not ours."""
        with self._lock:
            last, counts = self._last, dict(self._counts)
            fresh = last - after if 0 <= after <= last else last
            newest = list(islice(self._newest, min(fresh, FEED_MAX)))
        return FeedPage(last, counts, [page_decision(decision) for decision in newest])
