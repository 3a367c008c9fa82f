"""The steps of one marker or list entry name one party: an end that names another ends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, make_event_id
from crivo.domain.fraud_marker import SCHEMA as FRAUD_MARKER
from crivo.domain.list_entry import SCHEMA as LIST_ENTRY
from crivo.flows.event_of import value_of
from crivo.flows.ports import EventFinder
from crivo.flows.schemas import schema_of

#: By schema: which field of its steps names the party.
PARTY: Final = {FRAUD_MARKER: "person_id", LIST_ENTRY: "entity_id"}

#: The event of an id that came before, or None.
FindEvent = Callable[[bytes], Event | None]


def check_same_party(find: FindEvent, event: Event, value: Any) -> None:
    """Nothing, unless a step of the same id and source came before and names another party.

    Were it taken, the step that names the right one would be a conflict for good.

    Args:
        find: Finds the events that came before.
        event: The step.
        value: What it holds.

    Raises:
        Refused: CONFLICT.
    """
    field = PARTY.get(event.schema)
    if field is None:
        return
    family = schema_of(event.schema).family
    for own_id in (value.own_id, *value.other_own_ids):
        before = find(make_event_id(family, event.source, own_id))
        if before is None or getattr(value_of(before), field) == getattr(value, field):
            continue
        raise Refused(
            Code.CONFLICT,
            f"{own_id} names another {field}",
            hint="Send the id of what is meant, or the party that its first step named.",
            field=field,
            expected=f"the one that {own_id} names",
            found="another",
        )


def find_in(log: EventFinder) -> FindEvent:
    """What finds the events of a log."""

    def find(event_id: bytes) -> Event | None:
        stored = log.find(event_id)
        return None if stored is None else stored.event

    return find


class AppendedTogether:
    """Judges the events of one append in their order: those before them are in no log yet."""

    def __init__(self, log: EventFinder) -> None:
        self._in_log: Final = find_in(log)
        self._before: Final[dict[bytes, Event]] = {}

    def check(self, event: Event) -> None:
        """Nothing, unless the event is a step that names another party than one before it.

        One that came before as it is stays a repeat, whatever its other steps name.

        Raises:
            Refused: CONFLICT.
        """
        if event.schema not in PARTY:
            return
        value, first = value_of(event), self._find(event.event_id)
        if first is None or value_of(first) != value:
            check_same_party(self._find, event, value)
            self._before.setdefault(event.event_id, event)

    def _find(self, event_id: bytes) -> Event | None:
        return self._before.get(event_id) or self._in_log(event_id)
