"""The events that the oracle keeps: a list for each kind of every entity's, by their instants.

So a window is a stretch of one list. Like `oracle.py` it shares no code with the kernel.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from crivo.features.oracle_terms import Party, Row, is_mark, party_of
from crivo.features.row import RowKind
from crivo.features.spec import Entity, EventKind

#: By which of an event's parties it belongs to which of the transfer's.
PARTIES: Final[Mapping[Entity, Mapping[str, str]]] = {
    Entity.PAYER: {"payer": "payer"},
    Entity.PAYEE: {"payee": "payee"},
    Entity.PAIR: {"payer": "payer", "payee": "payee"},
    Entity.DEVICE: {"device": "device"},
    Entity.INSTITUTION: {"payee_ispb": "payee_ispb"},
    Entity.PAYER_DEVICE: {"payer": "payer", "device": "device"},
    Entity.PAYER_INSTITUTION: {"payer": "payer", "payee_ispb": "payee_ispb"},
    Entity.PAYER_RECEIVING: {"payee": "payer"},
    Entity.PAYEE_SENDING: {"payer": "payee"},
    Entity.PAIR_REVERSED: {"payer": "payee", "payee": "payer"},
    Entity.PAYEE_KEY: {"payee_key": "payee_key"},
    Entity.PAYEE_PERSON: {"payee_person": "payee_person"},
}

_INSTANT: Final = itemgetter("occurred_at")


class Events:
    """All events, by whom they belong to and of which kind they are, and who is marked since when.

    Of events of one instant that which came first stands first.
    """

    def __init__(self) -> None:
        self._of: dict[tuple[Entity, int, tuple[Party, ...]], list[Row]] = defaultdict(list)
        #: The instant of each account's first accepted report.
        self.marked: dict[Party, int] = {}

    def add(self, row: Row) -> None:
        """The row is an event of each entity whose parties it names."""
        instant = row["occurred_at"]
        for entity, parties in PARTIES.items():
            named = _named(row, parties)
            if named is not None:
                insort(self._of[entity, row["kind"], named], row, key=_INSTANT)
        payee = party_of(row, "payee")
        if is_mark(row) and payee is not None:
            self.marked[payee] = min(self.marked.get(payee, instant), instant)

    def of(self, row: Row, entity: Entity, kind: EventKind) -> Sequence[Row]:
        """Those of this kind that belong to the entity of a transfer."""
        named = _named(row, PARTIES[entity].values())
        return () if named is None else self._of.get((entity, RowKind[kind.name], named), ())


def between(events: Sequence[Row], start: int, end: int) -> Sequence[Row]:
    """The events from `start` up to, not including, `end`."""
    return events[bisect_left(events, start, key=_INSTANT) : bisect_left(events, end, key=_INSTANT)]


def _named(row: Row, parties: Iterable[str]) -> tuple[Party, ...] | None:
    """Who takes part in a row under these names; None where one of them is not told."""
    found = [party_of(row, name) for name in parties]
    named = tuple(party for party in found if party is not None)
    return named if len(named) == len(found) else None
