"""Malformed: the row cannot be read, or says something that no row may say."""

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

#: In the manner's name what is wrong: the text, the time, or the amount.
MANNERS: Final = (
    "truncated",
    "garbage",
    "time unreadable",
    "amount unreadable",
    "amount negative",
    "amount missing",
)


def _inject(stream: Iterator[Record], picks: Picks, shape: Shape, note: Note) -> Iterator[Record]:
    for record in stream:
        if not picks.hit():
            yield record
            continue
        manner = MANNERS[picks.below(len(MANNERS))]
        note(Done("malformed", record.number, record.copy, manner))
        yield _broken(record, manner, picks, shape)


def _broken(record: Record, manner: str, picks: Picks, shape: Shape) -> Record:
    if manner == "truncated":
        # No beginning of an object is an object.
        return Record(record.number, record.line[: picks.between(1, len(record.line))], record.copy)
    if manner == "garbage":
        return Record(record.number, f"<html>{picks.below(10**6)} Bad Gateway</html>", record.copy)
    fields = fields_of(record)
    match manner:
        case "time unreadable":
            fields[shape.occurred_at] = "31/02/2026 25:61"
        case "amount unreadable":
            fields[shape.amount] = "R$ 1.234,5x"
        case "amount negative":
            fields[shape.amount] = -1 - picks.below(10**6)
        case _:
            fields[shape.amount] = None
    return with_fields(record, fields)


FAULT: Final = Fault(
    name="malformed",
    meaning="It is cut off, no JSON at all, or its time or amount is none.",
    effect=Effect.BREAKS,
    inject=_inject,
)
