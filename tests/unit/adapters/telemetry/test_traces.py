"""Which decisions are followed, what their spans say, and what happens when too many wait."""

from __future__ import annotations

import threading

from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from crivo.adapters.telemetry import traces
from crivo.adapters.telemetry.traces import Traces
from crivo.decision.outcome import Outcome
from crivo.decision.record import Versions
from crivo.flows.answers import Answer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FOLLOWED = f"00-{TRACE}-{SPAN}-01".encode()
NOT_FOLLOWED = f"00-{TRACE}-{SPAN}-00".encode()
INSTANTS = (1_000, 2_000, 5_000, 6_000)


def answer(number: int) -> Answer:
    return Answer(
        end_to_end_id=f"E12345678202611231200{number:011d}",
        phase="initiation",
        outcome=Outcome.WARN,
        score=7,
        reasons=(),
        versions=Versions("bundle", "", "", "", "", "", ""),
        as_of=0,
        seq=number,
        occurred_at=0,
        received_at=0,
        degraded=("TIMEOUT",),
    )


def followed(*asked: tuple[bytes | None, int], ratio: float = 0.0, dropped=lambda: None):
    """The spans that these decisions (parent, number) leave behind."""
    kept = InMemorySpanExporter()
    kept.shutdown = lambda: None
    made = Traces(kept, ratio=ratio, offset_ns=lambda: 10**18, dropped=dropped)
    for parent, number in asked:
        made.answered("/v1/decisions", parent, answer(number), INSTANTS)
    stop = threading.Event()
    stop.set()
    made.work(stop)
    return kept.get_finished_spans()


def roots(spans):
    return [span for span in spans if span.name == "POST /v1/decisions"]


def test_a_caller_says_of_its_own_trace_whether_it_is_followed() -> None:
    spans = followed((FOLLOWED, 1), (NOT_FOLLOWED, 2), (None, 3))
    (root,) = roots(spans)
    assert f"{root.context.trace_id:032x}" == TRACE
    assert f"{root.parent.span_id:016x}" == SPAN
    assert root.attributes["crivo.outcome"] == "WARN"
    assert root.attributes["crivo.degraded"] == ("TIMEOUT",)
    assert root.attributes["crivo.end_to_end_id"].endswith("1")


def test_the_stages_of_a_decision_fill_its_span() -> None:
    spans = followed((FOLLOWED, 1))
    (root,) = roots(spans)
    stages = [span for span in spans if span is not root]
    assert [span.name for span in stages] == ["decide", "log", "answer"]
    assert {span.parent.span_id for span in stages} == {root.context.span_id}
    edges = [stages[0].start_time, *(span.end_time for span in stages)]
    assert edges == [10**18 + each for each in INSTANTS]
    assert (root.start_time, root.end_time) == (edges[0], edges[-1])


def test_what_is_no_trace_context_names_none() -> None:
    for parent in (b"", b"x", FOLLOWED[:-1], FOLLOWED + b"-x", b"ff" + FOLLOWED[2:], b"\xff" * 55):
        assert followed((parent, 1)) == ()
        (root,) = roots(followed((parent, 1), ratio=1.0))
        assert root.parent is None


def test_a_share_is_followed_and_a_repeat_as_the_first() -> None:
    numbers = range(2_000)
    first = followed(*((None, number) for number in numbers), ratio=0.1)
    again = followed(*((None, number) for number in numbers), ratio=0.1)
    ids = [span.attributes["crivo.end_to_end_id"] for span in roots(first)]
    assert ids == [span.attributes["crivo.end_to_end_id"] for span in roots(again)]
    assert 120 < len(ids) < 280


def test_what_comes_while_too_many_wait_is_left_out_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(traces, "WAITING_MAX", 3)
    dropped: list[int] = []
    spans = followed(*((None, n) for n in range(5)), ratio=1.0, dropped=lambda: dropped.append(1))
    assert len(roots(spans)) == 3
    assert len(dropped) == 2


def test_a_receiver_that_fails_costs_no_decision_anything() -> None:
    class Failing(InMemorySpanExporter):
        def export(self, spans):
            super().export(spans)
            return SpanExportResult.FAILURE

    kept = Failing()
    made = Traces(kept, ratio=1.0, offset_ns=lambda: 0, dropped=lambda: None)
    made.answered("/v1/decisions", None, answer(1), INSTANTS)
    stop = threading.Event()
    stop.set()
    made.work(stop)
    assert len(roots(kept.get_finished_spans())) == 1


def batches(*asked: tuple[bytes | None, int], ratio: float = 0.0):
    """The spans that these batches (parent, number of the first) leave behind."""
    kept = InMemorySpanExporter()
    kept.shutdown = lambda: None
    made = Traces(kept, ratio=ratio, offset_ns=lambda: 10**18, dropped=lambda: None)
    for parent, number in asked:
        first = answer(number).end_to_end_id
        made.batch_answered("/v1/decisions:batch", parent, first, (98, 2), INSTANTS)
    stop = threading.Event()
    stop.set()
    made.work(stop)
    return kept.get_finished_spans()


def test_a_batch_is_one_span_with_its_stages_and_says_how_many_were_answered() -> None:
    spans = batches((FOLLOWED, 1), (NOT_FOLLOWED, 2), (None, 3))
    assert [span.name for span in spans] == ["decide", "log", "answer", "POST /v1/decisions:batch"]
    root = spans[-1]
    assert f"{root.context.trace_id:032x}" == TRACE
    assert {span.parent.span_id for span in spans[:-1]} == {root.context.span_id}
    assert (
        dict(root.attributes).items()
        >= {
            "http.route": "/v1/decisions:batch",
            "crivo.batch.answered": 98,
            "crivo.batch.refused": 2,
        }.items()
    )
    assert "crivo.end_to_end_id" not in root.attributes


def test_a_share_of_batches_is_followed_by_the_id_of_the_first_answer() -> None:
    numbers = range(500)
    decisions = roots(followed(*((None, number) for number in numbers), ratio=0.1))
    found = batches(*((None, number) for number in numbers), ratio=0.1)
    assert len([each for each in found if each.name.startswith("POST")]) == len(decisions) > 0
