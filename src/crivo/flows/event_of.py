"""Declared values as events of their streams, and back: the check at every door."""

from __future__ import annotations

from typing import Any, Protocol

from crivo.domain.event import RAIL_SOURCE, Event, make_event_id
from crivo.domain.streams import Stream
from crivo.flows.payload import decode, encode
from crivo.flows.schemas import BY_VALUE, schema_of


class EventValue(Protocol):
    """A declared value that a stream carries."""

    @property
    def subject_id(self) -> bytes:
        """Whose it is: the key of its event."""
        ...

    @property
    def own_id(self) -> str:
        """The id that its source, or the rail, gave it."""
        ...


def event_of(
    value: EventValue,
    *,
    occurred_at: int,
    received_at: int,
    source: str,
    stream: Stream | None = None,
) -> Event:
    """The event of a value, in the stream that carries it; one that two carry needs naming.

    The same value of the same source is the same event, however often it comes.

    Raises:
        Refused: SCHEMA_UNKNOWN for a stream that does not carry it.
    """
    schema = BY_VALUE[type(value)]
    if stream is not None:
        schema_of(schema.name, stream=stream)
    else:
        assert len(schema.streams) == 1, schema.streams
    return Event(
        stream=stream or schema.streams[0],
        key=value.subject_id,
        event_id=make_event_id(
            schema.family, RAIL_SOURCE if schema.is_rails else source, value.own_id
        ),
        occurred_at=occurred_at,
        received_at=received_at,
        schema=schema.name,
        source=source,
        payload=encode(value),
    )


def value_of(event: Event) -> Any:
    """The value of an event, judged like one that has just come in.

    Raises:
        Refused: SCHEMA_UNKNOWN for a schema that its stream does not carry, and as `decode`.
    """
    return decode(schema_of(event.schema, stream=event.stream).name, event.payload)
