"""Dead letters: records of a topic that were refused, as they came, each sealed with its cause.

The cause's code and the record's place stand in headers beside it, in clear; the header `sealed`
tells such a letter. One of a release before that lies in clear, its marks behind its own headers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    Cluster,
    answered,
    ask,
    failure,
    is_passing,
    open_admin,
)
from crivo.adapters.kafka.intake import (
    LATEST,
    POLL_RECORDS,
    POLL_SECONDS,
    offsets,
    open_consumer,
)
from crivo.adapters.kafka.manifest import find_manifest
from crivo.adapters.kafka.records import ANSWERS, HeaderList, row_of
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX, RECORD_BYTES_MAX
from crivo.domain.advice import ADVICE
from crivo.domain.errors import Code, CrivoError, Refused, Unavailable
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.flows.event_rows import stored_event
from crivo.flows.ports import QuarantinedRow
from crivo.governance.refused_cipher import Beside, RefusedCipher

#: Characters of a record's value that are shown.
RAW_CHARACTERS_MAX: Final = 1_000

#: What is said of a dead letter, in this order.
MARKS: Final = ("code", "words", "of", "field", "expected", "found", "hint")
#: The headers of a letter, all that it has: what of its marks stays readable, and how it is sealed.
_HEADERS: Final = ("code", "of", "sealed")
_SEALED: Final = b"1"

#: A record of more bytes, key and headers included, is kept shortened, since with its marks it may
#: be more than brokers take: the first bytes of its value and key, and short headers alone.
WHOLE_BYTES_MAX: Final = RECORD_BYTES_MAX // 2
_VALUE_BYTES_KEPT: Final = 65_536
_KEY_BYTES_KEPT: Final = 1_024
_HEADERS_KEPT: Final = 32


class Letter(NamedTuple):
    """A refused record as a client takes it: without a key, which would name who it was of."""

    value: bytes
    headers: HeaderList


class _Quoting(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is sealed of a letter: the record, and its marks. Append only."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    marks: list[str]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Quoting)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record: what it is called, its place, and itself.

    `source` is the topic of dead letters, `number` its offset there. `marks` are the cause and, in
    `of`, the partition and offset that it had. Where it does not open, `unopened` says why, and
    nothing but its place and its code is known of it.
    """

    source: str
    number: int
    at: int
    key: bytes | None
    value: bytes | None
    headers: HeaderList
    marks: dict[str, str]
    unopened: CrivoError | None = None

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
            unopened=self.unopened,
        )

    def event(self) -> Event | Refused:
        """The event that it would be, or why it is none."""
        if self.unopened is not None:
            said = self.unopened
            return Refused(said.code, said.message, hint=said.hint, **said.context)
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


