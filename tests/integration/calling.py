"""An application on the event loop of a thread of its own, called from tests without a loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from crivo.bootstrap.service import Service


class Caller:
    """A blocking client of a running service; headers and cookies are the test's to change.

    An exception of the application reaches the test, unless `forgiving` is set.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._running = service.running()
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.forgiving = False

    def start(self) -> None:
        """Runs the service until `stop`."""
        self._thread.start()
        self._wait(self._running.__aenter__())

    def stop(self) -> None:
        """Stops the service in order, and its loop."""
        self._wait(self._running.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request and its whole answer; redirects are the caller's to follow."""
        return self._wait(self._request(method, path, options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """A POST."""
        return self.request("POST", path, **options)

    async def _request(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(
            app=self._service.app, raise_app_exceptions=not self.forgiving
        )
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://127.0.0.1",
            headers=self.headers,
            cookies=self.cookies,
        ) as client:
            response = await client.request(method, path, **options)
            self.cookies = dict(client.cookies)
            return response

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


@contextmanager
def called(service: Service) -> Iterator[Caller]:
    """A caller of the service while it runs, once it takes transfers."""
    caller = Caller(service)
    caller.start()
    # The kernel may have to be compiled first, which takes minutes on a busy machine.
    deadline = time.monotonic() + 900
    while not service.running.is_ready:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield caller
    caller.stop()
