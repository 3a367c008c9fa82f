"""Verifying served vectors: each is recomputed from the log, and held against its ideal.

Two figures, kept apart. *Replay parity*: the vector that a decision kept, against the one that the
log gives at the decision's own cut; a difference is a fault, and there must be none. *Staleness
cost*: the same vector against the ideal one, which also counts what had happened before the
transfer and reached the log only after it; a difference is the price of never waiting.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.decision.decide import Scored, is_return
from crivo.decision.degraded import is_unscored
from crivo.decision.record import decode_derived
from crivo.domain.clock import ALLOWED_LATENESS
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.features.engine import LATE, Engine, Vector
from crivo.features.plan import Plan
from crivo.features.row import EVENT_ROW, RowKind, words
from crivo.features.shard import deal
from crivo.flows.fold import fold_rows
from crivo.flows.ports import LogReader
from crivo.flows.replay import BATCH, ReplayPass
from crivo.flows.replay_wanted import Wanted

Progress = Callable[[int, int], None]
#: A transfer by the two words of its event id.
Place = tuple[int, int]


@dataclass(slots=True)
class FeatureCost:
    """What waiting for nothing cost one feature, over the vectors held against their ideal.

    `differing` counts other values, of which `nulls` are null on one side alone; `absolute` is the
    sum of the distances of the rest, `largest` the greatest of them, in the feature's unit.
    """

    differing: int = 0
    nulls: int = 0
    absolute: float = 0.0
    largest: float = 0.0

    def note(self, served: float, ideal: float) -> None:
        """Counts a pair, unless the values are the same to the last bit."""
        if served == ideal or (math.isnan(served) and math.isnan(ideal)):
            return
        self.differing += 1
        if math.isnan(served) or math.isnan(ideal):
            self.nulls += 1
        else:
            self.absolute += abs(served - ideal)
            self.largest = max(self.largest, abs(served - ideal))


@dataclass(slots=True)
class VerifyResult:
    """What was found: sampled = compared + unscored, and decisions of other programs apart.

    `by_hash` counts those compared by their hash alone, since no vector was kept; `mismatches` are
    of parity, by feature where the vector was kept. `late` transfers have no ideal: they are never
    inserted where they belong. `out_of_reach` counts events that came too late to be placed.
    """

    folded: int = 0
    sampled: int = 0
    compared: int = 0
    by_hash: int = 0
    unscored: int = 0
    differing: int = 0
    late: int = 0
    idealised: int = 0
    stale: int = 0
    out_of_reach: int = 0
    other_versions: Counter[str] = field(default_factory=Counter)
    mismatches: Counter[str] = field(default_factory=Counter)
    costs: dict[str, FeatureCost] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether every vector that was compared came out the same."""
        return self.differing == 0


#: EndToEndIds of differing vectors that are kept to be shown.
SHOWN_MAX: Final = 20


def verify(
    log: LogReader, bundles_folder: Path, *, one_in: int, progress: Progress
) -> VerifyResult:
    """What comes of recomputing the vectors of one payer in `one_in`, chosen by the payer's id.

    Raises:
        Misconfigured: FILE_UNREADABLE or ARTIFACT_INVALID where a bundle is missing or damaged.
    """
    return _Verify(log, bundles_folder, one_in).verify(progress)


