"""The worker: reads a whole log for its state, and answers the transfers of its own partitions.

One consumer group answers `pix.transfers.v1`. Who bears a partition answers it from the offset that
the group has committed; state is a fold of all partitions, in the order of the log's numbers. A
hold among its answers whose time is over has an end, which whoever bears its partition tells. What
is answered is published first, and its offset is committed then, while the next turns are decided:
after a kill an answer may come twice, under one id and with equal contents. In transactions both
are one, and it comes once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from confluent_kafka import (
    Consumer,
    Message,
    TopicPartition,
)

from crivo.adapters.kafka.aside import place_behind
from crivo.adapters.kafka.client import (
    CLIENT_LOGGER,
    Cluster,
    answered,
    committed_in,
    failure,
    is_passing,
    known_in,
    patiently,
)
from crivo.adapters.kafka.forgotten import take_up
from crivo.adapters.kafka.intake import part_of, read_ends
from crivo.adapters.kafka.publisher import Publisher, commit
from crivo.adapters.kafka.publishing import Publishing, Turn
from crivo.adapters.kafka.tail import Tail, number_at, read_answers
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Refused
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answering import Answering
from crivo.flows.owed_ends import OwedEnds
from crivo.flows.ports import Manifest
from crivo.governance.record_cipher import RecordCipher

#: No offset is as great.
_NOWHERE: Final = 1 << 62

#: The group that answers transfers.
GROUP: Final = "crivo-decide"

#: Events of one turn: read, folded, answered and published together.
TURN_EVENTS: Final = 4_096
#: How long a turn waits for events.
TURN_SECONDS: Final = 0.05
#: How soon a member that is heard no more loses its partitions.
SESSION_SECONDS: Final = 10.0
#: How long a member may at least do something else before the group goes on without it: it waits
#: for brokers to take its answers, and to say where it takes up again.
POLL_SECONDS: Final = 300.0

_WORDS: Final = logging.getLogger("crivo.worker")

_OPTIONS: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "session.timeout.ms": int(SESSION_SECONDS * 1e3),
    "heartbeat.interval.ms": int(SESSION_SECONDS * 1e3 / 4),
}

#: Makes the answering from a state that holds no event from that number on (None: the newest).
Start = Callable[[int | None], Answering]


class WorkerTelemetry(Protocol):
    """What a worker tells of itself."""

    def published(self, turn: Turn) -> None:
        """It is published, and its offsets committed."""
        ...

    def lagging(self, events: int) -> None:
        """So many events of the log are not read yet."""
        ...

    def assigned(self, partitions: int) -> None:
        """So many partitions are answered here."""
        ...

    def rebuilt(self) -> None:
        """State was built anew."""
        ...


class Keeper(Protocol):
    """Who may keep a snapshot of what is known."""

    def between_turns(self, answering: Answering) -> None:
        """It is at rest for a moment, whether something came or not."""
        ...

    def at_end(self, answering: Answering) -> None:
        """No turn follows: all is published, but for what a partition that was lost took back."""
        ...


@dataclass(slots=True)
class _Own:
    """The partitions of transfers that are answered here."""

    #: By partition: the offset from which on nothing is answered yet.
    answered: dict[int, int] = field(default_factory=dict)
    #: By topic and partition of these numbers: the offset from which on nothing is set aside yet.
    aside: Mapping[tuple[str, int], int] = field(default_factory=dict)
    #: Whether they changed, so that the group is to be asked for these offsets, and state may be
    #: past what is to be answered.
    is_new: bool = True


class Worker:
    """Answers until it is told to stop. Not for two threads at once.

    Args:
        cluster: Where the log is.
        manifest: The log's.
        start: What makes the answering from a snapshot or from nothing.
        publisher: How answers are published and offsets committed.
        cipher: What opens sealed payloads.
        keeper: Told of the answering between two turns and at the end: it may keep a snapshot.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        manifest: Manifest,
        start: Start,
        publisher: Publisher,
        telemetry: WorkerTelemetry,
        *,
        cipher: RecordCipher | None,
        keeper: Keeper,
    ) -> None:
        self._cluster = cluster
        self._manifest = manifest
        self._start = start
        self._telemetry = telemetry
        self._publisher = publisher
        self._cipher = cipher
        self._keeper = keeper
        self._topic = cluster.named(Stream.TRANSFERS.value)
        self._own = _Own()
        self._answering = start(None)
        self._tail: Tail | None = None
        self._is_leaving = False
        with answered(cluster, "join the group of workers"):
            options = {
                **cluster.options(),
                **_OPTIONS,
                "group.id": cluster.named(GROUP),
                "max.poll.interval.ms": int(max(POLL_SECONDS, 3 * cluster.outage_seconds) * 1e3),
            }
            self._group = Consumer(options, logger=CLIENT_LOGGER)
            self._group.subscribe(
                [self._topic],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )
        self._publishing = Publishing(publisher, self._group, self._topic, telemetry.published)
        #: Holds of what is answered here.
        self._owed = OwedEnds((), 0, self._answering.is_settled)

    def run(self, should_stop: Callable[[], bool], *, until_end: bool = False) -> None:
        """Answers until `should_stop`; with `until_end`, up to the log's end as it is now.

        Brokers may be away meanwhile, for as long as the cluster says.

        Raises:
            Misconfigured, Refused, Unavailable: what ends it; another start goes on from there.
        """
        found = patiently(
            self._cluster, partial(read_ends, self._cluster, self._manifest.partitions)
        )
        ends = {part: high for part, (_, high) in found.items()}
        patience = time.monotonic() + SESSION_SECONDS
        try:
            while not should_stop():
                self._look_at_group()
                if self._tail is None and not self._own.answered and time.monotonic() < patience:
                    # What is folded before it is known what to answer may have to be folded again.
                    time.sleep(TURN_SECONDS)
                    continue
                if self._publishing.was_taken_back():
                    # The group has gone on without us, or a transaction failed.
                    self._own.is_new = True
                if self._own.is_new:
                    patiently(self._cluster, self._begin_anew)
                    # Brokers may have been away, and the partitions be another's by now.
                    continue
                assert self._tail is not None, "it was begun"
                events = self._tail.take(TURN_EVENTS, TURN_SECONDS)
                if events:
                    self._turn(events)
                else:
                    self._end_holds(self._now())
                    if (
                        until_end
                        and self._tail.has_reached(ends)
                        and patiently(self._cluster, self._is_all_answered)
                    ):
                        break
                self._keeper.between_turns(self._answering)
                self._telemetry.lagging(self._tail.lag())
            self._publishing.drain()
            self._keeper.at_end(self._answering)
        finally:
            self.close()

    def close(self) -> None:
        """Leaves the group, so that others take over at once, and ends its clients."""
        self._is_leaving = True
        self._publishing.close()
        self._drop_tail()
        self._group.close()

    def _look_at_group(self) -> None:
        """Lets the group say which partitions are whose; no record comes from it."""
        with answered(self._cluster, "tell which partitions are whose"):
            message = self._group.poll(0)
        error = None if message is None else message.error()
        if error is not None and not is_passing(error):
            raise failure(self._cluster, "tell which partitions are whose", error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Notes which they are. Records are read elsewhere, so nothing flows here."""
        if self._is_leaving:
            # What the group gives one that leaves is another's in a moment.
            return
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._own.answered = dict.fromkeys((each.partition for each in partitions), _NOWHERE)
        self._own.is_new = True
        self._telemetry.assigned(len(self._own.answered))
        facts = {"partitions": sorted(self._own.answered)}
        _WORDS.info("worker.assigned", extra={"facts": facts})

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Commits what is on its way while it may, so that who takes over goes on behind it."""
        try:
            self._publishing.drain()
        finally:
            self._bear_none(consumer)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group has heard nothing from us for too long: they may be another's already."""
        facts = {"partitions": sorted(each.partition for each in partitions)}
        _WORDS.warning("worker.lost", extra={"facts": facts})
        try:
            self._publishing.give_up()
        finally:
            self._bear_none(consumer)

    def _bear_none(self, consumer: Consumer) -> None:
        consumer.unassign()
        self._own.answered, self._own.aside = {}, {}
        self._owed = OwedEnds((), 0, self._answering.is_settled)
        self._telemetry.assigned(0)

    def _begin_anew(self) -> None:
        """Takes up again behind what is committed, and sees to it that state is not past that.

        Raises:
            Misconfigured, Unavailable: as `answered`; it may be called again then.
        """
        places = [TopicPartition(self._topic, each) for each in self._own.answered]
        known = known_in(self._cluster, self._group, places)
        self._own.answered = {partition: at or 0 for (_, partition), at in known.items()}
        made = read_answers(self._cluster, self._own.answered, self._cipher)
        if not self._take_up([each for (_, each), at in known.items() if at is None], made):
            return
        self._tell_of_gone()
        self._own.aside = self._publisher.aside(self._own.answered)
        number = number_at(self._cluster, self._own.answered)
        if number is not None and number < self._answering.folded:
            self._drop_tail()
            self._answering = self._start(number)
            self._telemetry.rebuilt()
        self._answering.remember(made)
        self._owed = OwedEnds(made, self._answering.folded, self._answering.is_settled)
        if self._tail is None:
            self._tail = Tail(
                self._cluster,
                self._manifest.partitions,
                start=self._answering.folded,
                cipher=self._cipher,
                foreign=self._set_aside,
            )
        self._own.is_new = False

    def _take_up(self, forgotten: Sequence[int], made: Sequence[tuple[int, Event]]) -> bool:
        """Makes offsets that brokers have forgotten the group's again, behind what it has answered;
        whether they are: not where it has gone on without this member.

        Raises:
            Misconfigured, Unavailable: as `take_up`.
        """
        found = take_up(self._cluster, self._manifest.partitions, forgotten=forgotten, answers=made)
        anew = {partition: at for partition, at in found.items() if at}
        if not anew:
            return True
        self._own.answered.update(anew)
        _WORDS.warning("worker.offsets_forgotten", extra={"facts": {"from": anew}})
        return commit([TopicPartition(self._topic, *each) for each in anew.items()], self._group)

    def _tell_of_gone(self) -> None:
        """Tells of transfers that brokers let go of before the group has answered them."""
        ends = read_ends(self._cluster, self._manifest.partitions)
        for partition, at in self._own.answered.items():
            low, _ = ends[part_of(Stream.TRANSFERS, partition)]
            if at < low:
                facts = {"partition": partition, "from": at, "to": low}
                _WORDS.error("worker.gone_unanswered", extra={"facts": facts})

    def _drop_tail(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _turn(self, events: Sequence[StoredEvent]) -> None:
        answers = self._answering.take(events, is_asked=self._is_own)
        for each in answers:
            if each.answer.hold is not None:
                asked, id_ = each.transfer, each.answer.end_to_end_id
                self._owed.begin(asked.seq, id_, asked.event.key, each.answer.hold)
        self._owed.fold(events)
        if answers:
            moved = {each.transfer.partition: each.transfer.offset + 1 for each in answers}
            self._publishing.put(Turn(answers, moved))
            self._own.answered.update(moved)
        self._end_holds(self._answering.order_time)

    def _end_holds(self, now: int) -> None:
        """Tells of holds whose time was over by then. Where events wait, the log's time says so:
        what ended a hold before may be among them.
        """
        ends = self._owed.due(now)
        if ends:
            own = {partition_of(each.event.key, self._manifest.partitions) for each in ends}
            # Their partitions' offsets again: a member that was given up may tell nothing.
            self._publishing.put(Turn((), {each: self._own.answered[each] for each in own}, ends))

    def _now(self) -> int:
        """The time of a log of which nothing came: the clock's, once it was read to its end."""
        assert self._tail is not None, "it was begun"
        if self._manifest.clock is ClockKind.REPLAY or self._tail.lag():
            return self._answering.order_time
        return time.time_ns() // 1_000

    def _is_all_answered(self) -> bool:
        """Whether the group has nothing left to answer, also of what is another member's, or of one
        that was killed and is still counted among them.
        """
        self._publishing.drain()
        found = self._committed(range(self._manifest.partitions))
        return number_at(self._cluster, found) is None

    def _committed(self, partitions: Iterable[int]) -> dict[int, int]:
        """By partition of the transfers: the offset from which on the group answered nothing."""
        places = [TopicPartition(self._topic, each) for each in partitions]
        found = committed_in(self._cluster, self._group, places)
        return {partition: offset for (_, partition), offset in found.items()}

    def _is_own(self, stored: StoredEvent) -> bool:
        return stored.offset >= self._own.answered.get(stored.partition, _NOWHERE)

    def _set_aside(self, message: Message, why: Refused) -> None:
        """A record that is no event: whoever answers partitions of its number sets it aside, where
        nobody did.
        """
        behind = place_behind(message)
        if behind.offset > self._own.aside.get((behind.topic, behind.partition), _NOWHERE):
            self._publishing.set_aside(message, why)
