"""The oracle over a sample of keys: their vectors, by the events of those keys alone.

Every vector is judged, but of keys with hundreds of events or more some forty.

To ask the oracle about one vector costs as much as there are events in the windows of its key, so a
long stream cannot be asked about as a whole. A value depends on the events of its key alone
(`features.shard.route_of`); where that were not so, the kernel, which folds all events, would leave
the oracle here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crivo.domain.clock import ALLOWED_LATENESS
from crivo.features.engine import BEHIND, LATE, SATURATED
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.features.plan import Plan
from crivo.features.row import ABSENT, RowKind
from crivo.features.shard import Party, Route, deal, is_mark, route_of
from crivo.features.spec import FeatureSet

Rows = np.ndarray[Any, Any]
Key = tuple[int, ...]

#: Of a key with more events some `HOT_VECTORS` vectors are judged, spread over its life up to the
#: newest, and not every one: the oracle's work for all of them grows with the square of the events.
EVENTS_MAX = 400
HOT_VECTORS = 40


@dataclass
class Judged:
    """What the oracle said: vectors and values it judged, and where the kernel left it.

    Of `hot` keys, which have more than `EVENTS_MAX` events, `hot_vectors` of all were judged.
    """

    vectors: int = 0
    values: int = 0
    keys: int = 0
    hot: int = 0
    hot_vectors: int = 0
    said: list[str] = field(default_factory=list)
    #: Up to two values of each feature, null aside: what never varied was hardly judged.
    seen: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))

    def constant(self, plan: Plan) -> list[str]:
        """The features of which no two judged values differ."""
        return [name for name in plan.names if len(self.seen[name]) < 2]


@dataclass
class _Kept:
    """A route's part of the stream: the events of sampled keys, and the kernel's values."""

    route: Route
    columns: list[int]
    features: FeatureSet
    rows: list[Rows] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    flags: list[Any] = field(default_factory=list)


class SampledOracle:
    """Keeps what belongs to one key in `one_in`, and judges it in the end.

    Of flags, that a transfer is late is judged of every row; that a key was read behind, or is
    saturated, must be said by the kernel where the oracle says it of one key alone.
    """

    def __init__(self, plan: Plan, *, one_in: int) -> None:
        self._one_in = one_in
        self._names = plan.names
        self._said: list[str] = []
        routes: dict[Route, list[int]] = defaultdict(list)
        for place, feature in enumerate(plan.feature_set.features):
            routes[route_of(feature)].append(place)
        self._kept = [
            _Kept(
                route, columns, FeatureSet(tuple(plan.feature_set.features[at] for at in columns))
            )
            for route, columns in routes.items()
        ]

    def keep(self, rows: Rows, vectors: Any, flags: Any) -> None:
        """Takes the next rows and the kernel's vectors and flags of their transfers, in order."""
        is_transfer = rows["kind"] == RowKind.TRANSFER
        spread = np.full((len(rows), len(self._names)), np.nan)
        spread[is_transfer] = vectors
        marked = np.zeros(len(rows), dtype=np.uint8)
        marked[is_transfer] = flags
        late = is_transfer & (rows["received_at"] - rows["occurred_at"] > ALLOWED_LATENESS)
        for place in np.flatnonzero(late != (marked & LATE != 0)):
            self._said.append(f"{rows['event_0'][place]}: late is {late[place]}")
        for kept in self._kept:
            mine = np.zeros(len(rows), dtype=np.bool_)
            for party in kept.route.folds:
                mine |= self._is_sampled(rows, party)
            if kept.route.marks:
                mine |= is_mark(rows)
            kept.rows.append(rows[mine])
            kept.values.append(spread[mine][:, kept.columns])
            kept.flags.append(marked[mine])

    def judge(self) -> Judged:
        """The oracle's word on every kept vector."""
        judged = Judged(said=self._said)
        for kept in self._kept:
            self._judge(kept, judged)
        return judged

    def _judge(self, kept: _Kept, judged: Judged) -> None:
        rows, values, flags = map(np.concatenate, (kept.rows, kept.values, kept.flags))
        reads = self._is_sampled(rows, kept.route.reads) & (rows["kind"] == RowKind.TRANSFER)
        read_by = _names(rows, kept.route.reads)
        events: dict[Key, list[int]] = defaultdict(list)
        for party in kept.route.folds:
            names = _names(rows, party)
            for place in np.flatnonzero(self._is_sampled(rows, party)).tolist():
                key = names[place]
                if not events[key] or events[key][-1] != place:
                    events[key].append(place)
        marks = _Marks(rows) if kept.route.marks else None
        for key, places in events.items():
            asked = [place for place in places if reads[place] and read_by[place] == key]
            if len(places) > EVENTS_MAX:
                asked = asked[:: -max(1, len(asked) // HOT_VECTORS)]
                judged.hot += 1
                judged.hot_vectors += len(asked)
            judged.keys += 1
            judged.vectors += len(asked)
            wanted, oracle = set(asked), Oracle(kept.features)
            shown = sorted({*places, *(() if marks is None else marks.met_by(places))})
            for place, row in zip(shown, rows_as_mappings(rows[shown]), strict=True):
                if place in wanted:
                    self._compare(kept, row, (values[place], flags[place]), oracle, judged)
                oracle.fold(row)

    def _compare(
        self, kept: _Kept, row: Any, found: tuple[Any, int], oracle: Oracle, judged: Judged
    ) -> None:
        values, flags = found
        answer = oracle.read(row)
        if (answer.behind and not flags & BEHIND) or (answer.saturated and not flags & SATURATED):
            judged.said.append(f"{row['event_0']}: flags {flags}, oracle {answer}")
        for column, value, wanted in zip(kept.columns, values.tolist(), answer.values, strict=True):
            judged.values += 1
            name = self._names[column]
            if value == value and len(judged.seen[name]) < 2:  # noqa: PLR0124 (a null is NaN)
                judged.seen[name].add(value)
            if differs(value, wanted):
                judged.said.append(f"{row['event_0']} {name}: kernel {value}, oracle {wanted}")

    def _is_sampled(self, rows: Rows, party: Party) -> Any:
        """bool[n]: the party is in the sample; nobody is not, being of a fifth of all rows."""
        words = [rows[name].astype(np.int64) for name in party]
        is_named = np.any([(word != 0) & (word != ABSENT) for word in words], axis=0)
        return is_named & (deal([rows[name] for name in party], self._one_in) == 0)


def _names(rows: Rows, party: Party) -> list[Key]:
    """Who takes part in each row as that party."""
    found: list[Key] = rows[list(party)].tolist()
    return found


class _Marks:
    """Where the accepted reports about each account stand."""

    def __init__(self, rows: Rows) -> None:
        self._payers = _names(rows, ("payer_0", "payer_1"))
        self._payees = _names(rows, ("payee_0", "payee_1"))
        self._about: dict[Key, list[int]] = defaultdict(list)
        for place in np.flatnonzero(is_mark(rows)).tolist():
            self._about[self._payees[place]].append(place)

    def met_by(self, places: list[int]) -> list[int]:
        """Those about anybody who takes part in the events there."""
        met = {names[place] for place in places for names in (self._payers, self._payees)}
        return [mark for party in met for mark in self._about.get(party, ())]


def judge(parts: Iterable[tuple[Rows, Any, Any]], plan: Plan, *, one_in: int) -> Judged:
    """The oracle's word on (rows, vectors, flags) of a stream, part by part."""
    oracle = SampledOracle(plan, one_in=one_in)
    for rows, vectors, flags in parts:
        oracle.keep(rows, vectors, flags)
    return oracle.judge()
