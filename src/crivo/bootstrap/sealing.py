"""Seals what a running service decides: a thread beside it, which no answer waits for."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from crivo.adapters.files.ledger_documents import PUBLIC_KEY_FILE
from crivo.adapters.files.secret import load_or_create_key, lost_key
from crivo.adapters.files.segments_file import SegmentsFile
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Home
from crivo.bootstrap.ledger import ledger_folder, published
from crivo.domain.errors import Code, Misconfigured, Unavailable, Unfit
from crivo.domain.event import Event
from crivo.flows.decide import DecisionService
from crivo.flows.seal import Sealer
from crivo.governance.segment import Signer, segment_event_id
from crivo.settings import Settings

#: How long a segment may wait for its commit before the sealer starts anew.
_COMMIT_SECONDS: Final = 30.0
#: Between two reads: what waits for Python's lock gets it.
_PAUSE_SECONDS: Final = 0.001
#: How long a stop goes on sealing what is not sealed yet.
_LAST_SECONDS: Final = 2.0
#: Looks at the log within the time that a segment may take.
_LOOKS: Final = 10
#: After a failure.
_RETRY_SECONDS: Final = 1.0

_LOGGER: Final = logging.getLogger("crivo.ledger")


class LedgerTelemetry(Protocol):
    """What a sealer tells of itself."""

    def sealed(self, segments: int, pending: int) -> None:
        """So many segments were closed; so many records were read and are in none yet."""
        ...

    def not_sealed(self, code: str) -> None:
        """A turn failed; the next one starts anew."""
        ...


def keep_sealed(
    settings: Settings,
    home: Home,
    decisions: DecisionService,
    soon: Callable[[Callable[[], None]], None],
    telemetry: LedgerTelemetry,
    stop: threading.Event,
) -> None:
    """Until `stop`: what becomes durable is sealed within the time of the settings, and then the
    rest. A turn that fails is told of, and the next one starts anew from what is durable.

    `soon` runs something on the thread of the service, which alone submits to the log.
    """
    closing = _Closing(settings.ledger.close_seconds)
    while True:
        try:
            signer = _signer(settings, home)
            place = SegmentsFile(ledger_folder(settings), public_key=signer.public_key)
            reader = open_reader(home.paths.log)
            try:
                sealer = Sealer(
                    records=home.log.keep_recent(reader),
                    segments=partial(published, reader, settled=0),
                    find=home.log.find,
                    end=home.log.end,
                    publish=Publisher(decisions, soon),
                    place=place,
                    signer=signer,
                    log_id=home.log.manifest.log_id,
                    partitions=home.log.manifest.partitions,
                )
                _seal_until(stop, sealer, closing, telemetry)
                return
            finally:
                reader.close()
                place.close()
        except (Misconfigured, Unavailable, Unfit) as error:
            telemetry.not_sealed(error.code)
            _LOGGER.warning(
                "ledger.not_sealed", extra={"code": error.code, "facts": {"words": str(error)}}
            )
        if stop.wait(_RETRY_SECONDS):
            return


def _signer(settings: Settings, home: Home) -> Signer:
    """What signs: under a key that is made only where nothing was signed yet.

    Raises:
        Misconfigured: KEY_MISSING where it is gone, FILE_UNREADABLE, FILE_UNWRITABLE.
    """
    path, manifest = home.paths.ledger_key, home.log.manifest
    firsts = (
        segment_event_id(manifest.log_id, partition, 1) for partition in range(manifest.partitions)
    )
    is_used = (ledger_folder(settings) / PUBLIC_KEY_FILE).exists() or any(
        home.log.find(each) is not None for each in firsts
    )
    if is_used and not path.exists():
        raise lost_key(path, needed_by="the ledger was signed under it")
    return Signer(load_or_create_key(path, make=secrets.token_bytes))


class _Closing:
    """When segments are closed: within `seconds` of the first record's commit."""

    def __init__(self, seconds: float) -> None:
        self.look_seconds: Final = seconds / _LOOKS
        self._every: Final = seconds - 2 * self.look_seconds
        self._at = time.monotonic()

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._at < self._every:
            return False
        self._at = now
        return True


def _seal_until(
    stop: threading.Event, sealer: Sealer, closing: _Closing, telemetry: LedgerTelemetry
) -> None:
    sealer.resume()
    while not stop.wait(closing.look_seconds):
        _turn(sealer, stop, telemetry, closes=closing.is_due())
    is_late = threading.Event()
    timer = threading.Timer(_LAST_SECONDS, is_late.set)
    timer.start()
    _turn(sealer, is_late, telemetry, closes=True)
    timer.cancel()


def _turn(
    sealer: Sealer, stop: threading.Event, telemetry: LedgerTelemetry, *, closes: bool
) -> None:
    closed = 0
    while sealer.read() and not stop.wait(_PAUSE_SECONDS):
        if sealer.is_full:
            closed += len(sealer.close())
    if closes:
        closed += len(sealer.close())
    telemetry.sealed(closed, sealer.pending)


class Publisher:
    """Appends events on the thread of the service; gives back when they are durable."""

    def __init__(
        self, decisions: DecisionService, soon: Callable[[Callable[[], None]], None]
    ) -> None:
        self._decisions: Final = decisions
        self._soon: Final = soon

    def __call__(self, events: Sequence[Event]) -> None:
        waiting = len(events)
        failures: list[Exception] = []
        told = threading.Event()

        def done(failure: Exception | None) -> None:
            nonlocal waiting
            waiting -= 1
            if failure is not None:
                failures.append(failure)
            if waiting == 0:
                told.set()

        def submit() -> None:
            for event in events:
                try:
                    self._decisions.append(event, (), done)
                except Unavailable as error:
                    done(error)

        self._soon(submit)
        if not told.wait(_COMMIT_SECONDS):
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                f"what was appended beside the loop was not on disk within {_COMMIT_SECONDS:.0f} s",
                hint="Look at the disk of the log.",
            )
        if failures:
            raise failures[0]
