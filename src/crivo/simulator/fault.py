"""What a fault of a stream declares: one a file in `faults/`, found by reflection.

A stream is lines of JSON in the order in which they arrive. A fault does something to some of them
and says apart, for each, what it did: so that whoever reads the stream can be checked row by row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.simulator import faults
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Draws

#: Rates are counted in millionths of the rows.
RATE_UNIT: Final = 1_000_000

_DRAWN_TOGETHER: Final = 4_096


class Effect(IntEnum):
    """What a fault does to a row; where several are injected, they are in this order."""

    CHANGES = 0  # some of its fields
    COPIES = 1  # it arrives again
    MOVES = 2  # it arrives after rows that were sent later
    BREAKS = 3  # it is no row of the stream any more


@dataclass(frozen=True, slots=True)
class Record:
    """A line that arrives: `number` is its place in the stream that was given, from 0, and `copy`
    is 0 for the row itself and 1 for its copy.
    """

    number: int
    line: str
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to one line: microseconds, places or nothing in `by`, the manner in `how`.

    A fault does something to a line, which `number` and `copy` name together, at most once.
    """

    fault: str
    number: int
    copy: int
    how: str
    by: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """Which fields of the stream's rows say when, whose, and how much.

    `subject` are the fields that name the subject together (an account, its institution, its key).
    """

    occurred_at: str
    received_at: str
    amount: str
    subject: tuple[str, ...]


#: The shape of the event stream `transfers`.
TRANSFERS_SHAPE: Final = Shape(
    occurred_at="occurred_at",
    received_at="received_at",
    amount="amount_centavos",
    subject=("payee_account", "payee_ispb", "payee_person", "payee_key"),
)


class Picks:
    """The randomness of one fault: which rows it takes, and how it treats them."""

    def __init__(self, seed: int, fault: str, rate: int) -> None:
        self._draws = Draws(seed, "fault", fault)
        self._rate = rate
        self._words: list[int] = []

    def hit(self) -> bool:
        """Whether the next row is taken."""
        return self.below(RATE_UNIT) < self._rate

    def below(self, bound: int) -> int:
        """An integer of 0 .. bound - 1."""
        if not self._words:
            self._words = self._draws.words(_DRAWN_TOGETHER).tolist()
        return (self._words.pop() >> 32) * bound >> 32

    def between(self, low: int, high: int) -> int:
        """An integer of low .. high - 1."""
        return low + self.below(high - low)


#: Called once for each line that was touched.
Note = Callable[[Done], None]

#: The stream with the fault in it.
Inject = Callable[[Iterator[Record], Picks, Shape, Note], Iterator[Record]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of trouble. `changes` names the fields of the shape that it may change."""

    name: str
    meaning: str
    effect: Effect
    inject: Inject
    changes: tuple[str, ...] = ()


def default_faults() -> tuple[Fault, ...]:
    """Every fault, in the order in which they are injected."""
    found = one_a_file(faults, "FAULT", Fault)
    return tuple(sorted(found, key=lambda fault: (fault.effect, fault.name)))


def fields_of(record: Record) -> dict[str, object]:
    """The fields of a row."""
    fields: dict[str, object] = json.loads(record.line)
    return fields


def with_fields(record: Record, fields: dict[str, object]) -> Record:
    """The row with these fields, written as the streams are."""
    return Record(record.number, json.dumps(fields, separators=(",", ":")), record.copy)


def instant_of(fields: dict[str, object], name: str) -> int:
    """The instant that a field names."""
    return parse_rfc3339(str(fields[name]), field=name)


def written_instant(instant: int) -> str:
    """An instant as the streams write it: always with microseconds."""
    text = format_rfc3339(instant)
    return text if "." in text else f"{text[:-1]}.000000Z"
