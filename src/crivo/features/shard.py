"""Shards: a plan's columns and their keys dealt out, so that each process folds only its own.

A shard is (entity table, hash of its key) and makes the columns of its entities for the rows of its
keys; columns join by place. A value depends on the events of its own key and on no other, so what a
shard makes is what the whole plan would have made, bit for bit, however many shards there are.
Exposures are the exception: they also depend on the reports about others, which all shards fold.

The pair's table is dealt by the payer, who is half of its key: two shards read a transfer then, and
not three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.features.engine import Engine, Rows, Vector
from crivo.features.plan import Plan, compile_plan
from crivo.features.row import RowKind
from crivo.features.spec import Entity, EventKind, Feature, FeatureSet
from crivo.features.window import Span

Mask = NDArray[np.bool_]
Flags = NDArray[np.uint8]

#: The columns of a row that hold the id of one who takes part.
Party = tuple[str, ...]

_PAYER: Final = ("payer_0", "payer_1")
_PAYEE: Final = ("payee_0", "payee_1")
_DEVICE: Final = ("device_0", "device_1")
_INSTITUTION: Final = ("payee_ispb",)
_KEY: Final = ("payee_key_0", "payee_key_1")
_PERSON: Final = ("payee_person_0", "payee_person_1")
_EVENT: Final = ("event_0", "event_1")

#: More shards than this cost more in passes over the rows than they can win.
SHARDS_MAX: Final = 256

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Route:
    """Whose shard folds an event (each of these parties'), and whose reads a transfer.

    With `marks` every shard folds all accepted reports: whom they mark, anybody may have met.
    """

    folds: tuple[Party, ...]
    reads: Party
    marks: bool = False


#: Where an entity's table is kept, by the entity's name. The transfer's own values need no table:
#: any shard makes them. An account that is seen in both roles is dealt by both.
ROUTES: Final[Mapping[str, Route]] = {
    "transfer": Route((_PAYER,), _PAYER),
    "payer": Route((_PAYER,), _PAYER),
    "pair": Route((_PAYER,), _PAYER),
    "payer_device": Route((_PAYER,), _PAYER),
    "payer_institution": Route((_PAYER,), _PAYER),
    "payee": Route((_PAYEE,), _PAYEE),
    "payer_receiving": Route((_PAYER, _PAYEE), _PAYER),
    "payee_sending": Route((_PAYER, _PAYEE), _PAYEE),
    "pair_reversed": Route((_PAYER, _PAYEE), _PAYEE),
    "device": Route((_DEVICE,), _DEVICE),
    "institution": Route((_INSTITUTION,), _INSTITUTION),
    "payee_key": Route((_KEY,), _KEY),
    "payee_person": Route((_PERSON,), _PERSON),
}

#: Of statistics that look at both roles of their entity's account.
_BOTH_ROLES: Final[Mapping[str, Route]] = {
    "payer": Route((_PAYER, _PAYEE), _PAYER),
    "payee": Route((_PAYER, _PAYEE), _PAYEE),
}
_OF_BOTH_ROLES: Final = frozenset({"pass_through"})


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """One part of `of`: the vector's `columns` (their places), of the keys that are its own.

    Without a route it is the whole plan, and every row is its own.
    """

    plan: Plan
    columns: tuple[int, ...]
    route: Route | None = None
    remainder: int = 0
    of: int = 1

    def folds(self, rows: Rows) -> Mask:
        """bool[n]: the rows that this shard must fold."""
        parties = () if self.route is None else self.route.folds
        own = np.full(len(rows), not parties, dtype=np.bool_)
        for party in parties:
            own |= self._is_own(rows, party)
        if self.route is not None and self.route.marks:
            own |= is_mark(rows)
        return own

    def reads(self, rows: Rows) -> Mask:
        """bool[n]: the transfers whose columns this shard makes."""
        if self.route is None:
            return np.ones(len(rows), dtype=np.bool_)
        return self._is_own(rows, self.route.reads)

    def _is_own(self, rows: Rows, party: Party) -> Mask:
        words = [rows[name] for name in party]
        hands = deal(words, self.of)
        nobody = words[0] == 0
        for word in words[1:]:
            nobody &= word == 0
        if nobody.any():  # there is nothing to fold, and no hand is to read all of it
            hands[nobody] = deal([rows[name][nobody] for name in _EVENT], self.of)
        own: Mask = hands == self.remainder
        return own


def is_mark(rows: Rows) -> Mask:
    """bool[n]: accepted reports."""
    found: Mask = (rows["kind"] == RowKind.REPORT) & (rows["accepted"] == 1)
    return found


def deal(words: Sequence[NDArray[Any]], of: int) -> NDArray[np.int64]:
    """int64[n] in [0, of): the hand that each id goes to. The id alone decides."""
    mixed = words[0].astype(np.uint64) * _MIX
    for word in words[1:]:
        mixed = ((mixed ^ (mixed >> _HALF)) + word.astype(np.uint64)) * _MIX
    mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    dealt: NDArray[np.int64] = ((mixed >> _HALF) % np.uint64(of)).astype(np.int64)
    return dealt


def route_of(feature: Feature) -> Route:
    """Whose events a feature needs, and of which party's transfers it is."""
    of_both = feature.statistic.value in _OF_BOTH_ROLES
    # The hour of a payee's night is told of it as a payer.
    if of_both or (feature.window.span is Span.OWN_NIGHT and feature.entity is Entity.PAYEE):
        return _BOTH_ROLES[feature.entity.value]
    if feature.event is EventKind.EXPOSURE:
        return replace(ROUTES[feature.entity.value], marks=True)
    return ROUTES[feature.entity.value]


def shards_of(plan: Plan, count: int) -> tuple[Shard, ...]:
    """The shards of a plan whose tables are dealt to `count` hands each; of one, the plan itself.

    Those that take the longest come first.
    """
    assert 1 <= count <= SHARDS_MAX
    features = plan.feature_set.features
    if count == 1:
        return (Shard(plan, tuple(range(len(features)))),)
    tables: dict[Route, list[int]] = {}
    for place, feature in enumerate(features):
        # Marks are few: who else is dealt alike folds them sooner than the rows a second time.
        tables.setdefault(replace(route_of(feature), marks=False), []).append(place)
    found = []
    for dealt, columns in sorted(tables.items(), key=lambda table: -len(table[1])):
        own = FeatureSet(tuple(features[place] for place in columns))
        part = compile_plan(own, saturation_events=plan.saturation_events)
        route = replace(dealt, marks=any(route_of(each).marks for each in own.features))
        found += [Shard(part, tuple(columns), route, hand, count) for hand in range(count)]
    return tuple(found)


class ShardFold:
    """A shard at work: it is shown all rows, in their order, and folds its own."""

    def __init__(self, shard: Shard) -> None:
        self.shard: Final = shard
        self._engine: Final = Engine(shard.plan)

    def vectors(self, rows: Rows, wanted: Mask) -> tuple[Vector, Flags]:
        """(float64[m, columns], flags[m]) of the wanted rows that the shard reads.

        Raises:
            Refused, Unavailable: as `Engine.vectors`.
        """
        asked = wanted & self.shard.reads(rows)
        own = self.shard.folds(rows)
        assert not (asked & ~own).any(), "who reads a transfer has folded it"
        return self._engine.vectors(rows[own], asked[own])


def join(
    shards: Sequence[Shard], made: Sequence[tuple[Vector, Flags]], rows: Rows, wanted: Mask
) -> tuple[Vector, Flags]:
    """(float64[m, F], flags[m]) of the wanted rows, of what every shard made of them."""
    asked = rows[wanted]
    width = 1 + max(max(shard.columns) for shard in shards)
    vectors = np.empty((len(asked), width), dtype=np.float64)
    flags = np.zeros(len(asked), dtype=np.uint8)
    for shard, (part, marks) in zip(shards, made, strict=True):
        places = np.flatnonzero(shard.reads(asked))
        vectors[np.ix_(places, np.array(shard.columns))] = part
        flags[places] |= marks
    return vectors, flags
