"""Traces: some decisions and batches as spans of OpenTelemetry, made and sent away from the loop.

A request that names a trace (W3C `traceparent`) is followed where its caller says so; of the others
a share, chosen by the EndToEndId, of a batch by that of its first transfer. The loop notes four
instants and nothing else.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from crivo.flows.answers import Answer

#: Decisions that wait to be sent; what comes while so many wait is left out, and counted.
WAITING_MAX: Final = 4_096
#: How long what was noted waits at most before it is made into spans.
EVERY_SECONDS: Final = 0.25
#: How long a stop waits for what was noted to be sent.
STOP_MILLISECONDS: Final = 3_000

_PARENT: Final = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SHARES: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: transfers that were answered, and that were refused."""

    answered: int
    refused: int


@dataclass(frozen=True, slots=True)
class Noted:
    """A decision or a batch: instants in nanoseconds of the monotonic clock, in their order."""

    route: str
    parent: bytes | None
    what: Answer | Batch
    instants_ns: tuple[int, int, int, int]


class Traces:
    """Follows decisions; `answered` belongs to the loop, `work` to a thread of its own.

    Args:
        exporter: Where spans go.
        ratio: The share of decisions that is followed where their caller names no trace.
        offset_ns: What the wall clock is ahead of the monotonic one.
        dropped: Hears of each decision that was left out because too many waited.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        ratio: float,
        offset_ns: Callable[[], int],
        dropped: Callable[[], None],
    ) -> None:
        resource = Resource.create({"service.name": "crivo", "service.version": version("crivo")})
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("crivo.http")
        self._below: Final = int(ratio * _SHARES)
        self._offset_ns = offset_ns
        self._dropped = dropped
        self._waiting: deque[Noted] = deque()
        self._propagator = TraceContextTextMapPropagator()

    def answered(
        self, route: str, parent: bytes | None, answer: Answer, instants_ns: tuple[int, ...]
    ) -> None:
        """A decision left; `instants_ns` says when it arrived, was sequenced, durable, answered."""
        if self.is_followed(parent, answer.end_to_end_id):
            self._note(route, parent, answer, instants_ns)

    def batch_answered(
        self,
        route: str,
        parent: bytes | None,
        first: str,
        counts: tuple[int, int],
        instants_ns: tuple[int, ...],
    ) -> None:
        """A batch left whose first answer is of the id `first`; `counts` are its transfers that
        were answered and refused, `instants_ns` as of one decision.
        """
        if self.is_followed(parent, first):
            self._note(route, parent, Batch(*counts), instants_ns)

    def _note(
        self, route: str, parent: bytes | None, what: Answer | Batch, instants_ns: tuple[int, ...]
    ) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._dropped()
            return
        arrived, sequenced, durable, left = instants_ns
        self._waiting.append(Noted(route, parent, what, (arrived, sequenced, durable, left)))

    def is_followed(self, parent: bytes | None, end_to_end_id: str) -> bool:
        """Whether a decision is: as its caller says, else by its id, so that repeats are alike."""
        if parent is not None and (named := _PARENT.fullmatch(parent)):
            return bool(int(named[3], 16) & 1)
        return zlib.crc32(end_to_end_id.encode()) < self._below

    def work(self, stop: threading.Event) -> None:
        """Makes spans of what was noted until `stop`, and sees to it that they are sent."""
        while not stop.wait(EVERY_SECONDS):
            self._take()
        self._take()
        self._provider.force_flush(STOP_MILLISECONDS)
        self._provider.shutdown()

    def _take(self) -> None:
        offset_ns = self._offset_ns()
        while self._waiting:
            self._span(self._waiting.popleft(), offset_ns)

    def _span(self, noted: Noted, offset_ns: int) -> None:
        carrier = {"traceparent": (noted.parent or b"").decode("latin-1")}
        arrived, sequenced, durable, left = (each + offset_ns for each in noted.instants_ns)
        span = self._tracer.start_span(
            f"POST {noted.route}",
            context=self._propagator.extract(carrier, context=Context()),
            kind=SpanKind.SERVER,
            start_time=arrived,
            attributes={
                "http.request.method": "POST",
                "http.route": noted.route,
                "http.response.status_code": 200,
                **_attributes(noted.what),
            },
        )
        inside = set_span_in_context(span, Context())
        for name, begin, end in (
            ("decide", arrived, sequenced),
            ("log", sequenced, durable),
            ("answer", durable, left),
        ):
            self._tracer.start_span(name, context=inside, start_time=begin).end(end)
        span.end(left)


def _attributes(what: Answer | Batch) -> dict[str, AttributeValue]:
    if isinstance(what, Batch):
        return {"crivo.batch.answered": what.answered, "crivo.batch.refused": what.refused}
    return {
        "crivo.end_to_end_id": what.end_to_end_id,
        "crivo.outcome": what.outcome.value,
        "crivo.degraded": what.degraded,
        "crivo.bundle": what.versions.bundle,
    }


def otlp_exporter(endpoint: str) -> SpanExporter:
    """An exporter to an OTLP receiver over HTTP (`http://collector:4318/v1/traces`)."""
    return OTLPSpanExporter(endpoint=endpoint)
