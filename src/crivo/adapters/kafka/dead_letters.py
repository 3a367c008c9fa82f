"""Dead letters: records of a topic that were refused, as they came, with the cause in headers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from crivo.adapters.kafka.client import ANSWER_SECONDS_MAX, Cluster, answered, failure, open_admin
from crivo.adapters.kafka.intake import POLL_RECORDS, POLL_SECONDS, open_consumer
from crivo.adapters.kafka.records import ANSWERS, HeaderList, row_of
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX, RECORD_BYTES_MAX
from crivo.domain.advice import ADVICE
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.flows.event_rows import stored_event
from crivo.flows.ports import QuarantinedRow

#: Characters of a record's value that are shown.
RAW_CHARACTERS_MAX: Final = 1_000

_LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]

#: Headers that a dead letter bears behind those that it came with, in this order.
MARKS: Final = ("code", "words", "of", "field", "expected", "found", "hint")


#: A record of more bytes, key and headers included, is kept shortened, since with its marks it may
#: be more than brokers take: the first bytes of its value and key, and short headers alone.
WHOLE_BYTES_MAX: Final = RECORD_BYTES_MAX // 2
_VALUE_BYTES_KEPT: Final = 65_536
_KEY_BYTES_KEPT: Final = 1_024
_HEADERS_KEPT: Final = 32


class Letter(NamedTuple):
    """A refused record as a client takes it."""

    key: bytes | None
    value: bytes | None
    headers: HeaderList


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record: what it is called, its place, and itself.

    `source` is the topic of dead letters, `number` its offset there. `marks` are the cause and, in
    `of`, the partition and offset that it had.
    """

    source: str
    number: int
    at: int
    key: bytes | None
    value: bytes | None
    headers: HeaderList
    marks: dict[str, str]

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        return f"{self.source} {self.number}"

    @property
    def is_of_inbox(self) -> bool:
        """Whether an outsider produced it, for the door to parse."""
        return self.source == INBOX + DEAD_LETTERS

    @property
    def row(self) -> QuarantinedRow:
        """It as a row of the quarantine; `raw` is its value, bytes that are no text escaped."""
        marks = self.marks
        raw = (self.value or b"").decode(errors="backslashreplace")[:RAW_CHARACTERS_MAX]
        return QuarantinedRow(
            self.source,
            self.number,
            Code(marks["code"]),
            marks.get("field", ""),
            marks.get("expected", ""),
            marks.get("found", ""),
            marks.get("hint", ""),
            raw,
            self.at,
        )

    def event(self) -> Event | Refused:
        """The event that it would be, or why it is none."""
        stream = Stream(self.source.removesuffix(DEAD_LETTERS))
        if any(name == ANSWERS for name, _ in self.headers):
            return Refused(
                Code.FIELD_VALUE,
                "a record is an answer of a worker",
                hint="Workers answer again by themselves; an answer is not taken back.",
                field="headers",
                expected="none that is named answers",
                found=ANSWERS,
            )
        try:
            row = row_of(
                stream,
                0,
                0,
                number=0,
                key=self.key,
                value=self.value,
                headers=dict(self.headers),
            )
        except Refused as refusal:
            return refusal
        return stored_event(row).event


def letter_of(message: Message, headers: HeaderList, refusal: Refused) -> Letter:
    """A record as it came, with the marks of its refusal behind its headers.

    One of more than `WHOLE_BYTES_MAX` bytes is kept shortened.
    """
    key, value = message.key(), message.value()
    size = sum(len(name) + len(text or b"") for name, text in headers)
    if len(key or b"") + len(value or b"") + size > WHOLE_BYTES_MAX:
        key = None if key is None else key[:_KEY_BYTES_KEPT]
        value = None if value is None else value[:_VALUE_BYTES_KEPT]
        headers = [
            (name, text)
            for name, text in headers
            if len(name) + len(text or b"") <= _KEY_BYTES_KEPT
        ][:_HEADERS_KEPT]
    marks = marks_of(refusal, of=f"{message.partition()}/{message.offset()}")
    return Letter(key, value, [*headers, *marks])


def headers_in(message: Message) -> HeaderList:
    """The headers of a record, one that came several times as often, in their order."""
    came = message.headers() or []
    return list(came.items()) if isinstance(came, dict) else list(came)


def marks_of(refusal: Refused, *, of: str) -> HeaderList:
    """The headers that say why a record is a dead letter, and where it lay."""
    said = {"code": refusal.code, "words": refusal, "of": of, **refusal.context}
    said["hint"] = refusal.hint or ADVICE[refusal.code]
    # What it quotes of a record may be no text.
    return [(name, str(said.get(name, "")).encode(errors="backslashreplace")) for name in MARKS]


def read_dead_letters(cluster: Cluster) -> list[DeadLetter]:
    """All dead letters of a log's streams and its inbox that its brokers still keep, by topic and
    offset, those of the inbox first.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    parts = [
        TopicPartition(cluster.named(name + DEAD_LETTERS), 0)
        for name in (INBOX, *sorted(stream.value for stream in Stream))
    ]
    admin = open_admin(cluster)
    with answered(cluster, "tell where its dead letters end"):
        asked = admin.list_offsets(
            dict.fromkeys(parts, _LATEST),
            request_timeout=ANSWER_SECONDS_MAX,
        )
        ends = {
            each.topic: answer.result(ANSWER_SECONDS_MAX).offset for each, answer in asked.items()
        }
    consumer, found = open_consumer(cluster), []
    try:
        for part in parts:
            if ends[part.topic]:
                found += _read_topic(cluster, consumer, part, ends[part.topic])
    finally:
        consumer.close()
    return found


def _read_topic(
    cluster: Cluster, consumer: Consumer, part: TopicPartition, end: int
) -> list[DeadLetter]:
    source = part.topic.removeprefix(cluster.named(""))
    consumer.assign([TopicPartition(part.topic, part.partition, OFFSET_BEGINNING)])
    found: list[DeadLetter] = []
    until = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < until:
        with answered(cluster, "read its dead letters"):
            messages = consumer.consume(POLL_RECORDS, timeout=POLL_SECONDS)
        for message in messages:
            until = time.monotonic() + ANSWER_SECONDS_MAX
            error, offset = message.error(), message.offset()
            assert offset is not None, "what comes has a place"
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                raise failure(cluster, "read its dead letters", error)
            if error is None and offset < end and (letter := _letter(source, message)):
                found.append(letter)
            if offset >= end - 1:
                return found
    raise Unavailable(
        Code.LOG_UNAVAILABLE,
        f"Kafka at {cluster.brokers} gave nothing of {source} for {ANSWER_SECONDS_MAX:g} s",
        hint="See that its brokers run and can be reached; then ask again.",
    )


def _letter(source: str, message: Message) -> DeadLetter | None:
    """The dead letter of a record; None for one that bears no cause, which Crivo did not write."""
    headers = headers_in(message)
    marks = dict(headers[-len(MARKS) :])
    if tuple(marks) != MARKS or not all(isinstance(each, bytes) for each in marks.values()):
        return None
    said = {name: each.decode() for name, each in marks.items() if isinstance(each, bytes)}
    if said["code"] not in set(Code):
        return None
    _, at_ms = message.timestamp()
    return DeadLetter(
        source,
        message.offset() or 0,
        1_000 * at_ms,
        message.key(),
        message.value(),
        headers[: -len(MARKS)],
        said,
    )
