"""Decisions of a running service arrive as spans at a receiver of OTLP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.homes import make_home
from tests.e2e.serving import serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def receiver() -> Iterator[tuple[str, list]]:
    """An OTLP receiver on loopback: its address, and the spans that came with their resource."""
    came: list = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            message = ExportTraceServiceRequest.FromString(raw)
            for group in message.resource_spans:
                said = {each.key: each.value.string_value for each in group.resource.attributes}
                came.extend((said, span) for part in group.scope_spans for span in part.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: tests say what they have to."""
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
        server.shutdown()


def body(number: int) -> dict[str, object]:
    return {**GOOD, "end_to_end_id": f"E12345678202611231200trac{number:07d}"}


def test_a_traced_request_arrives_with_its_stages_under_its_callers_trace(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with receiver() as (endpoint, came):
        with serving(home, TRACES__ENDPOINT=endpoint, TRACES__RATIO="0") as it:
            with it.client() as client:
                for number, flag in ((1, "01"), (2, "00")):
                    named = {"traceparent": f"00-{TRACE}-{SPAN}-{flag}"}
                    client.post("/v1/decisions", json=body(number), headers=named)
                client.post("/v1/decisions", json=body(3))
            assert it.stop() == 0
        spans = {span.name: span for _, span in came}
        assert set(spans) == {"POST /v1/decisions", "decide", "log", "answer"}
        assert len(came) == 4
        root = spans["POST /v1/decisions"]
        assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
        assert root.parent_span_id.hex() == SPAN
        whole = root.end_time_unix_nano - root.start_time_unix_nano
        parts = sum(
            span.end_time_unix_nano - span.start_time_unix_nano
            for name, span in spans.items()
            if name in {"decide", "log", "answer"}
        )
        assert 0 < whole == parts
        assert came[0][0]["service.name"] == "crivo"


def test_a_receiver_that_is_not_there_costs_no_answer(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    nowhere = "http://127.0.0.1:9/v1/traces"
    with serving(home, TRACES__ENDPOINT=nowhere, TRACES__RATIO="1") as running:
        with running.client() as client:
            answers = [client.post("/v1/decisions", json=body(n)).status_code for n in range(20)]
        assert answers == [200] * 20
        assert running.stop() == 0


def test_a_traced_batch_arrives_as_one_span_with_its_stages(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    named = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    with receiver() as (endpoint, came):
        with serving(home, TRACES__ENDPOINT=endpoint, TRACES__RATIO="1") as it:
            with it.client() as client:
                many = [body(4), body(5), {"end_to_end_id": "no id"}]
                answer = client.post("/v1/decisions:batch", json=many, headers=named)
                assert [each["status"] for each in answer.json()] == [200, 200, 422]
                # Of one in which nothing was answered there is nothing to follow.
                client.post("/v1/decisions:batch", json=[{}])
            assert it.stop() == 0
        spans = {span.name: span for _, span in came}
        assert set(spans) == {"POST /v1/decisions:batch", "decide", "log", "answer"}
        assert len(came) == 4
        assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
        root = spans["POST /v1/decisions:batch"]
        said = {each.key: each.value.int_value for each in root.attributes}
        assert (said["crivo.batch.answered"], said["crivo.batch.refused"]) == (2, 1)
