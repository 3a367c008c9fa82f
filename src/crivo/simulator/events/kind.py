"""What a kind of event declares: one a file in `kinds/`, found by reflection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.columns import Column, Columns, Kind
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events import kinds
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.viewpoint import Seen

Values = npt.NDArray[np.bytes_] | Int64s | Bools

#: Values by field; a pair where some are missing (the mask is true there).
Drawn = Mapping[str, Values | tuple[Values, Bools]]

RECEIVED_AT = "received_at"

#: Rows with this flag set never pass the settlement system, so that the rail does not see them.
SAME_PSP = "is_same_psp"
#: Rows with this flag unset never left the payer's institution: nobody else sees them.
SENT = "is_sent"


class Tier(StrEnum):
    """When an event is known, compared with the decision about the transfer that it names."""

    DECISION = "decision"  # at or before it: may be read when scoring that transfer
    LATER = "later"  # after it: a label or an outcome, never an input of that transfer's score


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event: who sees it, and what it means. Only a nullable one may be missing."""

    name: str
    kind: Kind
    seen_by: Seen
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event.

    `draw` gives all events that follow from a day's transfers, in any order; they may be received
    on a later day, never on an earlier one. `key` names the field of the event's subject; `stream`
    is the stream of the log that takes such events.
    """

    name: str
    stream: str
    key: str
    tier: Tier
    meaning: str
    source: str
    fields: tuple[Field, ...]
    draw: Callable[[DayFacts], Drawn]

    @property
    def seen_by(self) -> Seen:
        """Who sees the event at all: whoever sees its subject."""
        return next(field.seen_by for field in self.fields if field.name == self.key)

    def columns(self, facts: DayFacts) -> Columns:
        """The day's events with every field, in the order of the declaration.

        Raises:
            Misconfigured: DEFINITION_INVALID where fields and declaration differ.
        """
        drawn = self.draw(facts)
        declared = [field.name for field in self.fields]
        if set(drawn) != set(declared):
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"the events {self.name} are not what they declare",
                hint="Declare each field that is drawn, and draw each that is declared.",
                field=self.name,
                expected=", ".join(sorted(declared)),
                found=", ".join(sorted(drawn)),
            )
        return tuple(_column(field, drawn[field.name]) for field in self.fields)


def default_kinds() -> tuple[EventKind, ...]:
    """Every kind of event, by file name."""
    return one_a_file(kinds, "EVENTS", EventKind)


def _column(field: Field, drawn: Values | tuple[Values, Bools]) -> Column:
    values, missing = drawn if isinstance(drawn, tuple) else (drawn, None)
    assert field.nullable or missing is None, f"{field.name} is never missing"
    return Column(field.name, field.kind, values, missing)
