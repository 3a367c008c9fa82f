"""A conversation with a new service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from crivo.bootstrap.service import build_service
from tests.e2e.homes import make_home, settings_of
from tests.integration.doors import Door, opened


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
