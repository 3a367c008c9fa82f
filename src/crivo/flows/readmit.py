"""Taking back what was refused: judged as if it had just come, and appended once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.flows.event_of import event_of, value_of
from crivo.flows.inbox import Became
from crivo.flows.ports import Log
from crivo.flows.same_party import AppendedTogether
from crivo.governance.identity import is_clear

#: A record that was refused as the event that it would be, or why it is none still.
Letter = tuple[str, Event | Refused]


@dataclass(slots=True)
class Readmitted:
    """Received = appended + duplicate + refused; the refused with where each lies, and why."""

    received: int = 0
    appended: int = 0
    duplicate: int = 0
    refused: list[tuple[str, Refused]] = field(default_factory=list)

    def add(self, where: str, became: Became | Refused) -> None:
        """Counts one that the door has judged."""
        self.received += 1
        match became:
            case Became.APPENDED:
                self.appended += 1
            case Became.DUPLICATE:
                self.duplicate += 1
            case Refused():
                self.refused.append((where, became))


def readmit(letters: Sequence[Letter], log: Log, *, now: int) -> Readmitted:
    """What became of the letters in the log: an event that it holds is not appended again.

    On a wall clock each is received now, whatever it says, since decisions were made without it; on
    a replay clock it has its own receipt. All that is new is one submission, in order of receipt. A
    step of a marker or list entry that names another party than one before it stays refused.

    Raises:
        Unavailable: as `Log.append`; nothing is appended then.
    """
    done = Readmitted(received=len(letters))
    judged: list[tuple[str, Event]] = []
    for where, letter in letters:
        try:
            if isinstance(letter, Refused):
                raise letter
            judged.append((where, _judged(letter)))
        except Refused as refusal:
            done.refused.append((where, refusal))
    judged.sort(key=lambda each: (each[1].received_at, each[1].event_id))
    taken = log.known([event.event_id for _, event in judged])
    together = AppendedTogether(log)
    fresh: list[Event] = []
    for where, event in judged:
        if event.event_id in taken:
            done.duplicate += 1
            continue
        try:
            together.check(event)
        except Refused as refusal:
            done.refused.append((where, refusal))
            continue
        taken.add(event.event_id)
        fresh.append(event)
    if log.manifest.clock is ClockKind.WALL:
        fresh = [event._replace(received_at=now) for event in fresh]
    if fresh:
        log.append(fresh)
    done.appended = len(fresh)
    return done


def _judged(event: Event) -> Event:
    """The event, if it is what its own value makes of it.

    Raises:
        Refused: as `value_of`; FIELD_VALUE where its id or key is another value's, or its identity
            part lies open.
    """
    made = event_of(
        value_of(event),
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        source=event.source,
        stream=event.stream,
    )
    for name in ("event_id", "key"):
        expected, found = getattr(made, name).hex(), getattr(event, name).hex()
        if expected != found:
            raise _other(name, expected, found)
    if event.sealed is not None and is_clear(event.sealed):
        raise _other("sealed", "an identity part under keys of persons", "one in clear")
    return event


def _other(name: str, expected: str, found: str) -> Refused:
    return Refused(
        Code.FIELD_VALUE,
        "a record's envelope is not that of its value",
        hint="Only what a door made can be taken back; send the rest to a door.",
        field=name,
        expected=expected,
        found=found,
    )
