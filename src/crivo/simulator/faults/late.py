"""Late: the row is received hours after it happened, beyond what windows wait for."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from crivo.domain.clock import ALLOWED_LATENESS
from crivo.domain.instant import HOUR, SECOND
from crivo.simulator.fault import (
    Done,
    Effect,
    Fault,
    Note,
    Picks,
    Record,
    Shape,
    fields_of,
    instant_of,
    with_fields,
    written_instant,
)

#: How much later than it was, in whole seconds: always beyond the allowed lateness.
_SECONDS: Final = (ALLOWED_LATENESS // SECOND + 1, 6 * HOUR // SECOND)


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    held: list[tuple[int, int, Record]] = []
    for record in stream:
        if held:
            now = instant_of(fields_of(record), shape.received_at)
            while held and held[0][0] <= now:
                yield heapq.heappop(held)[2]
        if not picks.hit():
            yield record
            continue
        fields = fields_of(record)
        by = picks.between(*_SECONDS) * SECOND
        received_at = instant_of(fields, shape.received_at) + by
        fields[shape.received_at] = written_instant(received_at)
        note(Done("late", record.number, record.copy, "received later", by))
        heapq.heappush(held, (received_at, record.number, with_fields(record, fields)))
    while held:
        yield heapq.heappop(held)[2]


FAULT: Final = Fault(
    name="late",
    meaning="Received one to six hours after it happened; it arrives among rows of that time.",
    effect=Effect.CHANGES,
    inject=_inject,
    changes=("received_at",),
)
