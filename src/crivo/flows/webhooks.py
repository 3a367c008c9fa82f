"""Webhooks: a reader behind the log makes messages, and each subscription is sent its own.

Delivered at least once: a message is kept before it is sent, and sent again until its receiver
takes it or it was tried too often. A first attempt keeps the order of the log; what has failed is
tried again beside what came since, so a receiver orders by `seq` where order matters to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from crivo.domain.instant import DAY
from crivo.flows.ports import LogReader
from crivo.flows.webhook_deliveries import (
    WAITING_MAX,
    Attempt,
    Deliveries,
    Delivery,
    DeliveryState,
    Failure,
    Schedule,
)
from crivo.flows.webhook_message import STREAMS, Message, MessageKind, message_of

#: Events read at a time: a few milliseconds beside a service that answers.
BATCH: Final = 256
#: So many events may be read again after a kill: a place that alone has moved is kept no oftener.
UNKEPT_MAX: Final = 8_192


class WebhookTelemetry(Protocol):
    """What webhooks tell of themselves."""

    def webhook_tried(self, subscription: str, result: str, seconds: float | None) -> None:
        """An attempt was `delivered` (so long after the message was made), `failed` or `dead`."""
        ...

    def webhooks_wait(self, subscription: str, waiting: int, dead: int) -> None:
        """So many deliveries wait, and so many were given up."""
        ...

    def webhooks_behind(self, events: int) -> None:
        """So many events of the log were not looked at yet."""
        ...

    def webhooks_reloaded(self, result: str) -> None:
        """Other subscriptions were `adopted`, or a faulty file was `refused`."""
        ...


class Webhooks:
    """Makes deliveries of what the log says, and notes what comes of them; one thread calls it.

    Args:
        log: Any reader of the log.
        deliveries: The delivery log.
        kinds: What each subscription asks for, by its name.
        schedule: When a failed attempt is followed by another.
        now: The time of day as an instant.
        draw: Random numbers in [0, 1).
        keep_days: How long what was delivered stays in the delivery log.
    """

    def __init__(
        self,
        log: LogReader,
        deliveries: Deliveries,
        *,
        kinds: Mapping[str, frozenset[MessageKind]],
        schedule: Schedule,
        now: Callable[[], int],
        draw: Callable[[], float],
        keep_days: int,
        telemetry: WebhookTelemetry,
    ) -> None:
        self._log: Final = log
        self._deliveries: Final = deliveries
        self._kinds = kinds
        self._schedule: Final = schedule
        self._now: Final = now
        self._draw: Final = draw
        self._keep: Final = keep_days * DAY
        self._telemetry: Final = telemetry
        self._at = self._kept = deliveries.reached()

    def ask(self, kinds: Mapping[str, frozenset[MessageKind]]) -> None:
        """From the next event on, these are asked for; what waits for others stays, unsent."""
        for name in self._kinds.keys() - kinds.keys():
            self._telemetry.webhooks_wait(name, 0, 0)
        self._kinds = kinds

    def advance(self) -> int:
        """Makes the deliveries of the next events; gives how many events are left to look at.

        Raises:
            Unavailable: FILE_UNWRITABLE; the same events are read by the next call.
            Misconfigured, Refused: an event that cannot be read; so they are.
        """
        end = self._log.end()
        if self._at < end:
            found = self._log.read(start=self._at, limit=BATCH, streams=STREAMS)
            newest = found[-1].seq + 1 if found else 0
            reached = newest if len(found) == BATCH else max(newest, end)
            messages = [each for stored in found if (each := message_of(stored, self._log))]
            made = self._made(messages) if messages else []
            if made or reached - self._kept >= UNKEPT_MAX:
                self._deliveries.put(made, reached=reached)
                self._kept = reached
            self._at = reached
        behind = max(end - self._at, 0)
        self._telemetry.webhooks_behind(behind)
        return behind

    def _made(self, messages: Sequence[Message]) -> list[Delivery]:
        now, made = self._now(), []
        for name, kinds in self._kinds.items():
            asked = [each for each in messages if each.kind in kinds]
            waiting = self._deliveries.counts(name)[DeliveryState.WAITING] if asked else 0
            for place, message in enumerate(asked):
                delivery = _waiting(name, message, now)
                if waiting + place >= WAITING_MAX:
                    dead, full = DeliveryState.DEAD, Failure.FULL
                    delivery = replace(delivery, state=dead, failure=full, ended_at=now)
                    self._telemetry.webhook_tried(name, "dead", None)
                made.append(delivery)
        return made

    def due(self, subscription: str, *, limit: int) -> list[Delivery]:
        """What a subscription is to be sent now.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        return self._deliveries.due(subscription, now=self._now(), limit=limit)

    def tried(self, delivery: Delivery, attempt: Attempt) -> Delivery:
        """The delivery as it stands after this attempt, kept.

        Raises:
            Unavailable: FILE_UNWRITABLE; it is due as before.
        """
        now, attempts = self._now(), delivery.attempts + 1
        noted = replace(delivery, attempts=attempts, status=attempt.status, failure=attempt.failure)
        if attempt.failure is None:
            result, seconds = "delivered", max(now - delivery.made_at, 0) / 1e6
            noted = replace(noted, state=DeliveryState.DELIVERED, ended_at=now)
        elif attempts >= self._schedule.attempts_max:
            result, seconds = "dead", None
            noted = replace(noted, state=DeliveryState.DEAD, ended_at=now)
        else:
            result, seconds = "failed", None
            wait = self._schedule.wait(attempts, self._draw(), at_least=attempt.retry_after)
            noted = replace(noted, due_at=now + wait)
        self._deliveries.note(noted)
        self._telemetry.webhook_tried(delivery.subscription, result, seconds)
        return noted

    def sweep(self) -> None:
        """Tells what waits, and lets go what was delivered long ago.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        self._deliveries.forget(before=self._now() - self._keep)
        for name in self._kinds:
            counts = self._deliveries.counts(name)
            waiting, dead = counts[DeliveryState.WAITING], counts[DeliveryState.DEAD]
            self._telemetry.webhooks_wait(name, waiting, dead)


def _waiting(subscription: str, message: Message, now: int) -> Delivery:
    return Delivery(
        subscription=subscription,
        webhook_id=message.webhook_id,
        seq=message.seq,
        kind=message.kind.value,
        body=message.body,
        made_at=now,
        state=DeliveryState.WAITING,
        attempts=0,
        due_at=now,
    )
