"""Clock-skewed: the sender's clock is minutes ahead or behind, so that the row's time is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.instant import MINUTE, SECOND
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

#: Off by so many whole seconds; ahead it is always more than a receiver lets pass.
_SECONDS: Final = (CLOCK_AHEAD_MAX // SECOND + 1, 15 * MINUTE // SECOND)


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    for record in stream:
        if not picks.hit():
            yield record
            continue
        by = picks.between(*_SECONDS) * SECOND * (1 if picks.below(2) else -1)
        fields = fields_of(record)
        fields[shape.occurred_at] = written_instant(instant_of(fields, shape.occurred_at) + by)
        note(Done("clock_skewed", record.number, record.copy, "ahead" if by > 0 else "behind", by))
        yield with_fields(record, fields)


FAULT: Final = Fault(
    name="clock_skewed",
    meaning="Its time is one to fifteen minutes ahead of the receipt, or behind what it was.",
    effect=Effect.CHANGES,
    inject=_inject,
    changes=("occurred_at",),
)
