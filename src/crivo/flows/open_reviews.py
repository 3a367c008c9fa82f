"""Reviews that were asked for and are not answered yet (LGPD, art. 20).

Which are open follows from the events of the log below a cut, so a replica keeps them, and a start
finds them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from crivo.domain.event import Event
from crivo.domain.review import SCHEMA, Review, ReviewStatus
from crivo.flows.event_of import value_of
from crivo.flows.packed_state import pack, unpack

_ARRAY: Final = "reviews"


class OpenReview(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A review that waits for its answer: of which decision, for which side, asked for when."""

    end_to_end_id: str
    phase: str
    side: str
    asked_at: int


_REVIEWS: Final = msgspec.msgpack.Decoder(list[OpenReview])


class OpenReviews:
    """The reviews that were asked for, and not answered, by the events told so far."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], OpenReview] = {}

    def __len__(self) -> int:
        return len(self._open)

    def fold(self, event: Event) -> None:
        """Takes note of a request and of its answer; other events change nothing."""
        if event.schema != SCHEMA:
            return
        review: Review = value_of(event)
        asked = OpenReview(
            review.end_to_end_id, review.phase.value, review.side.value, event.received_at
        )
        if review.status is ReviewStatus.REQUESTED:
            self._put(asked)
        else:
            self._open.pop(_key(asked), None)

    def oldest(self, limit: int, *, skip: int = 0) -> list[OpenReview]:
        """Those that wait longest, but for the first `skip`; on the thread that folds."""
        return self._in_order()[skip : skip + limit]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The open reviews as one array of bytes, the one that waits longest first."""
        return pack(_ARRAY, self._in_order())

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Holds what `arrays` of another one gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID.
        """
        for each in unpack(_ARRAY, arrays, _REVIEWS, told="open reviews", parts="reviews"):
            self._put(each)

    def _in_order(self) -> list[OpenReview]:
        return sorted(self._open.values(), key=lambda each: (each.asked_at, _key(each)))

    def _put(self, asked: OpenReview) -> None:
        self._open[_key(asked)] = asked


def _key(asked: OpenReview) -> tuple[str, str, str]:
    return asked.end_to_end_id, asked.phase, asked.side
