"""Sends webhooks: a thread with a loop of its own, in which no subscription waits for another."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from crivo.adapters.webhooks.addresses import AddressRefused, AllowedResolver
from crivo.adapters.webhooks.subscription_file import SubscriptionFile
from crivo.adapters.webhooks.subscriptions import Subscription
from crivo.domain.errors import Misconfigured, Refused, Unavailable
from crivo.domain.instant import SECOND
from crivo.flows.reload import Reload
from crivo.flows.webhook_deliveries import Attempt, Delivery, Failure
from crivo.flows.webhooks import Webhooks, WebhookTelemetry
from crivo.governance.webhook_signature import sign

#: How often it is looked for events, for what is due, and for a stop.
LOOK_SECONDS: Final = 0.1
#: Between two reads of a log that is far ahead: what waits for Python's lock gets it.
PAUSE_SECONDS: Final = 0.001
#: How often what waits is counted, and old deliveries are let go.
SWEEP_SECONDS: Final = 5.0
#: How often the file of subscriptions is looked at; a change is taken after one look at rest.
RELOAD_SECONDS: Final = 1.0
#: After a failure of the log or the delivery log.
RETRY_SECONDS: Final = 1.0
#: Deliveries taken at a time.
TAKEN: Final = 16
#: Bytes of an answer that are read, so that its connection is used again; nobody looks at them.
ANSWER_BYTES_MAX: Final = 4_096

_LOGGER: Final = logging.getLogger("crivo.webhooks")


class WebhookSender:
    """Runs `Webhooks` against real receivers until it is told to stop.

    An attempt that a stop interrupts is not noted: the message is sent again, under the same id.

    Args:
        webhooks: What makes deliveries and notes what came of them.
        file: Where they go; other subscriptions in it are taken while the sender runs.
        telemetry: Hears what came of each change of the file.
        timeout_seconds: How long one attempt may take, from the look-up of a name on.
        now: The time of day as an instant: signatures bear it.
        agent: The header `user-agent`.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        file: SubscriptionFile,
        *,
        timeout_seconds: float,
        now: Callable[[], int],
        agent: str,
        telemetry: WebhookTelemetry,
    ) -> None:
        self._webhooks: Final = webhooks
        self._file: Final = file
        self._telemetry: Final = telemetry
        self._served: Final[dict[Subscription, asyncio.Task[None]]] = {}
        self._timeout: Final = aiohttp.ClientTimeout(total=timeout_seconds)
        self._now: Final = now
        self._agent: Final = agent

    def work(self, stop: threading.Event) -> None:
        """Makes and sends messages until the event is set."""
        asyncio.run(self._work(stop))

    async def _work(self, stop: threading.Event) -> None:
        beside = [asyncio.create_task(each) for each in (self._follow(), self._sweep())]
        await self._serve_these()
        ended: set[asyncio.Task[None]] = set()
        looked_at = time.monotonic()
        while not stop.is_set() and not ended:
            ended, _ = await asyncio.wait(
                [*beside, *self._served.values()],
                timeout=LOOK_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not ended and time.monotonic() - looked_at >= RELOAD_SECONDS:
                looked_at = time.monotonic()
                await self._look()
        await _cancelled([*beside, *self._served.values()])
        for task in ended:
            # None of them ends by itself: this is a bug, and the thread ends with it.
            task.result()

    async def _look(self) -> None:
        """Takes other subscriptions; a faulty file leaves those that are served."""
        try:
            if not self._file.look():
                return
        except Misconfigured as error:
            facts = {"words": str(error)}
            _LOGGER.warning("webhooks.refused", extra={"code": error.code, "facts": facts})
            self._telemetry.webhooks_reloaded(Reload.REFUSED)
            return
        await self._serve_these()
        self._webhooks.ask({each.name: each.kinds for each in self._file.found})
        names = [each.name for each in self._file.found]
        _LOGGER.info("webhooks.adopted", extra={"facts": {"subscriptions": names}})
        self._telemetry.webhooks_reloaded(Reload.ADOPTED)

    async def _serve_these(self) -> None:
        """Serves what the file holds: those that stayed go on, and what changed begins anew."""
        wanted = self._file.found
        gone = [each for each in self._served if each not in wanted]
        await _cancelled([self._served.pop(each) for each in gone])
        for each in wanted:
            if each not in self._served:
                self._served[each] = asyncio.create_task(self._serve(each))

    async def _follow(self) -> None:
        while True:
            try:
                behind = self._webhooks.advance()
            except (Misconfigured, Refused, Unavailable) as error:
                await _wait_after(error)
                continue
            await asyncio.sleep(PAUSE_SECONDS if behind else LOOK_SECONDS)

    async def _sweep(self) -> None:
        while True:
            try:
                self._webhooks.sweep()
            except Unavailable as error:
                await _wait_after(error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _serve(self, subscription: Subscription) -> None:
        connector = aiohttp.TCPConnector(
            limit=1,
            resolver=AllowedResolver(subscription.networks),
            ssl=subscription.trust(),
            use_dns_cache=False,
            keepalive_timeout=30,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        ) as session:
            while True:
                try:
                    found = self._webhooks.due(subscription.name, limit=TAKEN)
                    for delivery in found:
                        attempt = await self._send(session, subscription, delivery)
                        self._webhooks.tried(delivery, attempt)
                except Unavailable as error:
                    await _wait_after(error)
                    continue
                if len(found) < TAKEN:
                    await asyncio.sleep(LOOK_SECONDS)

    async def _send(
        self, session: aiohttp.ClientSession, subscription: Subscription, delivery: Delivery
    ) -> Attempt:
        try:
            secrets = subscription.secrets()
        except Misconfigured as error:
            _LOGGER.warning("webhook.no_secret", extra={"code": error.code})
            return Attempt(Failure.SECRET)
        timestamp = self._now() // SECOND
        id_, body = delivery.webhook_id, delivery.body
        headers = {
            "content-type": "application/json",
            "user-agent": self._agent,
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secrets, webhook_id=id_, timestamp=timestamp, body=body),
        }
        attempt = await _post(session, subscription.url, headers, body)
        if attempt.failure is not None:
            facts = {
                "subscription": subscription.name,
                "webhook_id": id_,
                "attempt": delivery.attempts + 1,
                "failure": attempt.failure.value,
                "status": attempt.status,
            }
            _LOGGER.warning("webhook.not_delivered", extra={"facts": facts})
        return attempt


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def _post(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
) -> Attempt:
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            await answer.content.read(ANSWER_BYTES_MAX)
            if 200 <= answer.status < 300:
                return Attempt(None, answer.status)
            asked = answer.headers.get("retry-after", "")
            seconds = int(asked) if asked.isascii() and asked.isdecimal() else None
            return Attempt(Failure.STATUS, answer.status, seconds)
    except TimeoutError:
        return Attempt(Failure.TIMEOUT)
    except (aiohttp.ClientSSLError, ssl.SSLError):
        return Attempt(Failure.TLS)
    except aiohttp.ClientConnectorError as error:
        is_refused = isinstance(error.os_error, AddressRefused)
        return Attempt(Failure.ADDRESS if is_refused else Failure.UNREACHABLE)
    except (aiohttp.ClientError, OSError):
        return Attempt(Failure.UNREACHABLE)


async def _wait_after(error: Misconfigured | Refused | Unavailable) -> None:
    _LOGGER.warning("webhooks.wait", extra={"code": error.code, "facts": {"words": str(error)}})
    await asyncio.sleep(RETRY_SECONDS)
