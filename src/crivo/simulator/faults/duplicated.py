"""Duplicated: the sender did not hear the answer and sent the row again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from crivo.simulator.fault import Done, Effect, Fault, Note, Picks, Record, Shape

#: The copy comes after so many other rows.
_PLACES_MAX: Final = 500


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    held: list[tuple[int, int, Record]] = []
    passed = 0

    def released() -> Record:
        """The copy whose turn it is: at the end of the stream it comes sooner than was drawn."""
        _, place, copy = heapq.heappop(held)
        note(Done("duplicated", copy.number, copy.copy, "sent again", passed - place - 1))
        return copy

    for record in stream:
        while held and held[0][0] <= passed:
            yield released()
        yield record
        if picks.hit():
            copy = Record(record.number, record.line, copy=1)
            heapq.heappush(held, (passed + 1 + picks.below(_PLACES_MAX), passed, copy))
        passed += 1
    while held:
        yield released()


FAULT: Final = Fault(
    name="duplicated",
    meaning="It arrives a second time, letter for letter, up to five hundred rows later.",
    effect=Effect.COPIES,
    inject=_inject,
)
