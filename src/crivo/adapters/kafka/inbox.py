"""The inbox as its one reader takes it: every record is settled once, for good.

What came is handed over first, which returns once the log holds what is to be in it. Then the dead
letters of the rest and the offsets behind all of it become one transaction. After a kill between
the two, the same records come again and are found in the log by their ids; a dead letter is there
exactly once. A group without members keeps the places: who opens the inbox last is its reader.
It leaves its mark beside them before it takes the producer's name, so that one whose transaction
failed sees whether it still is that reader, and takes the name from no successor.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from operator import methodcaller
from typing import Final, NamedTuple, Protocol

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from crivo.adapters.kafka.aside import place_behind
from crivo.adapters.kafka.client import (
    CLIENT_LOGGER,
    Cluster,
    answered,
    ask,
    committed,
    committed_in,
    failure,
    is_passing,
    patiently,
    watermarks,
)
from crivo.adapters.kafka.dead_letters import Letter, letter_of
from crivo.adapters.kafka.intake import POLL_SECONDS
from crivo.adapters.kafka.records import HeaderList, Headers
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX, MANIFEST, find_topic
from crivo.adapters.kafka.transactions import Transactions
from crivo.adapters.kafka.writer import locked
from crivo.domain.errors import Refused
from crivo.flows.inbox import Became
from crivo.governance.refused_cipher import RefusedCipher

#: The group that keeps how far the inbox was read, and the name of its producer.
GROUP: Final = "crivo-inbox"

#: Records that are settled together.
TURN_RECORDS: Final = 4_096

#: What may wait in the client: records of outsiders may be as long as a broker takes them.
_QUEUE_KIB: Final = 16_384

_WORDS: Final = logging.getLogger("crivo.inbox")

_HEADERS: Final[Callable[[Message], HeaderList | dict[str, str | bytes | None] | None]] = (
    methodcaller("headers")
)

_OPTIONS: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # Records that brokers let go unread are told of, and not passed over in silence.
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 20,
    "queued.max.messages.kbytes": _QUEUE_KIB,
}


class Arrived(NamedTuple):
    """A record of the inbox as an outsider produced it.

    Of headers of one name the last counts; they are None where a name is no UTF-8.
    """

    value: bytes | None
    headers: Headers | None


class _Came(NamedTuple):
    """A record, and its headers, for which its message may be asked once."""

    message: Message
    headers: HeaderList | None


#: What becomes of records; when it returns, the log holds what is to be in it, for good.
Take = Callable[[Sequence[Arrived]], Sequence[Became | Refused]]


class InboxTelemetry(Protocol):
    """What the inbox tells of itself."""

    def settled(self, received: int, became: Sequence[Became | Refused]) -> None:
        """So many records are settled, and that became of them."""
        ...

    def lagging(self, records: int) -> None:
        """So many records of the inbox are not read yet."""
        ...


class Inbox:
    """Settles records until it is told to stop. Not for two threads at once.

    Args:
        cluster: Where the inbox is.
        take: What hands records over.
        refused: What seals those that are refused.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self, cluster: Cluster, take: Take, telemetry: InboxTelemetry, refused: RefusedCipher
    ) -> None:
        self._cluster = cluster
        self._topic = cluster.named(INBOX)
        self._take = take
        self._telemetry = telemetry
        self._refused = refused
        #: By partition: the offset from which on nothing was read yet.
        self._next: dict[int, int] = {}
        #: The partitions of which something that was there at the start may be unread.
        self._unread: set[int] = set()
        options = {**cluster.options(), **_OPTIONS, "group.id": cluster.named(GROUP)}
        with answered(cluster, "open the inbox"):
            self._consumer = Consumer(options, logger=CLIENT_LOGGER)
        #: Its own mark: the group keeps that of its newest reader at a place that nobody reads.
        self._mark = secrets.token_hex(8)
        patiently(cluster, self._leave_mark)
        # Taking the name ends what another reader had begun: places are asked for after that.
        self._transactions = patiently(cluster, self._open_transactions)

    def run(self, should_stop: Callable[[], bool], *, until_end: bool = False) -> None:
        """Settles what comes until `should_stop`; with `until_end`, what waits now.

        Brokers may be away meanwhile, for as long as the cluster says.

        Raises:
            Misconfigured, Unavailable: what ends it; another start goes on from there.
        """
        try:
            patiently(self._cluster, self._begin)
            self._unread = set(self._next)
            while not should_stop():
                messages = self._read()
                if messages:
                    self._settle(messages)
                elif until_end and not self._unread:
                    break
                self._telemetry.lagging(self._lag())
        finally:
            self._consumer.close()

    def _open_transactions(self) -> Transactions:
        return Transactions(self._cluster, name=GROUP, who="inbox", check=self._check_reader)

    def _leave_mark(self) -> None:
        place = TopicPartition(self._cluster.named(MANIFEST), 0, 0, self._mark)
        with answered(self._cluster, "note who reads its inbox"):
            self._consumer.commit(offsets=[place], asynchronous=False)

    def _check_reader(self, error: KafkaError) -> None:
        """Nothing, if nobody has opened the inbox since.

        Raises:
            Unavailable: LOG_LOCKED; as `answered`, which says neither.
        """
        asked = [TopicPartition(self._cluster.named(MANIFEST), 0)]
        told = partial(committed, self._consumer, asked)
        (found,) = ask(self._cluster, "tell who reads its inbox", self._consumer, told)
        # Brokers forget a mark after days; a successor's is not as old.
        if found.metadata not in (None, "", self._mark):
            raise locked(self._cluster, error.str())

    def _begin(self) -> None:
        """Takes up behind what is settled, in every partition.

        Raises:
            Misconfigured: LOG_MISMATCH where the topic is not there; as `answered`.
            Unavailable: as `answered`; it may be called again then.
        """
        told = partial(find_topic, self._cluster, self._consumer, self._topic)
        topic = ask(self._cluster, "tell of its inbox", self._consumer, told)
        parts = [TopicPartition(self._topic, each) for each in topic.partitions]
        settled = committed_in(self._cluster, self._consumer, parts)
        self._next = {
            each.partition: self._still_there(each, settled[each.topic, each.partition])
            for each in parts
        }
        with answered(self._cluster, "give its inbox"):
            self._consumer.assign(
                [TopicPartition(self._topic, each, at) for each, at in self._next.items()]
            )
        _WORDS.info("inbox.open", extra={"facts": {"partitions": len(self._next)}})

    def _still_there(self, part: TopicPartition, offset: int) -> int:
        """The offset, or the first behind it that brokers have not let go."""
        told = partial(watermarks, self._consumer, part)
        low, _ = ask(self._cluster, "tell where its inbox begins", self._consumer, told)
        if offset < low:
            facts = {"partition": part.partition, "from": offset, "to": low}
            _WORDS.error("inbox.gone_unread", extra={"facts": facts})
        return max(offset, low)

    def _read(self) -> list[Message]:
        """The records that have come; waits a moment for the first."""
        with answered(self._cluster, "read its inbox"):
            # To ask for many at once would be to wait for all of them.
            first = self._consumer.poll(POLL_SECONDS)
            if first is None:
                return []
            came = [first, *self._consumer.consume(TURN_RECORDS - 1, timeout=0)]
        messages = [each for each in came if self._is_record(each)]
        for each in messages:
            behind = place_behind(each)
            self._next[behind.partition] = behind.offset
        return messages

    def _is_record(self, message: Message) -> bool:
        """Whether it is one, and no word of the client's.

        Raises:
            Misconfigured, Unavailable: for a failure.
        """
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            partition, offset = message.partition(), message.offset()
            assert partition is not None and offset is not None, "it says where"
            self._unread.discard(partition)
            # Marks of transactions lie behind the last record, and are nobody's to read.
            self._next[partition] = max(self._next[partition], offset)
        elif not is_passing(error):
            raise failure(self._cluster, "read its inbox", error)
        return False

    def _settle(self, messages: Sequence[Message]) -> None:
        came = [_Came(each, _headers(each)) for each in messages]
        became = self._take(
            [
                Arrived(each.value(), None if headers is None else dict(headers))
                for each, headers in came
            ]
        )
        letters = [
            letter_of(
                INBOX + DEAD_LETTERS, record.message, record.headers or [], each, self._refused
            )
            for record, each in zip(came, became, strict=True)
            if isinstance(each, Refused)
        ]
        behind = {each.partition(): place_behind(each) for each in messages}
        self._commit(letters, list(behind.values()))
        self._telemetry.settled(len(messages), became)

    def _commit(self, letters: Sequence[Letter], places: list[TopicPartition]) -> None:
        """Until the dead letters are there and the places are those of the group, in one.

        Raises:
            Misconfigured, Unavailable: as `Transactions.is_done`.
        """

        def work() -> None:
            for letter in letters:
                self._send(letter)
            self._transactions.send_offsets(places, self._consumer.consumer_group_metadata())

        while not self._transactions.is_done(work):
            # One that was only not heard of is there.
            if patiently(self._cluster, partial(self._is_committed, places)):
                return

    def _send(self, letter: Letter) -> None:
        producer = self._transactions.producer
        while True:
            try:
                producer.produce(
                    self._topic + DEAD_LETTERS, letter.value, None, 0, headers=letter.headers
                )
                return
            except BufferError:
                producer.poll(0.1)

    def _is_committed(self, places: Sequence[TopicPartition]) -> bool:
        asked = [TopicPartition(each.topic, each.partition) for each in places]
        found = committed_in(self._cluster, self._consumer, asked)
        return all(found[each.topic, each.partition] >= each.offset for each in places)

    def _lag(self) -> int:
        """Records that brokers have told of and that were not read yet."""
        behind = 0
        for partition, at in self._next.items():
            part = TopicPartition(self._topic, partition)
            _, high = self._consumer.get_watermark_offsets(part, cached=True)
            behind += max(0, high - at)
        return behind


def _headers(message: Message) -> HeaderList | None:
    """The headers of a record; None where a name of them is no UTF-8. A message is asked once.

    The client sets an error then and answers all the same, with a name that is no object, at which
    the process would end. A call from C is looked at for that; one from Python is not, once the
    interpreter has specialised it.
    """
    try:
        came = _HEADERS(message) or []
    except SystemError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        return None
    return list(came.items()) if isinstance(came, dict) else list(came)
