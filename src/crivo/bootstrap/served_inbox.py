"""Composes the inbox of a service: what outsiders produce goes into the log that HTTP writes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import Home, refused_cipher
from crivo.bootstrap.kafka import cluster_of, require_client
from crivo.domain.errors import Code, CrivoError, Misconfigured, Refused, Unavailable
from crivo.flows.decide import DecisionService
from crivo.flows.inbox import Asked, Became, InboxService
from crivo.flows.ports import Log
from crivo.governance.refused_cipher import RefusedCipher
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.client import Cluster
    from crivo.adapters.kafka.inbox import Arrived, InboxTelemetry
    from crivo.bootstrap.inbox import Parser

#: Records of one turn of the deciding thread, at some tens of microseconds each: requests are
#: answered between two turns.
TAKEN_AT_ONCE: Final = 16
#: How often it is looked whether what was taken is durable.
LOOK_SECONDS: Final = 0.002
#: How soon brokers, or a log, that took nothing are asked again.
AGAIN_SECONDS: Final = 1.0

_LOGGER: Final = logging.getLogger("crivo.inbox")

#: Runs something on the deciding thread.
HandOver = Callable[[Callable[[], None]], None]


class WaitTelemetry(Protocol):
    """What is told of an inbox that waits."""

    def inbox_waits(self, code: str) -> None:
        """Brokers or the log take nothing from it just now; they are asked again."""
        ...


@dataclass(frozen=True, slots=True)
class OpenInbox:
    """The inbox of a cluster for the log of a service, which is passed on to that cluster."""

    cluster: Cluster
    log: Log
    parse: Parser
    service: InboxService
    hand_over: HandOver
    told: InboxTelemetry
    refused: RefusedCipher
    telemetry: WaitTelemetry

    def work(self, stop: threading.Event) -> None:
        """Until `stop`: what comes is taken; while brokers, or the log, take nothing, it waits.

        Raises:
            Misconfigured: what no waiting mends: another log's inbox, or nobody is let in.
            Unavailable: LOG_LOCKED where another has opened the inbox since.
        """
        from crivo.adapters.kafka.inbox import Inbox
        from crivo.adapters.kafka.manifest import require_manifest
        from crivo.adapters.kafka.rows import check_same

        while not stop.is_set():
            try:
                # The relay makes it, where there is none yet.
                check_same(self.cluster, require_manifest(self.cluster), self.log.manifest)
                take = partial(self.take, stop)
                Inbox(self.cluster, take, self.told, self.refused).run(stop.is_set)
            except Unavailable as error:
                if error.code is Code.LOG_LOCKED:
                    raise
                self._waits(error)
                stop.wait(AGAIN_SECONDS)

    def take(self, stop: threading.Event, arrived: Sequence[Arrived]) -> list[Became | Refused]:
        """What becomes of records; what the log holds of them is durable when it returns.

        Raises:
            Unavailable: LOG_UNAVAILABLE where it is to stop before that.
        """
        asked = [self.parse(each.value, each.headers) for each in arrived]
        became: list[Became | Refused] = []
        end = 0
        for at in range(0, len(asked), TAKEN_AT_ONCE):
            some, end = self._taken(asked[at : at + TAKEN_AT_ONCE], stop)
            became += some
        while self.log.end() < end:
            if stop.wait(LOOK_SECONDS):
                raise _ending()
        return became

    def _taken(
        self, asked: Sequence[Asked | Refused], stop: threading.Event
    ) -> tuple[list[Became | Refused], int]:
        """As `InboxService.take`, on the deciding thread, once the log takes it."""
        while not stop.is_set():
            try:
                return self._on_its_thread(partial(self.service.take, asked))
            except Unavailable as error:
                self._waits(error)
                stop.wait(AGAIN_SECONDS)
        raise _ending()

    def _on_its_thread(
        self, work: Callable[[], tuple[list[Became | Refused], int]]
    ) -> tuple[list[Became | Refused], int]:
        """What the work gives, or raises of Crivo's errors."""
        given: list[tuple[list[Became | Refused], int]] = []
        failed: list[CrivoError] = []
        is_over = threading.Event()

        def run() -> None:
            try:
                given.append(work())
            except CrivoError as error:
                failed.append(error)
            finally:
                is_over.set()

        self.hand_over(run)
        is_over.wait()
        if failed:
            raise failed[0]
        return given[0]

    def _waits(self, error: Unavailable) -> None:
        self.telemetry.inbox_waits(error.code)
        _LOGGER.warning("inbox.waits", extra={"code": error.code, "facts": {"words": str(error)}})


def _ending() -> Unavailable:
    """Why a turn is given up: the next start meets its records again, and knows what it took."""
    return Unavailable(
        Code.LOG_UNAVAILABLE, "the service ends", hint="Its next start takes the rest."
    )


def open_inbox(
    settings: Settings,
    home: Home,
    decisions: DecisionService,
    metrics: Metrics,
    hand_over: HandOver,
) -> OpenInbox | None:
    """The inbox of the log of CRIVO_RELAY__URL; None where CRIVO_RELAY__INBOX does not ask for it.

    Raises:
        Misconfigured: SETTING_INVALID where no log is named, or without a client of Kafka.
    """
    if not settings.relay.inbox:
        return None
    if settings.relay.url is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "a service takes the inbox of the log that it passes its own on to, and none is named",
            hint="Set CRIVO_RELAY__URL too: workers answer the transfers of the inbox there.",
            field="CRIVO_RELAY__INBOX",
            expected="not set without CRIVO_RELAY__URL",
            found=True,
        )
    require_client("CRIVO_RELAY__INBOX")
    from crivo.bootstrap.inbox import Parser, ReceiveResult, Told

    log = settings.log.model_copy(update={"url": settings.relay.url})
    # Who waits here tells of it, and is asked to end now and then: nothing waits inside.
    cluster = replace(cluster_of(settings.model_copy(update={"log": log})), outage_seconds=0.0)
    return OpenInbox(
        cluster,
        home.log,
        Parser(home.pseudonyms, settings.http.decision_bytes_max),
        InboxService(decisions, home.pseudonyms),
        hand_over,
        Told(metrics, ReceiveResult()),
        refused_cipher(settings),
        metrics,
    )
