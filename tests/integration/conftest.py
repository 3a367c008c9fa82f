"""A conversation with a new service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from crivo.bootstrap.service import build_service
from tests.e2e.homes import make_home, settings_of
from tests.integration.doors import Door, opened
from tests.ports.logs import REFUSED

if TYPE_CHECKING:
    from crivo.adapters.kafka.brokers import Brokers
    from crivo.adapters.kafka.client import Cluster
    from crivo.adapters.sqlite.log import SqliteLog
    from crivo.adapters.sqlite.quarantine import SqliteQuarantine
    from crivo.bootstrap.service import Service
    from crivo.domain.event import Event
    from crivo.settings import Settings
    from tests.integration.calling import Caller
    from tests.integration.ledgers import Ledger


@pytest.fixture
def cluster(kafka: Brokers) -> Iterator[Cluster]:
    """A space of its own in a broker, with the topics of a log."""
    from tests.ports.kafka_logs import forget_space, new_space

    space = new_space(kafka.cluster)
    yield space
    forget_space(space)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose service has decided some hundreds of transfers, of the tests of one file."""
    from tests.integration.workers import make_decided_home

    return make_decided_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def waiting(home: Path) -> list[Event]:
    """The events of that home's log as they were before anything was decided."""
    from tests.integration.workers import waiting_of

    return waiting_of(home)


@pytest.fixture(scope="module")
def running(service: Service) -> Iterator[Caller]:
    """A caller of the service that the tests of one file name, once it takes transfers."""
    from tests.integration.calling import called

    with called(service) as caller:
        yield caller


@pytest.fixture
def settings(tmp_path: Path, root: Path) -> Settings:
    """Of a new home, with the policy that ships."""
    from crivo.settings import Settings

    (tmp_path / "home").mkdir()
    return Settings(home=tmp_path / "home", policy=root / "policy")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A new log of a replayed clock."""
    from crivo.adapters.sqlite.log import open_log
    from crivo.domain.clock import ClockKind

    with closing(
        open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="new")
    ) as opened:
        yield opened


@pytest.fixture
def quarantine(tmp_path: Path) -> Iterator[SqliteQuarantine]:
    """A new quarantine."""
    from crivo.adapters.sqlite.quarantine import SqliteQuarantine

    with closing(SqliteQuarantine(tmp_path / "quarantine.sqlite", REFUSED)) as opened:
        yield opened


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger of 300 events, for copies alone."""
    from tests.integration.ledgers import Ledger

    ledger = Ledger(tmp_path_factory.mktemp("whole"))
    ledger.write(0, 300)
    return ledger


@pytest.fixture
def ledger(whole: Ledger, tmp_path: Path) -> Ledger:
    """The same, for this test alone."""
    from tests.integration.ledgers import copied

    return copied(whole, tmp_path / "copy")


@pytest.fixture
def converse(tmp_path: Path) -> Callable[[Callable[[Door], Awaitable[None]]], None]:
    """Runs a conversation with a new service."""

    def start(talk: Callable[[Door], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:
                await talk(door)

        # The loop that serves.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(whole())

    return start
