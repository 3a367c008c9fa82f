"""A replica: what is known at a cut of the log; a start rebuilds it, a snapshot holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from crivo.decision import record
from crivo.decision.record import decode_derived, decode_record
from crivo.domain.cut import is_followed
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.features.plan import Plan
from crivo.flows.account_sums import AccountSums
from crivo.flows.answers import Answer, Decided, Memory
from crivo.flows.codec import transfer_id
from crivo.flows.fold import fold_rows
from crivo.flows.holds import OpenHolds
from crivo.flows.listing import ListState
from crivo.flows.newest import newest_receipt
from crivo.flows.open_reviews import OpenReviews
from crivo.flows.ports import LogReader, Manifest, Snapshot, Snapshots

#: Events read and folded at a time.
BATCH: Final = 8_192

#: A state below this is not looked through for what idle keys hold, unless a setting says another:
#: a quarter of a gibibyte.
RELEASE_FROM_BYTES: Final = 1 << 28

#: Places of the index that are looked at between two requests: at most 128 keys.
RELEASE_PLACES: Final = 256

#: Streams of transfers that no service may decide: imported ones, and those that workers answer.
DECIDED_ELSEWHERE: Final = frozenset({Stream.HISTORY, Stream.TRANSFERS})

#: Told (events folded, end of the log).
Progress = Callable[[int, int], None]


class _Part(Protocol):
    """A part of a replica: what it knows is arrays in a snapshot."""

    def arrays(self) -> Mapping[str, NDArray[Any]]: ...

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...


class Replica:
    """What has folded the events below `folded`, and nothing else: engine, memory, holds,
    reviews, lists, sums.
    """

    def __init__(self, plan: Plan, *, release_from_bytes: int = RELEASE_FROM_BYTES) -> None:
        self.engine = Engine(plan)
        self._release_from = self._release_at = release_from_bytes
        self._given_back = 0
        self.memory = Memory()
        self.holds = OpenHolds()
        self.reviews = OpenReviews()
        self.lists = ListState()
        self.sums = AccountSums()
        self.folded = 0
        self.order_time = 0

    def catch_up(
        self,
        log: LogReader,
        progress: Progress,
        *,
        until: int | None = None,
        releases: bool = False,
    ) -> int:
        """Folds the log up to its end as it is now, or up to a number on the way there.

        With `releases`, state gives back what idle keys hold whenever it has doubled; how many
        bytes.
        """
        # Asked before the end: what lies too far before the newest receipt is in no sum any more.
        self.sums.begin_at(newest_receipt(log))
        end, released = log.end() if until is None else until, 0
        # The engine folds a batch while this thread takes note of it and reads the next one.
        with ThreadPoolExecutor(max_workers=1) as beside:
            folding: Future[None] | None = None
            while self.folded < end:
                events = log.read(start=self.folded, limit=min(BATCH, end - self.folded))
                rows = fold_rows(events)
                released += self._wait_for(folding, releases=releases)
                folding = beside.submit(self.engine.fold, rows)
                self.note(events)
                progress(self.folded, end)
            return released + self._wait_for(folding, releases=releases)

    def _wait_for(self, folding: Future[None] | None, *, releases: bool) -> int:
        """Waits for a batch that is being folded; how many bytes state gave back behind it."""
        if folding is None:
            return 0
        folding.result()
        is_due = releases and self.engine.counts.state_bytes >= self._release_at
        return self.release() if is_due else 0

    @property
    def is_large(self) -> bool:
        """Whether what idle keys hold is worth to be looked for; any thread may ask."""
        return self.engine.counts.state_bytes >= self._release_from

    def release(self) -> int:
        """Gives back what idle keys hold, if state is worth it; how many bytes.

        Transfers that were received long before those folded last can be read no more.
        """
        if not self.is_large:
            return 0
        released = self.engine.release()
        self.grows_from_here()
        return released

    def release_some(self) -> int | None:
        """A step of the same while transfers are answered, each day of receipts anew; how many
        bytes all steps gave back, after the last of them.
        """
        before = self.engine.counts.state_bytes
        is_over = self.engine.release_some(RELEASE_PLACES)
        self._given_back += before - self.engine.counts.state_bytes
        if not is_over:
            return None
        given_back, self._given_back = self._given_back, 0
        return given_back

    def grows_from_here(self) -> None:
        """Counts from now when state has doubled."""
        self._release_at = max(self._release_from, 2 * self.engine.counts.state_bytes)

    def note(self, events: Sequence[StoredEvent]) -> None:
        """Takes note of the next events of the log, which its engine has folded already."""
        for stored in events:
            self.lists.fold(stored.event)
            self.sums.fold(stored.event)
        self.note_rest(events)

    def note_rest(self, events: Sequence[StoredEvent]) -> None:
        """As `note`, of events that its lists and sums have folded too."""
        for stored in events:
            event = stored.event
            self.holds.fold(event)
            self.reviews.fold(event)
            if event.schema == record.SCHEMA:
                self._remember(stored)
            elif event.stream in DECIDED_ELSEWHERE:
                self.memory.note_history(transfer_id(event.payload))
        self.order_time = max(self.order_time, *(each.event.received_at for each in events))
        self.folded = events[-1].seq + 1

    def note_followed(self, events: Sequence[Event]) -> None:
        """Takes note of the next events of the log, which its engine has folded, and of which none
        is a decision.
        """
        for event in events:
            for part in (self.holds, self.reviews, self.lists, self.sums):
                part.fold(event)
            if event.stream in DECIDED_ELSEWHERE:
                self.memory.note_history(transfer_id(event.payload))
        self.folded += len(events)

    def _remember(self, stored: StoredEvent) -> None:
        decided, event = decode_record(stored.event.payload), stored.event
        id_ = decided.end_to_end_id
        if decided.phase == record.INITIATION:
            self.memory.remember(id_, stored.seq, received_at=event.received_at)
        else:
            self.memory.note_settlement(id_, received_at=event.received_at)
        derived = decode_derived(decided.derived)
        if derived.hold is not None and not is_followed(event):
            degraded, reasons = decided.given.degraded, derived.reasons
            self.holds.begin(id_, decided.phase, event.key, derived.hold, degraded, reasons)

    def keep(self, decided: Decided, *, durable: int) -> None:
        """Remembers a decision that was just made: its answer whole, and its hold."""
        self.memory.keep(decided, durable=durable)
        answer, payer_id = decided.answer, decided.transfer.payer_id
        self.hold(answer, payer_id)

    def hold(self, answer: Answer, payer_id: bytes) -> None:
        """Takes note of the hold that an answer asks for, if it does."""
        if answer.hold is not None:
            id_, degraded, reasons = answer.end_to_end_id, answer.degraded, answer.reasons
            self.holds.begin(id_, answer.phase, payer_id, answer.hold, degraded, reasons)

    def snapshot(self, log_id: str) -> Snapshot:
        """This replica at rest. Its arrays are this replica's own: keep it before folding on."""
        arrays = {name: array for part in self._parts for name, array in part.arrays().items()}
        return Snapshot(self.engine.plan.plan_hash, log_id, self.folded, self.order_time, arrays)

    def restore(self, snapshot: Snapshot) -> None:
        """Knows what a snapshot holds; nothing was folded before.

        Raises:
            Misconfigured: PLAN_MISMATCH for another plan's, SNAPSHOT_INVALID for arrays that are
                none.
            Unavailable: OVERLOADED for a state beyond the memory's ceiling.
        """
        self.engine.check_plan(snapshot.plan_hash)
        for part in self._parts:
            part.restore(snapshot.arrays)
        self.grows_from_here()
        self.folded, self.order_time = snapshot.cut, snapshot.order_time

    @property
    def _parts(self) -> tuple[_Part, ...]:
        return self.engine, self.memory, self.holds, self.reviews, self.lists, self.sums