def letter_of(
    source: str, message: Message, headers: HeaderList, refusal: Refused, cipher: RefusedCipher
) -> Letter:
    """A record as it came, sealed with the marks of its refusal, for the topic `source`.

    One of more than `WHOLE_BYTES_MAX` bytes is kept shortened.

    Raises:
        Misconfigured, Unavailable: as `RefusedCipher.seal`.
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
    said = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers]
    quoting = _ENCODER.encode(_Quoting(key, value, said, list(marks.values())))
    sealed = cipher.seal(quoting, beside=_beside(source, marks))
    return Letter(
        sealed,
        [("code", marks["code"].encode()), ("of", marks["of"].encode()), ("sealed", _SEALED)],
    )


def headers_in(message: Message) -> HeaderList:
    """The headers of a record, one that came several times as often, in their order."""
    came = message.headers() or []
    return list(came.items()) if isinstance(came, dict) else list(came)


def marks_of(refusal: Refused, *, of: str) -> dict[str, str]:
    """What says why a record is a dead letter, and where it lay."""
    said = {"code": refusal.code, "words": refusal, "of": of, **refusal.context}
    said["hint"] = refusal.hint or ADVICE[refusal.code]
    # What it quotes of a record may be no text.
    return {
        name: str(said.get(name, "")).encode(errors="backslashreplace").decode() for name in MARKS
    }


def _beside(source: str, marks: dict[str, str]) -> Beside:
    """What of a letter stays readable."""
    return "letter", source, marks["of"], marks["code"]


def read_dead_letters(cluster: Cluster, cipher: RefusedCipher) -> list[DeadLetter]:
    """All dead letters of a log's streams and its inbox that its brokers still keep, by topic and
    offset, those of the inbox first.

    Raises:
        Misconfigured, Unavailable: as `find_manifest`: without the topics of a log there are none.
    """
    find_manifest(cluster)
    parts = [
        TopicPartition(cluster.named(name + DEAD_LETTERS), 0)
        for name in (INBOX, *sorted(stream.value for stream in Stream))
    ]
    admin = open_admin(cluster)
    told = partial(offsets, admin, parts, LATEST)
    ends = ask(cluster, "tell where its dead letters end", admin, told)
    consumer, found = open_consumer(cluster), []
    try:
        for part, end in zip(parts, ends, strict=True):
            if end:
                found += _read_topic(cluster, consumer, part, end, cipher)
    finally:
        consumer.close()
    return found


def _read_topic(
    cluster: Cluster, consumer: Consumer, part: TopicPartition, end: int, cipher: RefusedCipher
) -> list[DeadLetter]:
    source = part.topic.removeprefix(cluster.named(""))
    consumer.assign([TopicPartition(part.topic, part.partition, OFFSET_BEGINNING)])
    found: list[DeadLetter] = []
    until = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < until:
        with answered(cluster, "read its dead letters"):
            messages = consumer.consume(POLL_RECORDS, timeout=POLL_SECONDS)
        for message in messages:
            error, offset = message.error(), message.offset()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                if is_passing(error):
                    continue
                raise failure(cluster, "read its dead letters", error)
            assert offset is not None, "what comes has a place"
            until = time.monotonic() + ANSWER_SECONDS_MAX
            if error is None and offset < end and (letter := _letter(source, message, cipher)):
                found.append(letter)
            if offset >= end - 1:
                return found
    raise Unavailable(
        Code.LOG_UNAVAILABLE,
        f"Kafka at {cluster.brokers} gave nothing of {source} for {ANSWER_SECONDS_MAX:g} s",
        hint="See that its brokers run and can be reached; then ask again.",
    )


def _letter(source: str, message: Message, cipher: RefusedCipher) -> DeadLetter | None:
    """The dead letter of a record; None for one that bears no cause, which Crivo did not write."""
    headers = headers_in(message)
    is_sealed = tuple(name for name, _ in headers) == _HEADERS
    marks = dict(headers if is_sealed else headers[-len(MARKS) :])
    if not (is_sealed or tuple(marks) == MARKS):
        return None
    said = {
        name: each.decode(errors="backslashreplace")
        for name, each in marks.items()
        if isinstance(each, bytes)
    }
    if len(said) < len(marks) or said["code"] not in set(Code):
        return None
    _, at_ms = message.timestamp()
    letter = DeadLetter(
        source,
        message.offset() or 0,
        1_000 * at_ms,
        message.key(),
        message.value(),
        headers[: -len(MARKS)],
        said,
    )
    return _opened(letter, cipher) if is_sealed else letter


def _opened(letter: DeadLetter, cipher: RefusedCipher) -> DeadLetter:
    """A letter of which only the marks beside the sealed record are known, with the record."""
    sealed, beside = letter.value or b"", _beside(letter.source, letter.marks)
    try:
        found = cipher.open(sealed, beside=beside, where=f"letter {letter.place}")
    except CrivoError as error:
        return replace(letter, key=None, value=None, unopened=error)
    quoting = _DECODER.decode(found)
    marks = dict(zip(MARKS, quoting.marks, strict=True))
    headers: HeaderList = [*quoting.headers]
    return replace(letter, key=quoting.key, value=quoting.value, headers=headers, marks=marks)
