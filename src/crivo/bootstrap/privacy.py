"""Composes what is done with identities in a home folder: one erased, or one revealed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Final

from crivo.bootstrap.home import Home, open_home, require_home, wall_clock
from crivo.domain.clock import ClockKind
from crivo.domain.instant import DAY
from crivo.flows.erase import PrivacyService, Publish
from crivo.flows.newest import newest_receipt
from crivo.flows.ports import LogReader
from crivo.settings import Settings

_BYTES_OF_AN_ID: Final = 16


@contextmanager
def privacy_of(settings: Settings) -> Iterator[PrivacyService]:
    """What erases and reveals in a home folder that no service writes.

    It reveals, and counts of an erased one, what the log of CRIVO_LOG__URL holds, where there is
    one, as far as brokers still have it. Its events go to the home's own log all the same: that log
    has a writer.

    Raises:
        Unavailable: NOT_FOUND without a home folder, LOG_LOCKED while a service runs.
        Misconfigured, Unavailable: as `open_kafka_reader`.
    """
    require_home(settings)
    with ExitStack() as opened:
        home = opened.enter_context(open_home(settings, writer=True))
        elsewhere: LogReader | None = None
        if settings.log.url is not None:
            from crivo.bootstrap.kafka import open_kafka_reader

            elsewhere = opened.enter_context(
                closing(open_kafka_reader(settings, answers=False, whole=False))
            )
        yield privacy_service(
            settings, home, publish=home.log.append, now=lambda: _now(home), elsewhere=elsewhere
        )


def privacy_service(
    settings: Settings,
    home: Home,
    *,
    publish: Publish,
    now: Callable[[], int],
    elsewhere: LogReader | None = None,
) -> PrivacyService:
    """What erases and reveals in an open home folder, whose keys `elsewhere` lies under too."""
    return PrivacyService(
        log=home.reader,
        elsewhere=elsewhere,
        keys=home.persons,
        sealer=home.identities,
        pseudonyms=home.pseudonyms,
        publish=publish,
        now=now,
        new_id=lambda: secrets.token_hex(_BYTES_OF_AN_ID),
        retention=settings.retention_days * DAY,
    )


def _now(home: Home) -> int:
    """On a replay clock, now is the greatest receipt of the log."""
    if home.log.manifest.clock is ClockKind.WALL:
        return wall_clock()
    return newest_receipt(home.reader)
