"""Who stands on a list: a state beside the vector, folded from the events of `pix.lists.v1`.

An entry holds for a transfer made after it was added, up to its removal, and before it runs out. It
is a function of the set of events below a cut, so a removal that comes before its entry counts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from crivo.decision.lists import ListHit
from crivo.domain import list_entry
from crivo.domain.errors import Code, invalid
from crivo.domain.event import Event
from crivo.domain.instant import LATEST
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.domain.transfer import Transfer
from crivo.flows.event_of import value_of
from crivo.flows.packed_state import pack, unpack

_ARRAY: Final = "lists"

#: Whom a transfer names, in which role, by which kind of id.
_PARTIES: Final = (
    ("payer_account_id", ListSide.PAYER, ListedEntity.ACCOUNT),
    ("payer_person_id", ListSide.PAYER, ListedEntity.PERSON),
    ("device_id", ListSide.PAYER, ListedEntity.DEVICE),
    ("payee_account_id", ListSide.PAYEE, ListedEntity.ACCOUNT),
    ("payee_person_id", ListSide.PAYEE, ListedEntity.PERSON),
    ("payee_key_id", ListSide.PAYEE, ListedEntity.KEY),
)


def check_can_hold(value: ListEntry) -> None:
    """Nothing, unless an entry is added that no transfer could meet: such a side has no such ids.

    It is asked of what is told; what the log has is read as it is.

    Raises:
        Refused: FIELD_VALUE.
    """
    if value.action is not ListAction.ADDED or value.side is ListSide.BOTH:
        return
    sides = [side for _, side, entity in _PARTIES if entity is value.entity]
    if value.side not in sides:
        raise invalid(
            Code.FIELD_VALUE,
            field="side",
            expected=f"{' or '.join(sides)} or BOTH: a transfer names no other {value.entity}",
            found=value.side,
        )


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry as it was added: in force for instants in `(since, before)`."""

    entry_id: str
    entity: ListedEntity
    kind: ListKind
    side: ListSide
    since: int
    before: int


class _State(msgspec.Struct, array_like=True, frozen=True):
    entries: list[tuple[bytes, list[Listed]]]
    removals: list[tuple[bytes, str, int]]


_STATES: Final = msgspec.msgpack.Decoder(_State)


class ListState:
    """The entries and removals told so far. Asking costs nothing while there is none."""

    def __init__(self) -> None:
        #: How many entries were ever added; any thread may ask.
        self.added = 0
        self._entries: dict[bytes, list[Listed]] = {}
        #: The earliest removal of an entry, by whose it is and its id.
        self._removals: dict[tuple[bytes, str], int] = {}

    def fold(self, event: Event) -> None:
        """Takes note of an entry or a removal; other events change nothing."""
        if event.schema != list_entry.SCHEMA:
            return
        value: ListEntry = value_of(event)
        if value.action is ListAction.REMOVED:
            removed = (value.entity_id, value.entry_id)
            at = self._removals.get(removed, LATEST)
            self._removals[removed] = min(at, value.occurred_at)
            return
        before = LATEST if value.expires_at is None else value.expires_at
        entry = Listed(
            value.entry_id, value.entity, value.kind, value.side, value.occurred_at, before
        )
        self._entries.setdefault(value.entity_id, []).append(entry)
        self.added += 1

    def of(self, transfer: Transfer) -> tuple[ListHit, ...]:
        """The entries that hold for a transfer's parties at its instant, sorted."""
        if not self._entries:
            return ()
        found = [
            ListHit(entry.kind, side, entry.entry_id)
            for name, side, entity in _PARTIES
            if (id_ := getattr(transfer, name)) is not None
            for entry in self._entries.get(id_, ())
            if entry.entity is entity
            and entry.side in {side, ListSide.BOTH}
            and self._holds(id_, entry, transfer.occurred_at)
        ]
        return tuple(sorted(set(found)))

    def _holds(self, id_: bytes, entry: Listed, at: int) -> bool:
        if not entry.since < at < entry.before:
            return False
        removed_at = self._removals.get((id_, entry.entry_id))
        return removed_at is None or at <= removed_at

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was folded, as one array of bytes: the same for the same set of events."""
        entries = [
            (id_, sorted(listed, key=msgspec.msgpack.encode))
            for id_, listed in sorted(self._entries.items())
        ]
        removals = [(id_, entry_id, at) for (id_, entry_id), at in sorted(self._removals.items())]
        return pack(_ARRAY, _State(entries, removals))

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Holds what `arrays` of another one gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID.
        """
        state = unpack(_ARRAY, arrays, _STATES, told="lists", parts="entries and removals")
        self._entries = dict(state.entries)
        self.added = sum(len(listed) for _, listed in state.entries)
        self._removals = {(id_, entry_id): at for id_, entry_id, at in state.removals}
