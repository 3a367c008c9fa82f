"""The feature store: bronze folded into feature tables, and the state that goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crivo.domain.errors import Code, CrivoError, Unavailable
from crivo.domain.instant import LATEST
from crivo.features.plan import Plan
from crivo.features.row import RowKind
from crivo.flows.batch_features import batch_cards
from crivo.flows.feature_tables import CARDS, card_rows, vector_rows, vectors_table
from crivo.flows.fold import fold_events
from crivo.flows.lake import Lake, LakeTable
from crivo.flows.lake_log import LakeLog
from crivo.flows.ports import Snapshots
from crivo.flows.refine import TRIES_MAX, Progress
from crivo.flows.replica import Replica, newest_replica

#: Events of one commit.
COMMIT_EVENTS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Extended:
    """What was appended to a feature table, and how far it goes now (exclusive)."""

    table: str
    rows: int
    cut: int


class FeatureStore:
    """The feature tables of a plan.

    Args:
        lake: Where the tables are.
        plan: Which features.
        snapshots: Where state is kept: a service that starts goes on from it.
        unfit: Hears of snapshots that are of no use here.
    """

    def __init__(
        self,
        lake: Lake,
        plan: Plan,
        snapshots: Snapshots,
        *,
        unfit: Callable[[CrivoError], None],
    ) -> None:
        self._lake = lake
        self._plan = plan
        self._snapshots = snapshots
        self._unfit = unfit
        self.table = vectors_table(plan)

    def extend(self, log: LakeLog, *, progress: Progress) -> Extended:
        """Appends the vectors of the transfers that bronze has and the table not yet, each as it
        was known at its place in the log, and keeps the state behind the last of them.

        Raises:
            Refused: FIELD_TYPE for an event that this release cannot read. Unavailable: LAKE_BUSY,
                LAKE_UNAVAILABLE, OVERLOADED. Misconfigured: LOG_MISMATCH, KEY_MISSING.
        """
        self._note_cards()
        appended = 0
        for _ in range(TRIES_MAX):
            table = self._lake.open(self.table)
            replica = None
            if (start := table.position(self.application(log)) or 0) < log.end():
                replica = self._state_at(start, log)
                replica, rows = self._append(table, replica, log, progress)
                appended += rows
                if replica.folded < log.end():
                    continue
            self._keep(replica, log)
            return Extended(self.table.name, appended, max(start, log.end()))
        raise Unavailable(
            Code.LAKE_BUSY,
            f"other writers of {self.table.name} were first {TRIES_MAX} times",
            hint="Extend it again when they are done; nothing is lost or doubled.",
            field="table",
            found=self.table.name,
        )

    def application(self, log: LakeLog) -> str:
        """The name under which the table keeps how far the log was folded into it."""
        return f"crivo/{log.manifest.log_id}/vectors"

    def _state_at(self, start: int, log: LakeLog) -> Replica:
        """The state of the events below a number: a snapshot's, and what bronze has since."""
        unfit = self._unfit
        replica = newest_replica(self._plan, self._snapshots, log, unfit=unfit, until=start)
        replica.catch_up(log, lambda _done, _total: None, until=start)
        return replica

    def _from_the_log(self, start: int, log: LakeLog) -> Replica:
        replica = Replica(self._plan)
        replica.catch_up(log, lambda _done, _total: None, until=start)
        return replica

    def _keep(self, replica: Replica | None, log: LakeLog) -> None:
        """Keeps the state at the log's end, if it is not kept: what a service starts from.

        What workers rejected is in their state and not in this one, so that of a log that they
        answer none is kept.
        """
        if log.is_answered or log.end() in self._snapshots.cuts(self._plan.plan_hash):
            return
        replica = replica or self._state_at(log.end(), log)
        self._snapshots.keep(replica.snapshot(log.manifest.log_id))

    def _append(
        self, table: LakeTable, replica: Replica, log: LakeLog, progress: Progress
    ) -> tuple[Replica, int]:  # fmt: skip
        """Appends up to the log's end, or until another writer was first; how many rows, and the
        state behind them.
        """
        appended = 0
        while replica.folded < log.end():
            limit = min(COMMIT_EVENTS, log.end() - replica.folded)
            events = log.read(start=replica.folded, limit=limit)
            rows, seq = fold_events(events)
            wanted = rows["kind"] == RowKind.TRANSFER
            received = rows["received_at"][wanted]
            if received.min(initial=LATEST) < replica.engine.received_from:
                # A service's snapshot has released what these must read: the log has it all.
                replica = self._from_the_log(replica.folded, log)
            vectors, flags = replica.engine.vectors(rows, wanted)
            made = vector_rows(self._plan, rows[wanted], seq[wanted], vectors, flags)
            if not table.append(made, {self.application(log): replica.folded + len(events)}):
                return replica, appended
            replica.note(events)
            appended += made.num_rows
            progress(replica.folded, log.end())
            table = self._lake.open(self.table)
        return replica, appended

    def _note_cards(self) -> None:
        """Writes the cards of the plan's features, once, and those of the batch features."""
        features = [(each.name, each.hash, each.card) for each in self._plan.feature_set.features]
        for table, cards in ((self.table, features), batch_cards()):
            handle = self._lake.open(CARDS)
            name = f"crivo/cards/{table.name}"
            if handle.position(name) is None:
                # Where another writer is first, they are there.
                handle.append(card_rows(table, cards), {name: 1})
