"""Composes the relay: the log of a service, passed on to one in Kafka while the service runs."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Home
from crivo.bootstrap.kafka import open_kafka_rows, require_client
from crivo.bootstrap.kept_number import keep_numbers, read_numbers
from crivo.domain.errors import Code, Unavailable
from crivo.flows.copy_log import RowLog
from crivo.flows.relay import Relay
from crivo.settings import Settings

#: How often the log is looked at while nothing waits.
LOOK_SECONDS: Final = 0.05
#: How soon brokers that took nothing are asked again.
AGAIN_SECONDS: Final = 1.0
#: How long what is compared may be silent at a time: a service that is to end waits for that.
SILENCE_SECONDS_MAX: Final = 15.0

_LOGGER: Final = logging.getLogger("crivo.relay")


class RelayTelemetry(Protocol):
    """What a relay tells of itself."""

    def relay_lags(self, events: int) -> None:
        """So many events wait for the log in Kafka."""
        ...

    def not_relayed(self, code: str) -> None:
        """It did not take them just now, or is another's since; unless it is, it is asked again."""
        ...


@dataclass(frozen=True, slots=True)
class OpenRelay:
    """A relay of the log of an open home folder."""

    settings: Settings
    home: Home
    relay: Relay
    telemetry: RelayTelemetry

    def lag(self) -> int:
        """How many events wait for the log in Kafka, as far as that was heard of."""
        return max(0, self.home.log.end() - self.relay.taken)

    def work(self, stop: threading.Event) -> None:
        """Until `stop`: what becomes durable is passed on; while brokers take nothing, it waits.

        The writer's name is taken once. Whoever takes it afterwards keeps it: what waits then stays
        in the file until the service is started anew, and that is told of for as long.

        Raises:
            Misconfigured: what no waiting mends: another log is there, or one that went on without
                this one, or nobody is let in.
        """
        self._pass_on(stop)
        while not stop.wait(AGAIN_SECONDS):
            self._tell(Code.LOG_LOCKED)

    def _pass_on(self, stop: threading.Event) -> None:
        """Until `stop`, or until another has taken the writer's name."""
        with closing(open_reader(self.home.paths.log)) as source, ExitStack() as opened:
            target: RowLog | None = None
            while not stop.is_set():
                try:
                    if target is None:
                        rows = open_kafka_rows(self.settings, source)
                        target = opened.enter_context(closing(rows))
                    is_all = not self.relay.pass_on(source, target)
                    self.telemetry.relay_lags(self.lag())
                    if is_all:
                        stop.wait(LOOK_SECONDS)
                except Unavailable as error:
                    self._tell(error.code)
                    facts = {"words": str(error), "events": self.lag()}
                    extra = {"code": error.code, "facts": facts}
                    if error.code is Code.LOG_LOCKED:
                        _LOGGER.critical("relay.taken_over", extra=extra)
                        return
                    _LOGGER.warning("relay.waits", extra=extra)
                    stop.wait(AGAIN_SECONDS)

    def _tell(self, code: Code) -> None:
        self.telemetry.relay_lags(self.lag())
        self.telemetry.not_relayed(code)


def open_relay(settings: Settings, home: Home, telemetry: RelayTelemetry) -> OpenRelay | None:
    """What passes a home's log on to the one of CRIVO_RELAY__URL; None where none is named, or
    where that one comes first.

    From now on the log takes nothing where more would wait than the settings say.

    Raises:
        Misconfigured: SETTING_INVALID without a client of Kafka.
    """
    if settings.relay.url is None or settings.relay.first != "file":
        return None
    require_client("CRIVO_RELAY__URL")
    kept = home.paths.relayed
    relay = Relay(
        taken=read_numbers(kept, 1)[0],
        spool_max=settings.relay.spool_events,
        keep=partial(keep_numbers, kept),
    )
    home.log.bound(relay.check)
    patience = min(settings.kafka.outage_seconds, SILENCE_SECONDS_MAX)
    asked = settings.kafka.model_copy(update={"outage_seconds": patience})
    asking = relay_settings(settings.model_copy(update={"kafka": asked}))
    return OpenRelay(asking, home, relay, telemetry)


def relay_settings(settings: Settings) -> Settings:
    """The settings of who opens the log of CRIVO_RELAY__URL."""
    log = settings.log.model_copy(update={"url": settings.relay.url})
    return settings.model_copy(update={"log": log})
