"""Publishing beside deciding: what waits while one publication is on its way becomes the next.

A turn waits for no broker. While its answers are sent and acknowledged in a thread of their own,
the next turns are read and decided; offsets follow what they cover, in the order of the turns.
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

from crivo.adapters.kafka.publisher import Publisher
from crivo.domain.errors import Refused
from crivo.flows.answering import Answered

#: Answers that may wait for the brokers; beyond it, deciding waits.
AHEAD_ANSWERS_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class Turn:
    """What was answered together; by partition, the offset from which on nothing is answered."""

    answers: Sequence[Answered]
    offsets: Mapping[int, int]


class Publishing:
    """Publishes turns in their order, in a thread of its own. The rest is for one thread.

    Args:
        publisher: How answers are published and offsets committed.
        group: The group's member, whose offsets these are.
        topic: The topic that is answered.
        answered: Told of what is published and committed, on the thread that publishes.
    """

    def __init__(
        self,
        publisher: Publisher,
        group: Consumer,
        topic: str,
        answered: Callable[[Sequence[Answered]], None],
    ) -> None:
        self._publisher = publisher
        self._group = group
        self._topic = topic
        self._answered = answered
        self._lock = threading.Lock()
        self._waiting: list[Turn] = []
        self._ahead = 0
        self._goes_on = True
        self._asked: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(1, "crivo-publishing")

    def put(self, turn: Turn) -> None:
        """Queues a turn; waits while `AHEAD_ANSWERS_MAX` answers or more are on their way.

        Raises:
            Misconfigured, Unavailable: as `Publisher.publish`, of an earlier turn.
        """
        with self._lock:
            self._waiting.append(turn)
            self._ahead += len(turn.answers)
        self._ask(self._publish_waiting)
        while self._asked and (self._asked[0].done() or self._ahead >= AHEAD_ANSWERS_MAX):
            self._asked.popleft().result()

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """Puts a record that is no event among the dead letters, behind the turns before it."""
        self._ask(partial(self._set_aside, message, refusal))

    def was_taken_back(self) -> bool:
        """Whether a turn was not committed, and none behind it was published; asked once.

        Raises:
            Misconfigured, Unavailable: as `put`.
        """
        while self._asked and self._asked[0].done():
            self._asked.popleft().result()
        if self._goes_on:
            return False
        self.drain()
        self._goes_on = True
        return True

    def drain(self) -> None:
        """Until nothing is on its way.

        Raises:
            Misconfigured, Unavailable: as `put`.
        """
        while self._asked:
            self._asked.popleft().result()

    def close(self) -> None:
        """Publishes nothing more; what is on its way is waited for."""
        self._thread.shutdown(cancel_futures=True)
        self._asked.clear()

    def _ask(self, work: Callable[[], bool]) -> None:
        self._asked.append(self._thread.submit(self._do, work))

    def _do(self, work: Callable[[], bool]) -> None:
        is_done = False
        try:
            is_done = work()
        finally:
            # What comes behind may not be committed past what is not there.
            self._goes_on = self._goes_on and is_done

    def _publish_waiting(self) -> bool:
        """Whether all turns that wait are published; none is where an earlier task took them."""
        with self._lock:
            turns, self._waiting = self._waiting, []
        answers = [each for turn in turns for each in turn.answers]
        offsets = {partition: at for turn in turns for partition, at in turn.offsets.items()}
        is_there = True
        if turns and self._goes_on:
            places = [TopicPartition(self._topic, p, at) for p, at in sorted(offsets.items())]
            is_there = self._publisher.publish(answers, places, self._group)
            if is_there:
                self._answered(answers)
        with self._lock:
            self._ahead -= len(answers)
        return is_there

    def _set_aside(self, message: Message, refusal: Refused) -> bool:
        self._publisher.set_aside(message, refusal)
        return True
