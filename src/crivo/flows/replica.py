"""A replica: state and memory at a cut of the log; a start rebuilds it, a snapshot holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from crivo.decision.record import SCHEMA, decode_record
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.features.plan import Plan
from crivo.flows.answers import Memory
from crivo.flows.fold import fold_rows
from crivo.flows.ports import LogReader, Snapshot, Snapshots

#: Events read and folded at a time.
BATCH: Final = 8_192

#: Told (events folded, end of the log).
Progress = Callable[[int, int], None]


class Replica:
    """An engine and a memory that have folded the events below `folded`, and nothing else."""

    def __init__(self, plan: Plan) -> None:
        self.engine = Engine(plan)
        self.memory = Memory()
        self.folded = 0
        self.order_time = 0

    def catch_up(self, log: LogReader, progress: Progress) -> None:
        """Folds the log up to its end as it is now."""
        end = log.end()
        while self.folded < end:
            events = log.read(start=self.folded, limit=min(BATCH, end - self.folded))
            self._fold(events)
            progress(self.folded, end)

    def _fold(self, events: Sequence[StoredEvent]) -> None:
        self.engine.fold(fold_rows(events))
        for stored in events:
            event = stored.event
            if event.schema == SCHEMA:
                end_to_end_id = decode_record(event.payload).end_to_end_id
                self.memory.remember(end_to_end_id, stored.seq, received_at=event.received_at)
            elif event.stream is Stream.HISTORY:
                self.memory.note_history(event.received_at)
        self.order_time = max(self.order_time, *(each.event.received_at for each in events))
        self.folded = events[-1].seq + 1

    def snapshot(self, log_id: str) -> Snapshot:
        """This replica at rest. Its arrays are this replica's own: keep it before folding on."""
        arrays = {**self.engine.arrays(), **self.memory.arrays()}
        return Snapshot(self.engine.plan.plan_hash, log_id, self.folded, self.order_time, arrays)


def restored(plan: Plan, snapshot: Snapshot) -> Replica:
    """The replica that a snapshot holds.

    Raises:
        Misconfigured: PLAN_MISMATCH for another plan's, SNAPSHOT_INVALID for arrays that are none.
    """
    replica = Replica(plan)
    replica.engine.check_plan(snapshot.plan_hash)
    replica.engine.restore(snapshot.arrays)
    replica.memory.restore(snapshot.arrays)
    replica.folded, replica.order_time = snapshot.cut, snapshot.order_time
    return replica


def newest_replica(
    plan: Plan, snapshots: Snapshots, log: LogReader, *, unfit: Callable[[CrivoError], None]
) -> Replica:
    """The replica of the newest snapshot that fits plan and log, else an empty one.

    `unfit` hears of each that does not fit: state is a function of the log, so a start can do
    without any of them.
    """
    for cut in snapshots.cuts(plan.plan_hash):
        try:
            snapshot = snapshots.load(plan.plan_hash, cut)
            _check_log(snapshot, log)
            return restored(plan, snapshot)
        except Misconfigured as error:
            unfit(error)
    return Replica(plan)


def _check_log(snapshot: Snapshot, log: LogReader) -> None:
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
