"""Traces, where a receiver is set: nothing of OpenTelemetry is imported without one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from crivo.adapters.telemetry.metrics import Metrics
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.telemetry.traces import Traces


def traces_of(settings: Settings, metrics: Metrics) -> Traces | None:
    """What follows decisions to the settings' receiver; None where they name none."""
    if settings.traces.endpoint is None:
        return None
    # Half a second and fifty modules that most services have no use for.
    from crivo.adapters.telemetry.traces import Traces, otlp_exporter

    return Traces(
        otlp_exporter(settings.traces.endpoint),
        ratio=settings.traces.ratio,
        offset_ns=lambda: time.time_ns() - time.perf_counter_ns(),
        dropped=metrics.trace_dropped,
    )
