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
    for passed, record in enumerate(stream):
        while held and held[0][0] <= passed:
            yield heapq.heappop(held)[2]
        yield record
        if picks.hit():
            by = picks.below(_PLACES_MAX)
            note(Done("duplicated", record.number, "sent again", by))
            heapq.heappush(held, (passed + 1 + by, passed, record))
    while held:
        yield heapq.heappop(held)[2]


FAULT: Final = Fault(
    name="duplicated",
    meaning="It arrives a second time, letter for letter, up to five hundred rows later.",
    effect=Effect.COPIES,
    inject=_inject,
)
