"""Publishing beside deciding: what waits while one publication is on its way becomes the next.

A turn waits for no broker. While its records are sent and acknowledged in a thread of their own,
the next turns are read and decided; offsets follow what they cover, in the order of the turns.
The group's member is asked by its own thread alone: its client lets one thread in at a time, and
holds it while it tells of partitions that were lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from crivo.adapters.kafka.publisher import Outgoing, Publisher
from crivo.adapters.kafka.transactions import Member
from crivo.domain.errors import Refused
from crivo.flows.answering import Answered
from crivo.flows.owed_ends import Ended

#: Answers that may wait for the brokers; beyond it, deciding waits.
AHEAD_ANSWERS_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class Turn:
    """What was answered together; by partition, the offset from which on nothing is answered; and
    the holds that were over then.
    """

    answers: Sequence[Answered]
    offsets: Mapping[int, int]
    ends: Sequence[Ended] = ()


class Publishing:
    """Publishes turns in their order, in a thread of its own. The rest is for one thread.

    Args:
        publisher: How answers are published and offsets committed.
        group: The group's member, whose offsets these are.
        topic: The topic that is answered.
        told: Told of what is published and committed, as one turn.
    """

    def __init__(
        self,
        publisher: Publisher,
        group: Consumer,
        topic: str,
        told: Callable[[Turn], None],
    ) -> None:
        self._publisher = publisher
        self._group = group
        self._topic = topic
        self._told = told
        self._lock = threading.Lock()
        self._waiting: list[tuple[Turn, list[Outgoing]]] = []
        self._ahead = 0
        #: Whether all is there that was published: what comes behind may not be committed past it.
        self._goes_on = True
        #: Whether the group takes no offsets of what is on its way.
        self._is_refused = False
        self._asked: deque[Future[Sequence[Turn]]] = deque()
        self._thread = ThreadPoolExecutor(1, "crivo-publishing")

    def put(self, turn: Turn) -> None:
        """Queues a turn; waits while `AHEAD_ANSWERS_MAX` answers or more are on their way.

        Raises:
            Misconfigured, Unavailable: as `Publisher.records`; as `Publisher.publish`, of an
                earlier turn.
        """
        records = self._publisher.records(turn.answers, turn.ends)
        with self._lock:
            self._waiting.append((turn, records))
            self._ahead += len(turn.answers)
        self._ask(partial(self._publish_waiting, self._group.consumer_group_metadata()))
        while self._asked and (self._asked[0].done() or self._ahead >= AHEAD_ANSWERS_MAX):
            self._finish_first()

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """Puts a record that is no event among the dead letters, behind the turns before it."""
        self._ask(partial(self._set_aside, message, refusal))

    def was_taken_back(self) -> bool:
        """Whether a turn was not committed, and none behind it was published; asked once.

        Raises:
            Misconfigured, Unavailable: as `put`.
        """
        while self._asked and self._asked[0].done():
            self._finish_first()
        if self._goes_on:
            return False
        self.drain()
        self._begin_anew()
        return True

    def drain(self) -> None:
        """Until nothing is on its way.

        Raises:
            Misconfigured, Unavailable: as `put`.
        """
        while self._asked:
            self._finish_first()

    def give_up(self) -> None:
        """Until nothing is on its way; the group has gone on without us, and takes no offsets.

        Raises:
            Misconfigured, Unavailable: as `put`.
        """
        self._refuse()
        self.drain()
        self._begin_anew()

    def close(self) -> None:
        """Publishes nothing more; what is on its way is waited for."""
        self._thread.shutdown(cancel_futures=True)
        self._asked.clear()

    def _refuse(self) -> None:
        self._is_refused, self._goes_on = True, False

    def _begin_anew(self) -> None:
        self._is_refused, self._goes_on = False, True

    def _ask(self, work: Callable[[], Sequence[Turn] | None]) -> None:
        self._asked.append(self._thread.submit(self._do, work))

    def _do(self, work: Callable[[], Sequence[Turn] | None]) -> Sequence[Turn]:
        published = None
        try:
            published = work()
        finally:
            if published is None:
                self._goes_on = False
        return published or ()

    def _finish_first(self) -> None:
        """Commits what was published, unless the group has gone on."""
        turns = self._asked.popleft().result()
        if not turns or self._is_refused:
            return
        turn = _joined(turns)
        if self._publisher.commit(self._places(turn), self._group):
            self._told(turn)
        else:
            self._refuse()

    def _publish_waiting(self, member: Member) -> Sequence[Turn] | None:
        """The turns that are published now: of those that wait all or, an earlier one having taken
        them, none. None where they are not.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
        turns = [turn for turn, _ in waiting]
        records = [each for _, made in waiting for each in made]
        turn = _joined(turns)
        places = self._places(turn)
        published: Sequence[Turn] | None = turns
        if turns and not (self._goes_on and self._publisher.publish(records, places, member)):
            published = None
        with self._lock:
            self._ahead -= len(turn.answers)
        return published

    def _places(self, turn: Turn) -> list[TopicPartition]:
        """Behind what the group has answered all with this turn."""
        return [TopicPartition(self._topic, p, at) for p, at in sorted(turn.offsets.items())]

    def _set_aside(self, message: Message, refusal: Refused) -> Sequence[Turn]:
        self._publisher.set_aside(message, refusal)
        return ()


def _joined(turns: Sequence[Turn]) -> Turn:
    """These turns as one."""
    return Turn(
        [each for turn in turns for each in turn.answers],
        {partition: at for turn in turns for partition, at in turn.offsets.items()},
        [each for turn in turns for each in turn.ends],
    )
