"""Composes the door of a log in Kafka: its inbox, parsed as over HTTP, appended by its writer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.http.bodies import parse_decision, parse_report, parse_told
from crivo.adapters.http.pacs008 import parse_pacs008
from crivo.adapters.http.receive import check_media, check_size
from crivo.adapters.kafka.client import Cluster, patiently
from crivo.adapters.kafka.inbox import Arrived, Inbox
from crivo.adapters.kafka.log import KafkaLog
from crivo.adapters.kafka.manifest import require_manifest
from crivo.adapters.kafka.records import Headers
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import (
    Paths,
    identity_sealer,
    open_pseudonyms,
    refused_cipher,
    wall_clock,
)
from crivo.bootstrap.kafka import cluster_of, open_kafka_writer
from crivo.bootstrap.kept_keys import open_person_keys
from crivo.domain.clock import LogClock
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, invalid
from crivo.domain.event import Event
from crivo.domain.report import SCHEMA as REPORT
from crivo.domain.transfer import SCHEMA as TRANSFER
from crivo.flows.inbox import Asked, AskedEvent, AskedReport, AskedTransfer, Became, Door
from crivo.flows.newest import newest_receipt
from crivo.governance.pseudonym import Pseudonymiser
from crivo.settings import Settings

#: The headers that say what a record is: a schema that outsiders write (none: a transfer), the
#: media type of its value (none: JSON), and a coding, of which none is read.
KIND: Final = "kind"
MEDIA: Final = "content-type"
CODING: Final = "content-encoding"

_JSON: Final = b"application/json"


@dataclass(frozen=True, slots=True)
class Receiving:
    """How the inbox is read."""

    until_end: bool = False
    metrics_port: int | None = None


@dataclass(slots=True)
class ReceiveResult:
    """What became of records: received = appended + duplicate + refused, always."""

    received: int = 0
    appended: int = 0
    duplicate: int = 0
    refused: Counter[Code] = field(default_factory=Counter)

    @property
    def is_conserved(self) -> bool:
        """Whether every record is accounted for."""
        return self.received == self.appended + self.duplicate + self.refused.total()


@dataclass(frozen=True, slots=True)
class Told:
    """Counts what the inbox tells of, for its metrics and for who called it."""

    metrics: Metrics
    result: ReceiveResult

    def settled(self, received: int, became: Sequence[Became | Refused]) -> None:
        result = self.result
        result.received += received
        self.metrics.inbox_received(received)
        alike = Counter(each.code if isinstance(each, Refused) else each for each in became)
        for what, count in alike.items():
            match what:
                case Became.APPENDED:
                    result.appended += count
                    self.metrics.inbox_settled("appended", "", count)
                case Became.DUPLICATE:
                    result.duplicate += count
                    self.metrics.inbox_settled("duplicate", "", count)
                case Code():
                    result.refused[what] += count
                    self.metrics.inbox_settled("refused", what, count)

    def lagging(self, records: int) -> None:
        self.metrics.inbox_lags(records)


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads what outsiders produce by the parsers of the HTTP door.

    Args:
        pseudonyms: What makes pseudonyms of raw ids.
        bytes_max: Of one value.
    """

    pseudonyms: Pseudonymiser
    bytes_max: int

    def __call__(self, value: bytes | None, headers: Headers | None) -> Asked | Refused:
        """What a record asks, or why it cannot be read."""
        try:
            return self._asked(value, headers)
        except Refused as refusal:
            return refusal

    def _asked(self, value: bytes | None, headers: Headers | None) -> Asked:
        if headers is None:
            raise invalid(
                Code.FIELD_VALUE,
                field="headers",
                expected="names of headers in UTF-8",
                found="bytes that are none",
            )
        if value is None:
            raise invalid(
                Code.BODY_MALFORMED,
                field="value",
                expected="a JSON document, or a pacs.008 message",
                found=None,
                hint="A record without a value deletes nothing here: produce what is to be told.",
            )
        check_size(len(value), bytes_max=self.bytes_max)
        said = {name.lower(): _bytes(text) for name, text in headers.items()}
        kind = said.get(KIND, TRANSFER.encode()).decode(errors="backslashreplace")
        xml = check_media(said.get(MEDIA, _JSON), said.get(CODING), or_xml=kind == TRANSFER)
        if kind == TRANSFER:
            parse = parse_pacs008 if xml else parse_decision
            return AskedTransfer(*parse(value, self.pseudonyms))
        if kind == REPORT:
            claim, status, supplied = parse_report(value)
            return AskedReport(claim.report_id, status, claim.end_to_end_id, supplied)
        document, supplied = parse_told(value)
        return AskedEvent(kind, document, supplied)


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door to a log in Kafka that is open for its one writer."""

    cluster: Cluster
    log: KafkaLog
    door: Door
    parse: Parser

    def take(self, arrived: Sequence[Arrived]) -> list[Became | Refused]:
        """What becomes of records; what is appended is durable when it returns.

        Raises:
            Unavailable: LOG_UNAVAILABLE once brokers are away for too long; LOG_LOCKED where
                another writer has taken over; FILE_UNWRITABLE.
        """
        asked = [self.parse(each.value, each.headers) for each in arrived]
        judged = patiently(self.cluster, partial(self.door.judge, asked))
        if judged.fresh:
            self._append(judged.fresh)
        return judged.became

    def _append(self, events: Sequence[Event]) -> None:
        """Until they are durable: what is sequenced, the log tries again by itself."""
        try:
            self.log.append(events)
        except Unavailable as error:
            if error.code is not Code.LOG_UNAVAILABLE:
                raise
            patiently(self.cluster, self.log.check)


def open_door(settings: Settings, opened: ExitStack) -> OpenDoor:
    """The door to the log of CRIVO_LOG__URL, with the keys of the home folder.

    Raises:
        Misconfigured: SETTING_INVALID without a URL; as `open_kafka_log`, `open_pseudonyms` and
            `open_person_keys`.
        Unavailable: NOT_FOUND without a log, LOG_UNAVAILABLE, FILE_UNWRITABLE.
    """
    if settings.log.url is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "an inbox is that of a log in Kafka, and none is named",
            hint="Give --log kafka://HOST:PORT; a log's file has its door in `crivo serve`.",
            field="CRIVO_LOG__URL",
            expected="kafka://HOST:PORT",
            found="nothing",
        )
    cluster = cluster_of(settings)
    require_manifest(cluster)
    make_private_folder(settings.home)
    paths = Paths(settings.home)
    persons = open_person_keys(paths)
    opened.callback(persons.close)
    log = open_kafka_writer(settings, identities=identity_sealer(persons, is_alone=False))
    opened.callback(log.close)
    pseudonyms = open_pseudonyms(paths, log)
    return OpenDoor(
        cluster,
        log,
        Door(
            log,
            pseudonyms,
            LogClock(log.manifest.clock, wall=wall_clock, start=newest_receipt(log)),
        ),
        Parser(pseudonyms, settings.http.decision_bytes_max),
    )


def receive_inbox(
    settings: Settings, receiving: Receiving, *, should_stop: Callable[[], bool]
) -> ReceiveResult:
    """What became of the inbox of the log of CRIVO_LOG__URL until it was to stop.

    Raises:
        Misconfigured, Unavailable: as `open_door`, `OpenDoor.take` and `Inbox.run`.
    """
    result, metrics = ReceiveResult(), Metrics()
    with ExitStack() as opened:
        door = open_door(settings, opened)
        if receiving.metrics_port is not None:
            opened.enter_context(exposed(metrics, settings.http.host, receiving.metrics_port))
        told, refused = Told(metrics, result), refused_cipher(settings)
        inbox = Inbox(door.cluster, door.take, told, refused)
        inbox.run(should_stop, until_end=receiving.until_end)
    assert result.is_conserved, result
    return result


def _bytes(text: str | bytes | None) -> bytes:
    return text.encode() if isinstance(text, str) else text or b""