def restored(
    plan: Plan, snapshot: Snapshot, *, release_from_bytes: int = RELEASE_FROM_BYTES
) -> Replica:
    """The replica that a snapshot holds.

    Raises:
        Misconfigured, Unavailable: as `Replica.restore`.
    """
    replica = Replica(plan, release_from_bytes=release_from_bytes)
    replica.restore(snapshot)
    return replica


class Extent(Protocol):
    """Which log a replica is of, and how far that goes."""

    @property
    def manifest(self) -> Manifest:
        """The log's identity."""
        ...

    def end(self) -> int:
        """The sequence number that follows its newest event."""
        ...


def newest_replica(
    plan: Plan,
    snapshots: Snapshots,
    log: Extent,
    *,
    unfit: Callable[[CrivoError], None],
    until: int | None = None,
    release_from_bytes: int = RELEASE_FROM_BYTES,
) -> Replica:
    """The replica of the newest snapshot that fits plan and log, else an empty one.

    With `until` it has folded no event from that number on. `unfit` hears of each that does not
    fit, and of the other plans that there are snapshots of: state is a function of the log, so a
    start can do without any of them.
    """
    for other, cut in snapshots.others(plan.plan_hash):
        unfit(_of_another_plan(plan, other, cut))
    for cut in snapshots.cuts(plan.plan_hash):
        if until is not None and cut > until:
            continue
        replica = Replica(plan, release_from_bytes=release_from_bytes)
        try:
            snapshot = snapshots.load(plan.plan_hash, cut, replica.engine.room)
            _check_log(snapshot, log)
            replica.restore(snapshot)
        except Misconfigured as error:
            unfit(error)
        else:
            return replica
    return Replica(plan, release_from_bytes=release_from_bytes)


def _of_another_plan(plan: Plan, other: str, cut: int) -> Misconfigured:
    return Misconfigured(
        Code.PLAN_MISMATCH,
        f"the snapshots of plan {other}, up to cut {cut}, are not used: their features or kernel "
        f"are not those of {plan.plan_hash}, which is served",
        hint="State comes from this plan's snapshots or from the log. The newest of each of the "
        "last two other plans stays, so that going back to one is quick.",
        field="plan_hash",
        expected=plan.plan_hash,
        found=other,
    )


def _check_log(snapshot: Snapshot, log: Extent) -> None:
    """A snapshot of another log, or of more than this one holds, is none of its state."""
    if snapshot.log_id != log.manifest.log_id or snapshot.cut > log.end():
        raise Misconfigured(
            Code.SNAPSHOT_INVALID,
            "the snapshot is of another log, or the log was cut short",
            hint="State is rebuilt from the log. Delete the snapshot if the log is right.",
            field="log_id, cut",
            expected=f"{log.manifest.log_id}, at most {log.end()}",
            found=f"{snapshot.log_id}, {snapshot.cut}",
        )
