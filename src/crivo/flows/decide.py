"""Deciding transfers: the one-threaded core between a door and the log.

Parse (at the door) → idempotency → features → rules and model → outcome → log → answer. The
caller's thread does everything up to the log's sequencing; the answer leaves when the log has it on
disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.decision.record import INITIATION, SETTLEMENT, Observed, decision_event_id
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import CrivoError, Refused, Unavailable
from crivo.domain.event import Event
from crivo.domain.transfer import Transfer
from crivo.features.engine import Engine, EngineCounts
from crivo.features.row import RowBytes, make_rows, transfer_row
from crivo.flows.answers import Answer, Decided, Memory, answer_of_stored, check_same_facts
from crivo.flows.appending import known_transfer
from crivo.flows.bundle import Bundle
from crivo.flows.holds import OpenHolds
from crivo.flows.judging import Judge, Judged
from crivo.flows.noted import Noted, Seen
from crivo.flows.pending import Pending
from crivo.flows.ports import Done, Log
from crivo.flows.receiving import OF_ITS_TIME, check_model_decides, check_no_history, receive
from crivo.flows.recording import Recorder
from crivo.flows.repeats import check_settlement, repeat, repeat_of
from crivo.flows.replica import Replica
from crivo.model.network import Network


class DecisionService:
    """Decides transfers in the order they come, one at a time.

    **Threads.** All but `counts` belongs to one thread (the door's event loop). The log calls back
    on its own; a `Pending` says on which thread its callbacks run.

    **Order.** A transfer is read against the state of every event sequenced before it, sequenced,
    and folded at once; `as_of` is the sequence number just before its own. This service is the only
    one that submits to its log while it serves.

    **Failure.** When a commit fails, the callers that wait get LOG_UNAVAILABLE. Their records stay
    sequenced and the log retries the same bytes: a repeat gets LOG_UNAVAILABLE until they are
    durable, then the first answer. Nothing is lost and nothing is doubled.

    Args:
        log: The log, as its writer.
        bundle: Features, rules, policy and model that decide.
        clock: The log's clock.
        monotonic_ns: A monotonic clock, the same that `arrived_ns` was read from.
        host: Which machine observed; for people.
        shadow: A network that scores the same vectors beside, with no say.

    Raises:
        Misconfigured: PLAN_MISMATCH where the shadow reads another plan's vectors.
    """

    def __init__(
        self,
        *,
        log: Log,
        bundle: Bundle,
        clock: LogClock,
        monotonic_ns: Callable[[], int],
        host: str,
        shadow: Network | None = None,
    ) -> None:
        assert clock.kind is log.manifest.clock, "the clock is the log's"
        self._judge: Final = Judge(bundle, monotonic_ns=monotonic_ns, host=host, shadow=shadow)
        self.log: Final = log
        self.clock: Final = clock
        #: What became durable here, for the projection of decisions.
        self.noted: Final = Noted()
        self._record: Final = Recorder(self._judge, log.manifest.log_id)
        self._replica = Replica(bundle.plan)
        self._engine: Engine = self._replica.engine
        self._memory: Memory = self._replica.memory
        #: Why state is no longer what the log says: a start from the log mends it.
        self._lost: CrivoError | None = None

    @property
    def bundle(self) -> Bundle:
        """What decides: features, rules, policy and model."""
        return self._judge.bundle

    @property
    def folded(self) -> int:
        """How many events state holds: the sequence number that comes next."""
        return self._replica.folded

    @property
    def holds(self) -> OpenHolds:
        """The holds that are not over, of all that is sequenced."""
        return self._replica.holds

    @property
    def replica(self) -> Replica:
        """What is known of all that is sequenced; any thread may ask for its counters."""
        return self._replica

    @property
    def counts(self) -> EngineCounts:
        """What feature state holds, for metrics; any thread may ask."""
        return self._engine.counts

    def adopt(self, bundle: Bundle) -> None:
        """From the next decision on, this bundle decides: another policy, or other rules.

        What was decided before and waits for the disk keeps the versions that it was made with.

        Raises:
            Misconfigured: PLAN_MISMATCH where its vectors are others; the one in force stays.
        """
        self._engine.check_plan(bundle.versions.plan)
        self._judge.bundle = bundle

    def decide(
        self,
        transfer: Transfer,
        *,
        arrived_ns: int,
        supplied_received_at: int | None = None,
        identity: bytes | None = None,
        caller: str | None = None,
    ) -> Pending[Answer]:
        """The answer to a transfer: there at once for a repeat, else when the log has it on disk.

        `arrived_ns` is when the request arrived, on the monotonic clock: past the deadline, the
        degraded policy answers. A concurrent repeat joins the first. The log seals `identity`, and
        the record keeps whose key or token asked (`caller`).

        Raises:
            Refused: CONFLICT (decided with other facts, in either phase, or imported), ID_TIME,
                PAYEE_IS_PAYER, CLOCK_AHEAD, TIME_RANGE, RECEIPT_TOO_OLD, MODEL_NOT_FOR_TRANSFERS.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED; state is then as before, but for the clock.
            Misconfigured: PLAN_MISMATCH where the engine's vectors are not the model's; as before.
        """
        found = self._asked(transfer, supplied_received_at)
        if isinstance(found, Pending):
            return found
        return self._first(transfer, found, arrived_ns, identity, caller)

    def decide_many(
        self,
        asked: Sequence[tuple[Transfer, int | None]],
        *,
        arrived_ns: int,
        identities: Mapping[int, bytes] = MappingProxyType({}),
        caller: str | None = None,
    ) -> list[Pending[Answer] | CrivoError]:
        """The answer to each transfer (with the receipt it supplies) as if asked one by one.

        What `decide` would raise for one of them stands in its place. Those that are new are one
        submission: each has seen those before it, and all are durable together. `identities` are
        by place in `asked`: the log seals that of a new one, and of no other, as `decide` does.

        Raises:
            Unavailable, Misconfigured: as `decide`, and none of them is decided.
        """
        answers: list[Pending[Answer] | CrivoError | None] = [None] * len(asked)
        new: dict[str, tuple[int, Transfer, int]] = {}
        again: list[tuple[int, int]] = []
        for place, (transfer, supplied) in enumerate(asked):
            before = new.get(transfer.end_to_end_id)
            try:
                if before is not None:
                    check_same_facts(before[1], transfer)
                    again.append((place, before[0]))
                    continue
                found = self._asked(transfer, supplied)
            except CrivoError as error:
                answers[place] = error
                continue
            if isinstance(found, Pending):
                answers[place] = found
            else:
                new[transfer.end_to_end_id] = (place, transfer, found)
        if new:
            ones = [(each, at) for _, each, at in new.values()]
            sealed = [identities.get(place) for place, *_ in new.values()]
            pending = self._first_ones(ones, arrived_ns, sealed, caller)
            for (place, *_), answer in zip(new.values(), pending, strict=True):
                answers[place] = answer
        for place, first in again:
            answers[place] = answers[first]
        return [answer for answer in answers if answer is not None]

    def _asked(self, transfer: Transfer, supplied: int | None) -> Pending[Answer] | int:
        """The answer to a repeat, else when a new transfer was received.

        Raises:
            As `decide`.
        """
        if (found := repeat(self._memory, self.log, transfer)) is not None:
            return found
        self.check_decides()
        if self._memory.is_settled(transfer.end_to_end_id):
            check_settlement(self.log, transfer)
        try:
            received_at = receive(self.clock, transfer, supplied)
        except Refused as refusal:
            # What may not be decided any more may have been decided in its time.
            stored = self.log.find(decision_event_id(transfer.end_to_end_id))
            if refusal.code not in OF_ITS_TIME or stored is None:
                raise
            return repeat_of(self.log, stored, transfer)
        if not self._memory.covers(received_at):
            stored = self.log.find(decision_event_id(transfer.end_to_end_id))
            if stored is not None:
                return repeat_of(self.log, stored, transfer)
            check_settlement(self.log, transfer)
        if self._memory.may_be_history(transfer.end_to_end_id):
            check_no_history(self.log, transfer)
        # Last: a repeat gets its answer, however long ago it was decided.
        self._engine.check_receipt(received_at)
        return received_at

    def lose(self, error: CrivoError) -> None:
        """State is no longer what the log says: nothing is decided until a start."""
        self._lost = error

    def check_decides(self) -> None:
        """Nothing, if transfers can be decided; else Refused or Unavailable that says why not."""
        if self._lost is not None:
            raise self._lost
        check_model_decides(self.bundle)

    def judge_aside(self, asked: tuple[Transfer, int], arrived_ns: int, phase: str) -> Judged:
        """What follows for a transfer, with its receipt: nothing is folded or recorded."""
        row, end = transfer_row(asked[0], received_at=asked[1]), self.log.end()
        judge = self._judge.judge
        return judge(self._replica, asked, row, arrived_ns, durable=end, phase=phase)

    def judge_settlement(
        self,
        transfer: Transfer,
        received_at: int,
        arrived_ns: int,
        identity: bytes | None,
        caller: str | None,
    ) -> tuple[Event, Seen]:
        """A decision that is no attempt, as the next event of the log: for `append`, at once."""
        judged, at = self.judge_aside((transfer, received_at), arrived_ns, SETTLEMENT), self.folded
        event, answer = self._record(
            transfer, received_at, judged, at, identity, caller, SETTLEMENT
        )
        return event, Seen(transfer, answer, judged.observed)

    def find(self, end_to_end_id: str, phase: str = INITIATION) -> Answer | None:
        """The durable answer under an id and phase; None where there is none (yet)."""
        decided = self._memory.recent(end_to_end_id) if phase == INITIATION else None
        if decided is not None:
            return decided.answer if decided.answer.seq < self.log.end() else None
        stored = self.log.find(decision_event_id(end_to_end_id, phase))
        if stored is None or stored.seq >= self.log.end():
            return None
        return answer_of_stored(stored)

    def find_transfer(self, end_to_end_id: str) -> Transfer | None:
        """The facts of a transfer decided here or imported, durable or on its way to the disk."""
        decided = self._memory.recent(end_to_end_id)
        return known_transfer(self.log, end_to_end_id) if decided is None else decided.transfer

    def append(
        self, event: Event, rows: Sequence[RowBytes], done: Done, *, seen: Seen | None = None
    ) -> int:
        """The sequence number of an event that is no attempt; its rows are folded at once.

        Raises:
            Refused, Unavailable: as `Log.submit`; state is then as before.
        """
        return self.append_all([event], make_rows(rows), done, seen)

    def append_all(
        self, events: Sequence[Event], rows: NDArray[np.void], done: Done, seen: Seen | None = None
    ) -> int:
        """As `append`, of several events, which are durable together; the number of the first."""
        place = self._replica.folded

        def noted(failure: Exception | None) -> None:
            if failure is None:
                for at in range(len(events)):
                    self.noted.add(place + at, seen)
            done(failure)

        seq = self.log.submit(events, noted)
        assert seq == place, "this service alone submits to its log"
        try:
            self._engine.fold(rows)
        except Unavailable as error:
            self._lost = error
        self._replica.note_followed(events)
        self._move_clock(max(event.received_at for event in events))
        return seq

    def recover(
        self, progress: Callable[[int, int], None], *, start: Replica | None = None
    ) -> None:
        """State and memory as of the log's end: folds it in batches, and tells (folded, end).

        `start` is a replica that a snapshot holds: what it has folded is not read again. State has
        room to grow afterwards, so that no decision waits for that.
        """
        if start is not None:
            assert start.engine.plan.plan_hash == self.bundle.plan.plan_hash, "one plan decides"
            self._replica, self._engine, self._memory = start, start.engine, start.memory
        self._replica.catch_up(self.log, progress, releases=True)
        if self._replica.folded:
            self._move_clock(self._replica.order_time)
        self._engine.make_room()

    def _move_clock(self, received_at: int) -> None:
        """On a replay clock, now is the greatest receipt of the log."""
        if self.clock.kind is ClockKind.REPLAY:
            self.clock.stamp(occurred_at=received_at, supplied=received_at)

    def _first(
        self,
        transfer: Transfer,
        received_at: int,
        arrived_ns: int,
        identity: bytes | None,
        caller: str | None,
    ) -> Pending[Answer]:
        row = transfer_row(transfer, received_at=received_at)
        replica, asked, place = self._replica, (transfer, received_at), self._replica.folded
        judged = self._judge.judge(replica, asked, row, arrived_ns, durable=self.log.end())
        event, answer = self._record(transfer, received_at, judged, place, identity, caller)
        pending: Pending[Answer] = Pending()
        decided, observed = Decided(transfer, answer, pending), judged.observed
        # The memory covers this id's time, or the log was asked: it is new.
        seq = self.log.submit(
            [event], lambda failure: self._settle(decided, observed, failure), never_seen=True
        )
        assert seq == place, "this service alone submits to its log"
        try:
            self._engine.fold_row(row)
        except Unavailable as error:
            self._lost = error
        replica.sums.decided(transfer, received_at, judged.derived.outcome, judged.sums)
        replica.folded = seq + 1
        replica.keep(decided, durable=self.log.end())
        return pending

    def _first_ones(
        self,
        new: Sequence[tuple[Transfer, int]],
        arrived_ns: int,
        identities: Sequence[bytes | None],
        caller: str | None,
    ) -> list[Pending[Answer]]:
        """As `_first`, of several: folded before the log is given what it promised to take."""
        self.log.promise(len(new))
        rows, place = [transfer_row(t, received_at=at) for t, at in new], self._replica.folded
        try:
            judged = self._judge.judge_and_fold(
                self._replica, new, rows, arrived_ns, durable=self.log.end()
            )
        except Unavailable as error:
            self._lost = error
            raise
        events, settled, answers = [], [], []
        for at, ((transfer, received_at), each) in enumerate(zip(new, judged, strict=True)):
            part = identities[at]
            event, answer = self._record(transfer, received_at, each, place + at, part, caller)
            pending: Pending[Answer] = Pending()
            events.append(event)
            answers.append(pending)
            settled.append((Decided(transfer, answer, pending), each.observed))

        def settle(failure: Exception | None) -> None:
            for decided, observed in settled:
                self._settle(decided, observed, failure)

        seq = self.log.submit(events, settle, is_promised=True)
        assert seq == place, "this service alone submits to its log"
        self._replica.folded = seq + len(new)
        for decided, _ in settled:
            self._replica.keep(decided, durable=self.log.end())
        return answers

    def _settle(self, decided: Decided, observed: Observed, failure: Exception | None) -> None:
        """Called by the log, once: the record is durable, or its first commit failed."""
        pending = decided.pending
        assert pending is not None, "a decision is settled once"
        if failure is None:
            answer = decided.answer
            self._judge.is_durable(answer.seq)
            self.noted.add(answer.seq, Seen(decided.transfer, answer, observed))
            pending.resolve(answer)
        else:
            decided.pending = None
            pending.fail(failure)
