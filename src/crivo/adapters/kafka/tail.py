"""What a log's writer numbered, in the order of its numbers, as it comes."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from crivo.adapters.kafka.client import LOGGER, Cluster, answered, failure, is_passing, patiently
from crivo.adapters.kafka.intake import (
    POLL_RECORDS,
    Foreign,
    Intake,
    Part,
    open_consumer,
    part_of,
    read_ends,
)
from crivo.adapters.kafka.manifest import number_kept
from crivo.adapters.kafka.records import headers_of, place_of
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.event_rows import stored_event
from crivo.governance.record_cipher import RecordCipher

#: Answers that are passed over before their partitions are held.
PASSED_OVER_MAX: Final = 1_000

#: How far the partitions of a log that is followed may be ahead of one another, in numbers, before
#: it is asked whether its writer gave them: to ask takes as long as a turn.
AHEAD_MAX: Final = 100_000


class Tail:
    """Events with numbers from `start` on, one after the other: none past a missing number.

    Decisions are most of what a log of workers holds, and answers bear no number: while others
    come, their partitions are held. They are read while nothing else is there to be done, and from
    the first decision on that bears a number as all others are.

    Of one number in two partitions the lesser one's record counts, as for every reader, where both
    were there at the beginning; of what comes later, the first. The other is told of. A number that
    the writer has not given is nobody's of ours: one that was there at the beginning, and one that
    comes later `AHEAD_MAX` ahead. One that brokers have let go of is not waited for.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        partitions: int,
        *,
        start: int,
        cipher: RecordCipher | None,
        foreign: Foreign | None = None,
    ) -> None:
        ends = read_ends(cluster, partitions)
        lows = {part: low for part, (low, _) in ends.items()}
        self._intake = Intake(
            cluster, lows, None, foreign=foreign, newest=self._newest, numbered_from=start
        )
        self._cluster = cluster
        self._partitions = partitions
        self._cipher = cipher
        self._next = start
        #: What was there when it was last seen that a later number waits for the next one.
        self._there: dict[Part, int] | None = None
        #: Of each partition of which something waits: the number of the first.
        self._first: dict[int, Part] = {}
        self._noted: set[Part] = set()
        #: Partitions that may be held; none once one of them was seen to be numbered.
        self._dispensable = frozenset(part_of(Stream.DECISIONS, each) for each in range(partitions))
        self._passed_over_until = PASSED_OVER_MAX
        self._is_holding = False
        #: What was there at the beginning and is not read yet: of each partition its end.
        self._unread = {part: high for part, (low, high) in ends.items() if low < high}
        #: Those of which nothing waits: the next number may be theirs, whoever has it too.
        self._silent = set(self._unread)
        #: Behind what the writer gave when it was last asked.
        self._given = number_kept(cluster, is_settled=False)

    def take(self, limit: int, seconds: float) -> list[StoredEvent]:
        """Up to `limit` of the next events; none where the next does not come in time.

        Raises:
            Refused: ROW_MALFORMED for a number on what is no event.
            Misconfigured: as `answered`; LOG_MISMATCH where brokers have a later number, and the
                next one no longer.
            Unavailable: as `answered`.
        """
        until = time.monotonic() + seconds
        found: list[StoredEvent] = []
        polled = 0
        while len(found) < limit:
            part = self._first.get(self._next)
            if part is not None and not self._is_awaited_before(part):
                del self._first[self._next]
                _, row = self._intake.waiting[part].popleft()
                found.append(stored_event(row, self._cipher))
                self._next += 1
                self._noted.discard(part)
                if part in self._unread:
                    self._silent.add(part)
                self._note(part)
                continue
            left = 0.0 if found else until - time.monotonic()
            # Where something was found, only what has come already is taken along.
            if polled < POLL_RECORDS if found else left <= 0:
                break
            polled = self._intake.poll(left)
            if polled:
                for each in self._intake.waiting:
                    self._note(each)
                self._look_at_unread()
        self._hold_or_not(is_idle=not found)
        if found:
            self._there = None
        elif self._first:
            self._check_not_gone()
        return found

    def has_reached(self, ends: Mapping[Part, int]) -> bool:
        """Whether every partition was read up to that offset, and nothing waits."""
        read = (self._intake.reached.get(part, 0) >= end for part, end in ends.items())
        return all(read) and not self._first

    def lag(self) -> int:
        """How many records of all partitions are not taken yet, as far as brokers have said, but
        for answers in partitions that are held.
        """
        return self._intake.lag() + sum(map(len, self._intake.waiting.values()))

    def close(self) -> None:
        """Ends its consumer."""
        self._intake.close()

    def _newest(self, number: int) -> int:
        """As `Newest`. Once it has followed to the end, what lies a little ahead may be new."""
        if self._given <= self._next <= number < self._next + AHEAD_MAX:
            return self._next + AHEAD_MAX
        self._given = number_kept(self._cluster, is_settled=False)
        return self._given

    def _look_at_unread(self) -> None:
        reached = self._intake.reached
        read = {part for part, end in self._unread.items() if reached.get(part, 0) >= end}
        for part in read:
            del self._unread[part]
        self._silent -= read

    def _is_awaited_before(self, part: Part) -> bool:
        """Whether a lesser partition may hold the same number, of what was there at the beginning.

        Partitions of decisions hold none as long as they are dispensable.
        """
        return bool(self._silent) and any(
            each < part and each not in self._dispensable for each in self._silent
        )

    def _check_not_gone(self) -> None:
        """Nothing, if the next number may still come while a later one waits.

        What is committed was there in whole before: so once all that is there now was read, a
        number below one that waits comes no more.
        """
        if self._there is None:
            ask = partial(read_ends, self._cluster, self._partitions, is_settled=False)
            self._there = {part: end for part, (_, end) in patiently(self._cluster, ask).items()}
        reached = self._intake.reached
        if all(
            part in self._noted or reached.get(part, 0) >= end for part, end in self._there.items()
        ):
            raise Misconfigured(
                Code.LOG_MISMATCH,
                f"event {self._next} is no longer on the brokers; the next is {min(self._first)}",
                hint="They keep records for a while. Begin with a snapshot that holds what went "
                "before: docs/how-to/topics.md says where they lie and what to do without one.",
                field="seq",
                expected=self._next,
                found=min(self._first),
            )

    def _hold_or_not(self, *, is_idle: bool) -> None:
        """Holds decisions once many answers were passed over, and no longer where nothing came: the
        next number may be theirs.
        """
        passed_over = self._intake.passed_over
        if self._is_holding and is_idle:
            self._intake.hold(())
            self._is_holding = False
            self._passed_over_until = passed_over + PASSED_OVER_MAX
        elif not (is_idle or self._is_holding) and passed_over >= self._passed_over_until:
            self._intake.hold(self._dispensable)
            self._is_holding = bool(self._dispensable)

    def _note(self, part: Part) -> None:
        waiting = self._intake.waiting[part]
        while waiting and part not in self._noted:
            number = waiting[0][0] // 2
            other = self._first.get(number)
            if number < self._next or (other is not None and other < part):
                self._pass_over(part)
                continue
            if part in self._dispensable:
                self._dispensable = frozenset()
            self._first[number] = part
            self._noted.add(part)
            self._silent.discard(part)
            if other is not None:
                self._pass_over(other)
                self._noted.discard(other)
                self._note(other)

    def _pass_over(self, part: Part) -> None:
        """Another partition has that number, and of one number one record counts."""
        key, row = self._intake.waiting[part].popleft()
        facts = {"number": key // 2, "partition": part[1], "offset": row[3]}
        LOGGER.error("kafka.number_again", extra={"facts": facts})


def read_answers(
    cluster: Cluster, partitions: Collection[int], cipher: RecordCipher | None
) -> list[tuple[int, Event]]:
    """What was decided of the transfers of these partitions, each with its transfer's number.

    A transfer and its decision have one key, so they lie in partitions of one number. What one that
    was killed had begun may hide what others answered since: its end is waited for.

    Raises:
        Refused: ROW_MALFORMED for a number on what is no event.
        Misconfigured, Unavailable: as `answered`.
    """
    parts = [part_of(Stream.DECISIONS, each) for each in sorted(partitions)]
    if not parts:
        return []
    ends = read_ends(cluster, max(partitions) + 1, is_settled=False)
    lows, highs = ({part: ends[part][at] for part in parts} for at in (0, 1))
    intake = Intake(
        cluster,
        lows,
        highs,
        silence_seconds_max=cluster.outage_seconds,
    )
    found: list[tuple[int, Event]] = []
    try:
        for part in parts:
            while intake.waiting[part] or part in intake.open:
                intake.await_more(part)
                while intake.waiting[part]:
                    key, row = intake.waiting[part].popleft()
                    if key % 2:
                        found.append((row[0], stored_event(row, cipher).event))
    finally:
        intake.close()
    return found


def number_at(cluster: Cluster, offsets: Mapping[int, int]) -> int | None:
    """The least number of a transfer at or after these offsets, by partition; None where is none.
    What brokers have let go of is not looked for.

    Raises:
        Misconfigured, Unavailable: as `answered`, and LOG_UNAVAILABLE where a partition says
            neither that something is there nor that nothing is: it may hold what is sought.
    """
    topic, least = cluster.named(Stream.TRANSFERS.value), None
    if not offsets:
        return None
    ends = read_ends(cluster, max(offsets) + 1)
    lows = {part: ends[part_of(Stream.TRANSFERS, part)][0] for part in offsets}
    consumer = open_consumer(cluster)
    left = set(offsets)
    until = time.monotonic() + cluster.outage_seconds
    try:
        consumer.assign(
            [TopicPartition(topic, part, max(at, lows[part])) for part, at in offsets.items()]
        )
        while left:
            with answered(cluster, "read its transfers"):
                messages = consumer.consume(100, timeout=0.05)
                if time.monotonic() > until:
                    raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
            for message in messages:
                partition, error = message.partition(), message.error()
                if partition not in left:
                    continue
                until = time.monotonic() + cluster.outage_seconds
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                        left.discard(partition)
                    elif not is_passing(error):
                        raise failure(cluster, "read its transfers", error)
                    continue
                place = place_of(headers_of(message))
                if place is not None and not place.is_answer:
                    least = place.number if least is None else min(least, place.number)
                    left.discard(partition)
    finally:
        consumer.close()
    return least
