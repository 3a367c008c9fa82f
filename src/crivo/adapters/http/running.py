"""A service while it runs: state rebuilt before it is ready, the table of decisions kept up."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from crivo.adapters.http.feed import FEED_MAX, Feed
from crivo.adapters.http.loop import LoopNotify
from crivo.domain.errors import CrivoError, Misconfigured, Unavailable
from crivo.flows.collecting import settle_down
from crivo.flows.noted import Seen
from crivo.flows.project import Projection

#: How often the table of decisions is brought up to the log.
PROJECT_SECONDS: Final = 0.05

_LOGGER: Final = logging.getLogger("crivo.running")


class RunTelemetry(Protocol):
    """What a running service tells of itself."""

    def ready(self, *, yes: bool) -> None:
        """Whether transfers are taken."""
        ...

    def seen(self, decisions: Sequence[Seen]) -> None:
        """Decisions are durable."""
        ...

    def projected(self, behind: int) -> None:
        """The table of decisions is so many events behind the log."""
        ...


class Running:
    """Readiness, and the threads beside the loop: one rebuilds, one projects, some work `beside`.

    `recover` rebuilds state and compiles what is not compiled yet; `sample` reads gauges now and
    then; each of `beside` works in a thread of its own from readiness until its event is set, under
    its name; `close` gives files back. `failed` is called where a start cannot succeed, where a
    thread meets what no waiting mends (Misconfigured), or by who sees that the log is another
    service's now; `became_ready` once the start has. Once a thread has broken the service is not
    ready until it is started anew: what would decide without its ledger or its kill switches must
    not decide.
    """

    def __init__(
        self,
        *,
        recover: Callable[[], None],
        sample: Callable[[], None],
        beside: Mapping[str, Callable[[threading.Event], None]],
        close: Callable[[], None],
        notify: LoopNotify,
        feed: Feed,
        telemetry: RunTelemetry,
    ) -> None:
        self._recover = recover
        self._sample = sample
        self._beside = beside
        self._close = close
        self._notify = notify
        self._feed = feed
        self._telemetry = telemetry
        self._stop = threading.Event()
        self._ready = False
        self._is_whole = True
        self._projecting = threading.Thread(
            target=self._watch,
            args=("projection", self._project_until_stop),
            name="crivo-projection",
            daemon=True,
        )
        self._working: list[threading.Thread] = []
        self._projection: Projection | None = None
        self.failed: Callable[[CrivoError], None] = lambda _: None
        self.became_ready: Callable[[], None] = lambda: None

    @property
    def is_ready(self) -> bool:
        """Whether transfers are taken, and their decisions shown."""
        return self._ready and self._is_whole

    def project(self, projection: Projection) -> None:
        """From the start on, this is kept up with the log."""
        self._projection = projection

    def show(self, decisions: Sequence[Seen]) -> None:
        """Decisions become visible: on the page, and in the metrics those that were made here."""
        for each in decisions:
            self._feed.add(each)
        self._telemetry.seen([each for each in decisions if each.is_own])

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """Starts behind the open door, and stops when the last request has its answer."""
        self._notify.attach(asyncio.get_running_loop())
        self._telemetry.ready(yes=False)
        preparing = asyncio.create_task(self._prepare())
        try:
            self._projecting.start()
            yield
        finally:
            self._ready = False
            self._telemetry.ready(yes=False)
            self._stop.set()
            await preparing
            await asyncio.to_thread(self._projecting.join)
            for working in self._working:
                await asyncio.to_thread(working.join)
            self._notify.detach()
            await asyncio.to_thread(self._close)

    async def _prepare(self) -> None:
        # What recovery makes stays: looking through it again and again is a third of its time.
        gc.disable()
        try:
            await asyncio.to_thread(self._recover)
        except CrivoError as error:
            self.failed(error)
            return
        finally:
            gc.enable()
        settle_down()
        self._ready = True
        self._telemetry.ready(yes=self.is_ready)
        for name, work in self._beside.items():
            working = threading.Thread(
                target=self._watch,
                args=(name, lambda work=work: work(self._stop)),
                name=f"crivo-{name}",
                daemon=True,
            )
            self._working.append(working)
            working.start()
        if not self._stop.is_set():
            self.became_ready()

    def _watch(self, name: str, work: Callable[[], None]) -> None:
        """Works; what breaks makes the service not ready, and the exception is printed whole, but
        for one that says itself what is to be mended: that one ends the service.
        """
        is_done = False
        try:
            work()
            is_done = True
        except Misconfigured as error:
            self.failed(error)
        finally:
            if not is_done:
                self._is_whole = False
                self._telemetry.ready(yes=False)
                _LOGGER.critical("thread.broken", extra={"facts": {"thread": name}})

    def _project_until_stop(self) -> None:
        projection = self._projection
        assert projection is not None, "a projection is given before the start"
        is_shown = False
        while not self._stop.wait(PROJECT_SECONDS):
            try:
                if not is_shown:
                    self._feed.begin(projection.latest(FEED_MAX), projection.counts())
                    is_shown = True
                projection.catch_up(self._telemetry.projected, should_stop=self._stop.is_set)
            except Unavailable as error:
                # It is tried again; decisions are answered from the log meanwhile.
                _LOGGER.warning("projection.failed", extra={"code": error.code})
            self._sample()
