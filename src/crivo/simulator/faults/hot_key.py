"""Hot key: one subject gets a great part of the rows, so that one partition and one state do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crivo.simulator.fault import (
    Done,
    Effect,
    Fault,
    Note,
    Picks,
    Record,
    Shape,
    fields_of,
    with_fields,
)


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    hot: dict[str, object] = {}
    for record in stream:
        if hot and not picks.hit():
            yield record
            continue
        fields = fields_of(record)
        subject = {name: fields[name] for name in shape.subject}
        if not hot:
            # Whom the first row names is the hot subject, at every rate.
            hot = subject
            yield record
        elif subject == hot:
            yield record
        else:
            note(Done("hot_key", record.number, record.copy, str(hot[shape.subject[0]])))
            yield with_fields(record, {**fields, **hot})


FAULT: Final = Fault(
    name="hot_key",
    meaning="It is about the subject of the stream's first row instead of its own.",
    effect=Effect.CHANGES,
    inject=_inject,
    changes=("subject",),
)