class _Verify(ReplayPass):
    """A replay that looks at vectors alone, and keeps a second state in the order of happening."""

    def __init__(self, log: LogReader, bundles_folder: Path, one_in: int) -> None:
        super().__init__(log, bundles_folder, None, None, None)
        self._one_in = one_in
        self._found = VerifyResult()
        self._ideals: dict[str, _Ideal] = {}
        self._served: dict[str, dict[Place, Vector]] = {}

    def verify(self, progress: Progress) -> VerifyResult:
        result = self.run(progress)
        for ideal in self._ideals.values():
            ideal.flush()
        self._found.folded = result.folded
        self._found.other_versions = result.other_versions
        # A cut that no writer can have had: the vector cannot be recomputed.
        self._found.differing += result.differing
        self._found.first += [each.end_to_end_id for each in result.differences]
        return self._found

    def wanted(self, stored: StoredEvent) -> Wanted | None:
        """The decision of an event, if its payer is in the sample."""
        key = np.frombuffer(stored.event.key, dtype="<u8")
        if int(deal([key[:1], key[1:]], self._one_in)[0]) != 0:
            return None
        found = super().wanted(stored)
        # A revision keeps no vector.
        return None if found is None or found.revision is not None else found

    def batch(self, events: Sequence[StoredEvent]) -> None:
        """Replays the events, then gives them to the states that wait for what comes late."""
        self._served = {}
        super().batch(events)
        rows = fold_rows(events)
        for plan, engine in self.engines.items():
            if plan not in self._ideals:
                self._ideals[plan] = _Ideal(engine.plan, self._found)
                self._catch_up(self._ideals[plan], before=events[0].seq)
            self._ideals[plan].push(rows, self._served.get(plan, {}))

    def compare(self, each: Wanted, scored: Scored) -> None:
        """Parity of one decision; its kept vector waits for its ideal."""
        found, record = self._found, each.record
        found.sampled += 1
        if is_return(each.transfer) or is_unscored(record.given.degraded):
            found.unscored += 1
            return
        found.compared += 1
        said = decode_derived(record.derived).vector_hash
        same = said == hashlib.sha256(scored.kept).digest()
        if record.kept:
            served = np.frombuffer(record.kept, dtype="<f8")
            same = same and record.kept == scored.kept
            plan = each.bundle.plan
            if not same:
                found.mismatches.update(_differing(plan, record.kept, scored.kept))
            if scored.flags & LATE:
                found.late += 1
            elif (record.in_place or each.at is not None) and len(served) == len(plan.names):
                # The settlement phase's vector has no row of its own among the events.
                place = words(transfer_event_id(record.end_to_end_id))
                self._served.setdefault(plan.plan_hash, {})[place] = served
        else:
            found.by_hash += 1
        if not same:
            found.differing += 1
            if len(found.first) < SHOWN_MAX:
                found.first.append(record.end_to_end_id)

    def _catch_up(self, ideal: _Ideal, *, before: int) -> None:
        at = 0
        while at < before:
            events = self.log.read(start=at, limit=min(BATCH, before - at))
            ideal.push(fold_rows(events), {})
            at = events[-1].seq + 1


class _Ideal:
    """State in the order in which things happened, as far as lateness lets them be placed.

    Events wait until nothing can come any more that happened before them: an event that is not late
    is received within the allowed lateness. So memory holds an hour of the log, and not all of it.
    """

    def __init__(self, plan: Plan, found: VerifyResult) -> None:
        self._plan = plan
        self._engine = Engine(plan)
        self._found = found
        self._waiting = np.empty(0, dtype=EVENT_ROW)
        self._served: dict[Place, Vector] = {}
        self._order_time = self._reached = 0

    def push(self, rows: npt.NDArray[Any], served: Mapping[Place, Vector]) -> None:
        """Takes the next events of the log, and the vectors that were served for some of them."""
        self._served.update(served)
        if not len(rows):
            return
        self._order_time = max(self._order_time, int(rows["received_at"].max()))
        self._waiting = np.concatenate([self._waiting, rows])
        self._advance(self._order_time - ALLOWED_LATENESS)

    def flush(self) -> None:
        """The log has ended: what waits is placed."""
        self._advance(np.iinfo(np.int64).max)

    def _advance(self, horizon: int) -> None:
        due = self._waiting["occurred_at"] < horizon
        rows, self._waiting = self._waiting[due], self._waiting[~due]
        late = rows["received_at"] - rows["occurred_at"] > ALLOWED_LATENESS
        missed = (rows["occurred_at"] < self._reached) & ~(late & (rows["kind"] == 0))
        self._found.out_of_reach += int(missed.sum())
        rows = rows[np.argsort(rows["occurred_at"], kind="stable")]
        wanted = self._asked(rows)
        vectors, _flags = self._engine.vectors(rows, wanted)
        for row, ideal in zip(rows[wanted], vectors, strict=True):
            self._note(self._served.pop(_place(row)), ideal)
        self._reached = max(self._reached, min(horizon, self._order_time))

    def _asked(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """bool[n]: the transfers whose served vectors are here."""
        firsts = np.array([first for first, _ in self._served], dtype=np.uint64)
        asked: npt.NDArray[np.bool_] = (rows["kind"] == RowKind.TRANSFER) & np.isin(
            rows["event_0"], firsts
        )
        for at in np.flatnonzero(asked):
            asked[at] = _place(rows[at]) in self._served
        return asked

    def _note(self, served: Vector, ideal: Vector) -> None:
        self._found.idealised += 1
        same = (served == ideal) | (np.isnan(served) & np.isnan(ideal))
        self._found.stale += int(not same.all())
        for column in np.flatnonzero(~same):
            cost = self._found.costs.setdefault(self._plan.names[column], FeatureCost())
            cost.note(float(served[column]), float(ideal[column]))


def _place(row: Any) -> Place:
    return int(row["event_0"]), int(row["event_1"])


def _differing(plan: Plan, kept: bytes, again: bytes) -> list[str]:
    """The features whose bytes differ; all of them where the vector has another width."""
    if len(kept) != len(again):
        return list(plan.names)
    one, two = np.frombuffer(kept, dtype="<u8"), np.frombuffer(again, dtype="<u8")
    return [plan.names[column] for column in np.flatnonzero(one != two)]
