"""Reordered: the row is overtaken by rows that were sent after it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from crivo.simulator.fault import Done, Effect, Fault, Note, Picks, Record, Shape

_PLACES: Final = (1, 200)


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    held: list[tuple[int, int, int, Record]] = []
    sent = 0
    newest = -1

    def release(until: int | None) -> Iterator[Record]:
        """Those whose wait is over; only what was really overtaken was touched."""
        nonlocal sent, newest
        while held and (until is None or held[0][0] <= until):
            _, place, sent_before, record = heapq.heappop(held)
            # What passed it meanwhile may be held rows that were sent before it.
            if newest > place:
                note(Done("reordered", record.number, record.copy, "overtaken", sent - sent_before))
            sent += 1
            newest = max(newest, place)
            yield record

    for place, record in enumerate(stream):
        if picks.hit():
            heapq.heappush(held, (place + picks.between(*_PLACES), place, sent, record))
        else:
            sent += 1
            newest = place
            yield record
        yield from release(place)
    yield from release(None)


FAULT: Final = Fault(
    name="reordered",
    meaning="It arrives after up to two hundred rows that were sent later; nothing in it changes.",
    effect=Effect.MOVES,
    inject=_inject,
)
