"""Lists of the payers' institutions: whom they watch while a claim is open, and stop afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.list_entry import ListAction, ListedEntity, ListKind, ListSide
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.claims import TAKEN_OVER
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import person_ids
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.lettering import Names
from crivo.simulator.naming import device_ids, report_ids
from crivo.simulator.rows import NONE

_ENTITIES: Final = tuple(ListedEntity)
_KINDS: Final = tuple(ListKind)
_SIDES: Final = tuple(ListSide)
_ACTIONS: Final = tuple(ListAction)

#: How soon an institution acts, and how long entries last (assumptions); markers last five years.
_WATCHED_AFTER: Final = (MINUTE, 30 * MINUTE)
_STOPPED_AFTER: Final = (10 * MINUTE, 24 * HOUR)
_WATCHED_DAYS: Final = 90
_STOPPED_DAYS: Final = 5 * 365


@dataclass(frozen=True, slots=True)
class _Rule:
    """Whom a claim puts on a list, on which, and for how long; `name` ends the entry's id."""

    name: bytes
    entity: ListedEntity
    kind: ListKind
    side: ListSide
    days: int


_WATCHED_PAYEE: Final = _Rule(
    b"6", ListedEntity.ACCOUNT, ListKind.WATCH, ListSide.PAYEE, _WATCHED_DAYS
)
_STOPPED_ACCOUNT: Final = _Rule(
    b"7", ListedEntity.ACCOUNT, ListKind.DENY, ListSide.BOTH, _STOPPED_DAYS
)
_STOPPED_PERSON: Final = _Rule(
    b"8", ListedEntity.PERSON, ListKind.DENY, ListSide.PAYEE, _STOPPED_DAYS
)
_STOPPED_KEY: Final = _Rule(b"9", ListedEntity.KEY, ListKind.DENY, ListSide.PAYEE, _STOPPED_DAYS)
_STOPPED_DEVICE: Final = _Rule(
    b"A", ListedEntity.DEVICE, ListKind.DENY, ListSide.PAYER, _STOPPED_DAYS
)
_WATCHED_VICTIM: Final = _Rule(
    b"B", ListedEntity.ACCOUNT, ListKind.WATCH, ListSide.PAYER, _WATCHED_DAYS
)


def _draw(facts: DayFacts) -> Drawn:
    claims, of = facts.claims, facts.contested
    draws = facts.draws("lists")
    rows, payees = facts.rows[of], facts.rows["payee"][of]
    watched_at = claims.contested_at + draws.spans(*_WATCHED_AFTER, len(of))
    stopped_at = claims.settled_at + draws.spans(*_STOPPED_AFTER, len(of))
    accepted = claims.accepted
    taken = accepted & np.isin(facts.situations, TAKEN_OVER)
    persons = person_ids(facts.seed, facts.accounts.persons(payees))
    given = facts.payee_keys(of)
    devices = device_ids(facts.seed, rows["device"])
    every = np.ones(len(of), dtype=np.bool_)
    payee_names, payer_names = facts.payee_names[of], facts.payer_names[of]
    # A watched payee leaves the list when the claim is rejected, and is stopped when it is not.
    leaves = _entered(facts, _WATCHED_PAYEE, every, stopped_at, payee_names, ListAction.REMOVED)
    parts = (
        _entered(facts, _WATCHED_PAYEE, every, watched_at, payee_names),
        leaves,
        _entered(facts, _STOPPED_ACCOUNT, accepted, stopped_at, payee_names),
        _entered(facts, _STOPPED_PERSON, accepted, stopped_at, persons),
        _entered(facts, _STOPPED_KEY, accepted & ~facts.by_hand[of], stopped_at, given),
        _entered(facts, _STOPPED_DEVICE, taken & (rows["device"] != NONE), stopped_at, devices),
        _entered(facts, _WATCHED_VICTIM, taken, stopped_at, payer_names),
    )
    return _joined(parts)


def _entered(
    facts: DayFacts,
    rule: _Rule,
    which: Bools,
    at: Int64s,
    names: Names,
    action: ListAction = ListAction.ADDED,
) -> dict[str, Names | Int64s]:
    """The entries that one rule makes of those claims."""
    places = np.flatnonzero(which)
    count = len(places)
    expires = at[places] + rule.days * DAY if action is ListAction.ADDED else np.full(count, NONE)
    return {
        "entry_id": report_ids(facts.ids[facts.contested[places]], rule.name),
        "occurred_at": at[places],
        "received_at": at[places],
        "entity_id": names[places],
        "entity": np.full(count, _ENTITIES.index(rule.entity)),
        "list": np.full(count, _KINDS.index(rule.kind)),
        "side": np.full(count, _SIDES.index(rule.side)),
        "action": np.full(count, _ACTIONS.index(action)),
        "expires_at": expires,
    }


def _joined(parts: tuple[dict[str, Names | Int64s], ...]) -> Drawn:
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    expires_at = found["expires_at"]
    coded = {"entity": _ENTITIES, "list": _KINDS, "side": _SIDES, "action": _ACTIONS}
    told = {name: words(codes)[found[name].astype(np.int64)] for name, codes in coded.items()}
    return {**found, **told, "expires_at": (expires_at, expires_at == NONE)}


EVENTS: Final = EventKind(
    name="lists",
    stream="pix.lists.v1",
    key="entity_id",
    tier=Tier.LATER,
    meaning="An institution began to watch or to stop somebody because of a claim, or no longer.",
    source="Res. BCB 506/2025 and 587/2026 (who was marked is stopped); the rest is assumed.",
    fields=(
        Field("entry_id", Kind.TEXT, PAYER, "id of the entry, the same when it is removed"),
        Field("occurred_at", Kind.INSTANT, PAYER, "when"),
        Field("received_at", Kind.INSTANT, PAYER, "when it was known"),
        Field("entity_id", Kind.TEXT, PAYER, "who: an account, a person, a key or a device"),
        Field("entity", Kind.WORD, PAYER, "which of these"),
        Field("list", Kind.WORD, PAYER, "WATCH or DENY"),
        Field("side", Kind.WORD, PAYER, "as whom: PAYER, PAYEE, BOTH"),
        Field("action", Kind.WORD, PAYER, "ADDED or REMOVED"),
        Field("expires_at", Kind.INSTANT, PAYER, "the entry's end", nullable=True),
    ),
    draw=_draw,
)
