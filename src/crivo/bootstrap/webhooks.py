"""Webhooks of a service, where a setting names a file of subscriptions."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from crivo.adapters.sqlite.webhook_deliveries import SqliteDeliveries
from crivo.bootstrap.home import Home, open_log_reader, wall_clock
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.webhook_deliveries import Schedule
from crivo.flows.webhooks import Webhooks, WebhookTelemetry

if TYPE_CHECKING:
    from crivo.adapters.webhooks.sender import WebhookSender


@dataclass(frozen=True, slots=True)
class OpenWebhooks:
    """The delivery log, and what sends in a thread of its own; both are None without a file."""

    deliveries: SqliteDeliveries | None = None
    sender: WebhookSender | None = None


def open_webhooks(home: Home, telemetry: WebhookTelemetry, opened: ExitStack) -> OpenWebhooks:
    """The webhooks of the home's settings; `opened` closes them.

    Raises:
        Misconfigured: SETTING_INVALID, FILE_UNREADABLE, KEY_INVALID, LOG_MISMATCH.
        Unavailable: FILE_UNWRITABLE.
    """
    wanted = home.settings.webhooks
    if wanted.file is None:
        return OpenWebhooks()
    # A client of HTTP and its modules, for which most services have no use.
    from crivo.adapters.webhooks.sender import WebhookSender
    from crivo.adapters.webhooks.subscription_file import SubscriptionFile

    if wanted.retry_seconds_max < wanted.retry_seconds:
        field, least = "CRIVO_WEBHOOKS__RETRY_SECONDS_MAX", wanted.retry_seconds
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{field} must be {least} or more, as CRIVO_WEBHOOKS__RETRY_SECONDS",
            hint="docs/reference/settings.md says what belongs together.",
            field=field,
            expected=f"{least} or more",
            found=wanted.retry_seconds_max,
        )
    file = SubscriptionFile(wanted.file)
    manifest = home.log.manifest
    deliveries = SqliteDeliveries(home.paths.webhooks, log_id=manifest.log_id, start=home.log.end())
    opened.callback(deliveries.close)
    reader = open_log_reader(home.paths.log)
    opened.callback(reader.close)
    webhooks = Webhooks(
        reader,
        deliveries,
        kinds={each.name: each.kinds for each in file.found},
        schedule=Schedule(wanted.attempts_max, wanted.retry_seconds, wanted.retry_seconds_max),
        now=wall_clock,
        draw=random.SystemRandom().random,
        keep_days=wanted.keep_days,
        telemetry=telemetry,
    )
    sender = WebhookSender(
        webhooks,
        file,
        timeout_seconds=wanted.timeout_seconds,
        now=wall_clock,
        agent=f"crivo/{version('crivo')}",
        telemetry=telemetry,
    )
    return OpenWebhooks(deliveries, sender)
