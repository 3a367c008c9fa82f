"""Composes the relay: the log of a service, passed on to one in Kafka while the service runs."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Home
from crivo.bootstrap.kafka import open_kafka_rows
from crivo.domain.errors import Code, Unavailable
from crivo.flows.relay import Relay
from crivo.settings import Settings

#: How often the log is looked at while nothing waits.
LOOK_SECONDS: Final = 0.05
#: How soon brokers that took nothing are asked again.
AGAIN_SECONDS: Final = 1.0

_LOGGER: Final = logging.getLogger("crivo.relay")


class RelayTelemetry(Protocol):
    """What a relay tells of itself."""

    def relay_lags(self, events: int) -> None:
        """So many events wait for the log in Kafka."""
        ...

    def not_relayed(self, code: str) -> None:
        """It did not take them just now; it is asked again."""
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

        Raises:
            Misconfigured: what no waiting mends: another log is there, or nobody is let in.
        """
        with closing(open_reader(self.home.paths.log)) as source:
            while not stop.is_set():
                try:
                    with closing(open_kafka_rows(self.settings, self.home.log.manifest)) as target:
                        while not stop.is_set():
                            is_all = not self.relay.pass_on(source, target)
                            self.telemetry.relay_lags(self.lag())
                            if is_all:
                                stop.wait(LOOK_SECONDS)
                except Unavailable as error:
                    self._waits(error)
                    stop.wait(AGAIN_SECONDS)

    def _waits(self, error: Unavailable) -> None:
        self.telemetry.relay_lags(self.lag())
        self.telemetry.not_relayed(error.code)
        facts = {"words": str(error), "events": self.lag()}
        _LOGGER.warning("relay.waits", extra={"code": error.code, "facts": facts})


def open_relay(settings: Settings, home: Home, telemetry: RelayTelemetry) -> OpenRelay | None:
    """What passes a home's log on to the one of CRIVO_RELAY__URL; None where none is named.

    From now on the log takes nothing where more would wait than the settings say.
    """
    if settings.relay.url is None:
        return None
    kept = home.paths.relayed
    relay = Relay(
        taken=_read(kept),
        spool_max=settings.relay.spool_events,
        keep=lambda taken: _write(kept, taken),
    )
    home.log.bound(relay.check)
    log = settings.log.model_copy(update={"url": settings.relay.url})
    return OpenRelay(settings.model_copy(update={"log": log}), home, relay, telemetry)


def _read(kept: Path) -> int:
    """How many events the log in Kafka was known to hold; 0 where nothing is kept of it."""
    text = kept.read_text(encoding="ascii") if kept.is_file() else ""
    return int(text) if text.isdigit() else 0


def _write(kept: Path, taken: int) -> None:
    """Keeps it; where a power cut loses it, the brokers tell it again."""
    aside = kept.with_suffix(".new")
    try:
        aside.write_text(str(taken), encoding="ascii")
        aside.replace(kept)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"{kept} cannot be written: {error.strerror}",
            hint="Look at the disk and the folder's permissions.",
            file=str(kept),
        ) from error
