"""Replaying: every decision derived again from log and bundle, and compared byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision import revision
from crivo.decision.decide import Scored, derive, is_return, policy_modes
from crivo.decision.degraded import CAUSES, is_unscored
from crivo.decision.lists import ListHit
from crivo.decision.procedure import InForce
from crivo.decision.record import (
    SCHEMA,
    Derived,
    Record,
    decode_derived,
    encode_derived,
    transfer_of,
)
from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.features.engine import Engine, vector_bytes
from crivo.flows.bundle import PROGRAM_VERSION, Bundle, load_bundle
from crivo.flows.event_of import value_of
from crivo.flows.fold import fold_events, fold_rows
from crivo.flows.listing import ListState
from crivo.flows.ports import LogReader
from crivo.flows.replay_wanted import (
    Answers,
    SumsBeside,
    Wanted,
    first_decision,
    record_of,
    revised,
    revision_differs,
    unfaithful,
)

#: Events read, folded and compared at a time.
BATCH: Final = 8_192
#: Differences that are kept to be shown; all are counted.
SHOWN_MAX: Final = 20

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """One decision that came out otherwise: `where` names the parts, stored and derived again."""

    end_to_end_id: str
    seq: int
    where: tuple[str, ...]
    stored: Derived | None
    again: Derived | None


@dataclass(slots=True)
class ReplayResult:
    """What a replay found; `folded` counts the events read, `revisions` those of holds.

    `other_versions` counts decisions by the version of the program that made them, where that is
    not this one: they are not compared. `bundle.RELEASES` says which release replays them.
    `other_logs` counts those that services of other logs made, which this one followed: their own
    logs hold what they had seen, and are replayed by themselves.
    """

    folded: int = 0
    compared: int = 0
    revisions: int = 0
    differing: int = 0
    other_versions: Counter[str] = field(default_factory=Counter)
    other_logs: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether every decision that was compared came out the same."""
        return self.differing == 0

    @property
    def other_version(self) -> int:
        """How many decisions were not compared."""
        return self.other_versions.total()

    def differ(self, difference: Difference) -> None:
        """Counts a difference, and keeps it if it is one of the first."""
        self.differing += 1
        if len(self.differences) < SHOWN_MAX:
            self.differences.append(difference)


def replay(
    log: LogReader,
    bundles_folder: Path,
    *,
    progress: Callable[[int, int], None],
    ids: frozenset[str] | None = None,
    received_from: int | None = None,
    received_to: int | None = None,
) -> ReplayResult:
    """What comes of deriving the log's decisions again, from the log and their bundles alone.

    `ids` limits the comparison to these EndToEndIds, `received_from` (inclusive) and `received_to`
    (exclusive) to an interval of receipts; the fold always starts at the log's first event.
    `progress` is told (events read, end of the log).

    Raises:
        Refused: NOT_FOUND where one of `ids` has no decision in the log.
        Misconfigured: FILE_UNREADABLE or ARTIFACT_INVALID where a bundle is missing or damaged.
    """
    return ReplayPass(log, bundles_folder, ids, received_from, received_to).run(progress)


