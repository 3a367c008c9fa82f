"""Composes following: what other logs hold is taken into a service's own while it runs."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final

from crivo.bootstrap.home import Home, record_cipher, rotation_of
from crivo.bootstrap.kafka import cluster_of, require_client
from crivo.bootstrap.kept_number import keep_numbers, read_numbers
from crivo.domain.cut import Cut
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable
from crivo.domain.streams import Stream
from crivo.flows.cuts import Cuts, FollowTelemetry
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import value_of
from crivo.flows.event_rows import digest_of
from crivo.settings import Settings

#: Events that are taken between two requests: a millisecond or two of the loop.
BATCH: Final = 16
#: How long the next event of another log is waited for.
LOOK_SECONDS: Final = 0.05
#: How soon a log that took nothing, or brokers that told nothing, are asked again.
AGAIN_SECONDS: Final = 1.0
#: Cuts of the own log that are read at a time.
_CUTS: Final = 10_000

_LOGGER: Final = logging.getLogger("crivo.follow")


@dataclass(frozen=True, slots=True)
class Follower:
    """Takes what one other log holds.

    Args:
        settings: Those of who opens that log.
        home: The open home of this service.
        cuts: What appends and folds it, on the loop.
        hand_over: Runs something on the loop.
        telemetry: Hears how far it is.
    """

    settings: Settings
    home: Home
    cuts: Cuts
    hand_over: Callable[[Callable[[], None]], None]
    telemetry: FollowTelemetry

    def work(self, stop: threading.Event) -> None:
        """Until `stop`; while that log tells nothing, or this one takes nothing, it waits.

        Raises:
            Misconfigured: what no waiting mends: nobody is let in, a key is missing, or brokers
                have let go of what comes next.
            Unavailable: LOG_LOCKED once this log is another service's.
        """
        while not stop.is_set():
            try:
                self._follow(stop)
            except Unavailable as error:
                if error.code is Code.LOG_LOCKED:
                    raise
                self.telemetry.not_followed(error.code)
                facts = {"words": str(error)}
                _LOGGER.warning("follow.waits", extra={"code": error.code, "facts": facts})
                stop.wait(AGAIN_SECONDS)

    def _follow(self, stop: threading.Event) -> None:
        from crivo.adapters.kafka.manifest import require_manifest
        from crivo.adapters.kafka.tail import Tail

        cluster = cluster_of(self.settings)
        manifest = require_manifest(cluster)
        log_id, own = manifest.log_id, self.home.log.manifest.log_id
        if log_id == own:
            raise Misconfigured(
                Code.SETTING_INVALID,
                f"{self.settings.log.url} is this service's own log",
                hint="Name the logs of the other services.",
                field="CRIVO_FOLLOW__URLS",
                expected="logs of other services",
                found=log_id,
            )
        start = self.start(log_id)
        cipher = record_cipher(self.home.paths, rotation_of(self.settings))
        #: The ends of the own log at which what was taken is durable, each with how far that is.
        taken: deque[tuple[int, int]] = deque()
        with closing(Tail(cluster, manifest.partitions, start=start, cipher=cipher)) as tail:
            while not stop.is_set():
                events = tail.take(BATCH, LOOK_SECONDS)
                self.telemetry.follow_lags(log_id, tail.lag() + len(events))
                if events:
                    end = self._taken(partial(self.cuts.take, log_id, events), stop)
                    if end is None:
                        return
                    taken.append((end, events[-1].seq + 1))
                durable = self.home.log.end()
                ready = [taken.popleft() for each in tuple(taken) if each[0] <= durable]
                if ready:
                    self.keep(log_id, ready[-1][1], ready[-1][0])

    def _taken(self, take: Callable[[], int], stop: threading.Event) -> int | None:
        """What `take` gives on the loop, once the log takes what it appends; None at the stop."""
        while not stop.is_set():
            done: Future[int] = Future()
            self.hand_over(partial(_call, take, done))
            try:
                while not stop.is_set():
                    try:
                        return done.result(AGAIN_SECONDS)
                    except StillWaiting:
                        continue
            except Unavailable as error:
                if error.code is Code.LOG_LOCKED:
                    raise
                stop.wait(AGAIN_SECONDS)
        return None

    def start(self, log_id: str) -> int:
        """How far that log is held by this one. What is kept of it is believed where this one is
        still the log that it was kept of: one that was put back from a copy holds less, or other
        events, however far it has grown since.
        """
        start, at, mark = read_numbers(self.home.paths.followed(log_id), 3)
        return start if start and mark == self._mark(at) else self._newest_cut(log_id)

    def keep(self, log_id: str, start: int, at: int) -> None:
        """Keeps that this log holds that one up to `start`, once it is durable up to `at`.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        keep_numbers(self.home.paths.followed(log_id), start, at, self._mark(at))

    def _mark(self, at: int) -> int:
        """What tells this log up to there from any other: of its last row; 0 without one."""
        rows = self.home.reader.stored_rows(start=at - 1, limit=1) if at else []
        return int.from_bytes(digest_of(rows[0])) if rows else 0

    def _newest_cut(self, log_id: str) -> int:
        """How far the own log says that it holds the other; all of it is read for that."""
        at, behind, streams = 0, 0, frozenset({Stream.CUTS})
        while found := self.home.reader.read(start=at, limit=_CUTS, streams=streams):
            cuts: list[Cut] = [value_of(each.event) for each in found]
            behind = max(behind, *(each.behind for each in cuts if each.log_id == log_id), 0)
            at = found[-1].seq + 1
        return behind


def _call(take: Callable[[], int], done: Future[int]) -> None:
    """Gives what comes of it to who waits; where it breaks, who waits is told so."""
    try:
        done.set_result(take())
    except CrivoError as error:
        done.set_exception(error)
    finally:
        done.cancel()


def open_followers(
    settings: Settings,
    home: Home,
    decisions: DecisionService,
    hand_over: Callable[[Callable[[], None]], None],
    telemetry: FollowTelemetry,
) -> Mapping[str, Callable[[threading.Event], None]]:
    """What follows each log of CRIVO_FOLLOW__URLS, by a name of its own.

    Raises:
        Misconfigured: SETTING_INVALID without a client of Kafka.
    """
    urls = (settings.follow.urls or "").split()
    if not urls:
        return {}
    require_client("CRIVO_FOLLOW__URLS")
    cuts = Cuts(decisions, telemetry)
    found = {}
    for number, url in enumerate(urls):
        log = settings.log.model_copy(update={"url": url})
        other = settings.model_copy(update={"log": log})
        found[f"follow-{number}"] = Follower(other, home, cuts, hand_over, telemetry).work
    return found
