"""Who stands on a list, or is marked: a state beside the vector, folded from what is told of both.

An entry holds for a transfer that comes after it was added, up to its removal, and before it runs
out; a fraud marker (`fraud_marker.v1`) holds in both roles for its person and its key, until
cancelled. A transfer comes at its receipt, or at its own instant where that is later: one that was
confirmed days ago, to be paid today, meets what stands today. It is a function of the set of events
below a cut, so a removal that comes before its entry counts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from crivo.decision.lists import HitKind, ListHit
from crivo.domain import fraud_marker, list_entry
from crivo.domain.errors import Code, invalid
from crivo.domain.event import Event
from crivo.domain.fraud_marker import FraudMarker, MarkerStatus
from crivo.domain.instant import LATEST
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListSide
from crivo.domain.transfer import Transfer
from crivo.flows.event_of import value_of
from crivo.flows.packed_state import pack, unpack

#: Another name than that of arrays which hold no markers: their snapshots are not used.
_ARRAY: Final = "lists_and_markers"

#: Whom a transfer names, in which role, by which kind of id.
_PARTIES: Final = (
    ("payer_account_id", ListSide.PAYER, ListedEntity.ACCOUNT),
    ("payer_person_id", ListSide.PAYER, ListedEntity.PERSON),
    ("device_id", ListSide.PAYER, ListedEntity.DEVICE),
    ("payee_account_id", ListSide.PAYEE, ListedEntity.ACCOUNT),
    ("payee_person_id", ListSide.PAYEE, ListedEntity.PERSON),
    ("payee_key_id", ListSide.PAYEE, ListedEntity.KEY),
)


def check_can_hold(value: object) -> None:
    """Nothing, unless a list entry is added that no transfer could meet: its side has no such ids.

    It is asked of whatever is told or imported; what the log has is read as it is.

    Raises:
        Refused: FIELD_VALUE.
    """
    if not isinstance(value, ListEntry) or value.action is not ListAction.ADDED:
        return
    if value.side is ListSide.BOTH:
        return
    sides = [side for _, side, entity in _PARTIES if entity is value.entity]
    if value.side not in sides:
        raise invalid(
            Code.FIELD_VALUE,
            field="side",
            expected=f"{' or '.join(sides)} or BOTH: a transfer names no other {value.entity}",
            found=value.side,
        )


#: What a removal ends: by whose it is, whether it is a marker, and its id.
Removed = tuple[bytes, bool, str]


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry or marker as it was added: in force for instants in `(since, before)`.

    `owner` is whose removal ends it: the entity, or the person whom a marker of a key is about.
    """

    entry_id: str
    entity: ListedEntity
    kind: HitKind
    side: ListSide
    since: int
    before: int
    owner: bytes

    @property
    def removed_as(self) -> Removed:
        """What a removal of it is found by."""
        return self.owner, self.kind is HitKind.MARKED, self.entry_id


class _State(msgspec.Struct, array_like=True, frozen=True):
    entries: list[tuple[bytes, list[Listed]]]
    removals: list[tuple[bytes, bool, str, int]]


_STATES: Final = msgspec.msgpack.Decoder(_State)


class ListState:
    """The entries, markers and removals told so far. Asking costs nothing while there is none."""

    def __init__(self) -> None:
        #: How many entries and markers were ever added; any thread may ask.
        self.added = 0
        self._entries: dict[bytes, list[Listed]] = {}
        #: The earliest removal of each.
        self._removals: dict[Removed, int] = {}

    def fold(self, event: Event) -> None:
        """Takes note of entries, markers and what removes them; other events change nothing."""
        if event.schema == list_entry.SCHEMA:
            self._entry(value_of(event))
        elif event.schema == fraud_marker.SCHEMA:
            self._marker(value_of(event))

    def _entry(self, value: ListEntry) -> None:
        if value.action is ListAction.REMOVED:
            self._remove((value.entity_id, False, value.entry_id), value.occurred_at)
            return
        entry = Listed(
            value.entry_id,
            value.entity,
            HitKind(value.kind.value),
            value.side,
            since=value.occurred_at,
            before=LATEST if value.expires_at is None else value.expires_at,
            owner=value.entity_id,
        )
        self._add(value.entity_id, entry)

    def _marker(self, value: FraudMarker) -> None:
        id_, at, person = value.marker_id, value.occurred_at, value.person_id
        if value.status is MarkerStatus.CANCELLED:
            self._remove((person, True, id_), at)
            return
        marked = [(person, ListedEntity.PERSON)]
        if value.key_id is not None:
            marked.append((value.key_id, ListedEntity.KEY))
        for entity_id, entity in marked:
            marker = Listed(id_, entity, HitKind.MARKED, ListSide.BOTH, at, LATEST, person)
            self._add(entity_id, marker)

    def _add(self, entity_id: bytes, entry: Listed) -> None:
        self._entries.setdefault(entity_id, []).append(entry)
        self.added += 1

    def _remove(self, removed: Removed, at: int) -> None:
        self._removals[removed] = min(self._removals.get(removed, LATEST), at)

    def of(self, transfer: Transfer, received_at: int) -> tuple[ListHit, ...]:
        """The entries and markers that hold for a transfer's parties when it comes, sorted."""
        if not self._entries:
            return ()
        at = max(transfer.occurred_at, received_at)
        found = [
            ListHit(entry.kind, side, entry.entry_id)
            for name, side, entity in _PARTIES
            if (id_ := getattr(transfer, name)) is not None
            for entry in self._entries.get(id_, ())
            if entry.entity is entity
            and entry.side in {side, ListSide.BOTH}
            and self._holds(entry, at)
        ]
        return tuple(sorted(set(found)))

    def _holds(self, entry: Listed, at: int) -> bool:
        if not entry.since < at < entry.before:
            return False
        removed_at = self._removals.get(entry.removed_as)
        return removed_at is None or at <= removed_at

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was folded, as one array of bytes: the same for the same set of events."""
        entries = [
            (id_, sorted(listed, key=msgspec.msgpack.encode))
            for id_, listed in sorted(self._entries.items())
        ]
        removals = [(*removed, at) for removed, at in sorted(self._removals.items())]
        return pack(_ARRAY, _State(entries, removals))

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Holds what `arrays` of another one gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID.
        """
        state = unpack(_ARRAY, arrays, _STATES, told="lists", parts="entries and removals")
        self._entries = dict(state.entries)
        self.added = sum(len(listed) for _, listed in state.entries)
        self._removals = {(id_, which, own): at for id_, which, own, at in state.removals}