class ReplayPass:
    """One pass over the log, with an engine for each plan that decided.

    Whoever wants other comparisons overrides `wanted` (which decisions), `compare` (with what came
    of one) and `batch` (what else is done with the events).
    """

    def __init__(
        self,
        log: LogReader,
        bundles_folder: Path,
        ids: frozenset[str] | None,
        received_from: int | None,
        received_to: int | None,
    ) -> None:
        self.log = log
        self._folder, self._ids = bundles_folder, ids
        self._from, self._to = received_from, received_to
        self._bundles: dict[str, Bundle] = {}
        self.engines: dict[str, Engine] = {}
        self.result = ReplayResult()
        self._sought = set(ids or ())
        self._followed: set[str] = set()  # other logs, as cuts name them
        self._lists, self._sums, self._answers = ListState(), SumsBeside(), Answers()
        #: Who stood on a list for each decision of a batch, and what its payer had attempted, by
        #: its place.
        self._beside: dict[int, tuple[tuple[ListHit, ...], Sums | None]] = {}

    def run(self, progress: Callable[[int, int], None]) -> ReplayResult:
        """What came of the whole log up to its end as it is now."""
        end = self.log.end()
        self._start_engines()
        at = 0
        while at < end:
            events = self.log.read(start=at, limit=min(BATCH, end - at))
            # What a worker answered stands right behind it: they are looked at together.
            if len(events) > 1 and events[-1].event.stream is Stream.TRANSFERS:
                del events[-1]
            self.batch(events)
            at = events[-1].seq + 1
            self.result.folded += len(events)
            progress(at, end)
        if self._sought:
            unknown = sorted(self._sought)
            raise Refused(
                Code.NOT_FOUND,
                f"the log holds no decision on {', '.join(unknown[:SHOWN_MAX])}",
                hint="Ids are case-sensitive; an imported transfer was never decided.",
                field="end_to_end_id",
                expected="ids of transfers that were decided",
                found=unknown[0],
            )
        return self.result

    def _start_engines(self) -> None:
        """An engine for the plan of the first decision, so that history is folded as it is read."""
        first = first_decision(self.log)
        if first is not None:
            # No decision asks for the sums of a day that lies far before the first one's.
            self._sums.begin_at(first.event.received_at)
            record = record_of(first)
            if record.given.versions.kernel == PROGRAM_VERSION:
                self._engine(self._bundle(record, record.given.versions.bundle), before=0)

    def batch(self, events: Sequence[StoredEvent]) -> None:
        """Compares and folds the next events of the log."""
        wanted = [found for stored in events if (found := self.wanted(stored)) is not None]
        wanted, lost = self._answers.placed(events, wanted)
        for each in lost:
            self._differ(each, ("as_of",), None)
        for each in wanted:
            self._engine(each.bundle, before=events[0].seq)
        self._fold_beside(events, wanted)
        first, last, prompt, apart = events[0].seq, events[-1].seq, [], []
        for each in wanted:
            if each.is_attempt:
                prompt.append(each)
            elif first <= each.cut <= each.stored.seq:
                apart.append(each)
            else:
                # One writer decides at the event before its own, or inside its own submission.
                self._differ(each, ("as_of",), None)
        cuts = {each.cut for each in apart} - {first}
        start = first
        for cut in [*sorted(cuts), last + 1]:
            self._apart(apart, at=start)
            self._fold_part(events[start - first : cut - first], prompt)
            start = cut

    def _fold_beside(self, events: Sequence[StoredEvent], wanted: Sequence[Wanted]) -> None:
        """Folds lists and sums, and asks them for each decision at the place that it had seen."""
        seen: dict[int, list[Wanted]] = {}
        for each in wanted:
            seen.setdefault(each.cut, []).append(each)
        self._beside = {}
        for stored in events:
            for each in seen.get(stored.seq, ()):
                listed = self._lists.of(each.transfer, each.received_at)
                self._beside[each.stored.seq] = listed, self._sums.of(each)
            self._lists.fold(stored.event)
            self._sums.fold(stored)

    def _apart(self, wanted: Sequence[Wanted], *, at: int) -> None:
        """Compares the decisions that had seen less than all before them, when state is there."""
        for each in wanted:
            if each.cut == at:
                engine = self.engines[each.bundle.versions.plan]
                vector, flags = engine.read_row(each.row)
                margins, scores = each.bundle.scorer.score(
                    vector.reshape(1, -1), plan_hash=engine.plan_hash
                )
                kept = vector_bytes(vector)
                scored = Scored(vector, kept, flags, int(margins[0]), int(scores[0]))
                self.compare(each, scored)

    def _fold_part(self, events: Sequence[StoredEvent], wanted: Sequence[Wanted]) -> None:
        """Folds these events into every engine, reading the wanted decisions on the way."""
        rows, places = fold_events(events)
        first, last = events[0].seq, events[-1].seq
        here = [each for each in wanted if first <= each.place <= last]
        for plan, engine in self.engines.items():
            mine = [each for each in here if each.bundle.versions.plan == plan]
            mask = np.isin(places, [each.place for each in mine])
            vectors, flags = engine.vectors(rows, mask)
            self._compare_all(mine, vectors, flags.tolist())

    def _compare_all(
        self, wanted: Sequence[Wanted], vectors: Vectors, flags: Sequence[int]
    ) -> None:
        kept, width = vector_bytes(vectors), vectors.itemsize * vectors.shape[1]
        for bundle in {each.bundle.versions.bundle: each.bundle for each in wanted}.values():
            own = [at for at, each in enumerate(wanted) if each.bundle is bundle]
            made_by = self.engines[bundle.versions.plan].plan_hash
            margins, scores = bundle.scorer.score(vectors[own], plan_hash=made_by)
            for at, margin, score in zip(own, margins.tolist(), scores.tolist(), strict=True):
                own_kept = kept[at * width : (at + 1) * width]
                scored = Scored(vectors[at], own_kept, flags[at], margin, score)
                self.compare(wanted[at], scored)

    def compare(self, each: Wanted, scored: Scored) -> None:
        """Judges one decision by the vector that it must have had, and the score of that."""
        if each.revision is not None:
            self._compare_revision(each, each.revision, scored)
            return
        given, transfer = each.record.given, each.transfer
        in_force = each.bundle.procedure.at(transfer.occurred_at)
        causes = tuple(name for name in given.degraded if name in CAUSES)
        is_blind = is_return(transfer) or is_unscored((*causes, *in_force.degraded.killed))
        degraded = causes
        if not is_return(transfer):
            degraded += policy_modes(transfer, in_force, None if is_blind else scored.vector)
        again = self._derive(each, None if is_blind else scored, in_force, degraded)
        listed, sums = self._beside[each.stored.seq]
        kept = b"" if is_blind else scored.kept
        where = [] if encode_derived(again) == each.record.derived else ["derived"]
        where += [] if kept == each.record.kept else ["kept"]
        where += [] if degraded == given.degraded else ["degraded"]
        where += [] if tuple(hit.text for hit in listed) == given.lists else ["lists"]
        where += [] if sums == given.sums else ["sums"]
        where += unfaithful(each, self.log.manifest.log_id)
        self.result.compared += 1
        if where:
            self._differ(each, tuple(where), again)

    def _compare_revision(
        self, each: Wanted, revised: revision.DecisionRevised, scored: Scored
    ) -> None:
        """Judges a revision: it was made whole, so what it lacked is the policy's alone."""
        transfer, in_force = each.transfer, each.bundle.procedure.at(each.transfer.occurred_at)
        found = None if is_unscored(in_force.degraded.killed) else scored
        degraded = policy_modes(transfer, in_force, None if found is None else found.vector)
        again = self._derive(each, found, in_force, degraded)
        self.result.revisions += 1
        if where := revision_differs(revised, again, transfer):
            self._differ(each, tuple(where), again)

    def _derive(
        self, each: Wanted, scored: Scored | None, in_force: InForce, degraded: Sequence[str]
    ) -> Derived:
        listed, sums = self._beside[each.stored.seq]
        return derive(
            each.transfer,
            scored,
            in_force,
            each.bundle.scorer,
            degraded=degraded,
            listed=listed,
            sums=sums,
            phase=each.record.phase,
        )

    def _differ(self, each: Wanted, where: tuple[str, ...], again: Derived | None) -> None:
        try:
            stored = decode_derived(each.record.derived)
        except Refused:
            stored = None
        if again is None:
            self.result.compared += each.revision is None
            self.result.revisions += each.revision is not None
        elif stored is not None and "derived" in where:
            parts = Derived.__struct_fields__
            named = [part for part in parts if getattr(stored, part) != getattr(again, part)]
            where = (*named, *where)
        self.result.differ(
            Difference(each.record.end_to_end_id, each.stored.seq, where, stored, again)
        )

    def wanted(self, stored: StoredEvent) -> Wanted | None:
        """The decision or revision of an event that is to be compared; None for any other event."""
        event, decided, value = stored.event, stored, None
        if event.schema == revision.SCHEMA:
            value, decided = revised(self.log, stored)
        elif event.stream is Stream.CUTS:
            self._followed.add(value_of(event).log_id)
            return None
        elif event.schema != SCHEMA:
            return None
        record = record_of(decided)
        self._sought.discard(record.end_to_end_id)
        if self._from is not None and event.received_at < self._from:
            return None
        if self._to is not None and event.received_at >= self._to:
            return None
        if self._ids is not None and record.end_to_end_id not in self._ids:
            return None
        if record.given.log_id in self._followed:
            self.result.other_logs[record.given.log_id] += value is None
            return None
        if record.given.versions.kernel != PROGRAM_VERSION:
            if value is None:
                self.result.other_versions[record.given.versions.kernel] += 1
            return None
        if value is None:
            bundle: Bundle | None = self._bundle(record, record.given.versions.bundle)
        else:
            bundle = self._revisers(record, value.bundle)
        if bundle is None:
            return None
        received_at = decided.event.received_at
        return Wanted(stored, record, transfer_of(record), bundle, received_at, value)

    def _revisers(self, record: Record, hash_: str) -> Bundle | None:
        """What revised a decision; None where that was another program, which is counted."""
        try:
            return self._bundle(record, hash_)
        except Misconfigured as error:
            if error.code is not Code.PLAN_MISMATCH:
                raise
            self.result.other_versions[str(error.context["found"])] += 1
            return None

    def _bundle(self, record: Record, hash_: str) -> Bundle:
        if hash_ not in self._bundles:
            if not hash_.isalnum():
                raise Misconfigured(
                    Code.FILE_UNREADABLE,
                    "a record names no bundle",
                    hint="The record is damaged.",
                    field="bundle",
                    expected="64 hex characters",
                    found=hash_[:80],
                    end_to_end_id=record.end_to_end_id,
                )
            self._bundles[hash_] = load_bundle(self._folder, hash_)
        return self._bundles[hash_]

    def _engine(self, bundle: Bundle, *, before: int) -> None:
        """Has an engine for the bundle's plan, which has folded every event before that place."""
        plan = bundle.versions.plan
        if plan in self.engines:
            return
        engine = self.engines[plan] = Engine(bundle.plan)
        at = 0
        while at < before:
            events = self.log.read(start=at, limit=min(BATCH, before - at))
            engine.fold(fold_rows(events))
            at = events[-1].seq + 1
