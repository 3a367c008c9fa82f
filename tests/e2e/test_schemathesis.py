"""What Schemathesis makes of the OpenAPI document, sent to a service that runs: never a 500.

It sends what the document allows and what it forbids to every operation. Each answer must be one
that the document names, in its media type and schema, and each refusal a problem document that was
counted. The stream is left out: it has no end (tests/integration/test_http_stream.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from crivo.domain.errors import Code
from tests.e2e.homes import KEY, make_home
from tests.e2e.serving import Served, serving

pytestmark = pytest.mark.slow

EXAMPLES = 10
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
)
HEADERS = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(make_home(tmp_path_factory.mktemp("schemathesis") / "home")) as served:
        yield served


@pytest.fixture(scope="module")
def document(running: Served):
    found = schemathesis.openapi.from_url(f"{running.address}/openapi.json", headers=HEADERS)
    return found.exclude(path="/v1/stream")


def operations(document) -> list:
    """Every operation of the document."""
    return [result.ok() for result in document.get_all_operations()]


def test_a_fault_or_a_redirect_would_be_an_answer_that_no_operation_names(document) -> None:
    """Sabotage: with a `default` among the responses every status would be named."""
    for operation in operations(document):
        named = set(operation.definition.raw["responses"])
        assert "422" in named
        assert all(status.startswith(("20", "4")) or status == "503" for status in named), named


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_that_the_document_names(document, mode: GenerationMode) -> None:
    asked = []
    for operation in operations(document):

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            database=None,
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def check(case) -> None:
            judge(case)
            asked.append(case.operation.label)

        try:
            check()
        except hypothesis.errors.Unsatisfiable:
            # What takes nothing can be asked for in one way only.
            assert mode is GenerationMode.NEGATIVE
    assert len(set(asked)) > len(operations(document)) // 2


def judge(case) -> None:
    """One request: its answer keeps to the document, and a refusal says which."""
    response = case.call(headers=HEADERS)
    case.validate_response(response, checks=CHECKS, headers=HEADERS)
    if response.status_code >= 400:
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["code"] in set(Code) - {Code.INTERNAL}


def test_every_refusal_was_counted_and_no_fault_was_seen(running: Served) -> None:
    with running.client() as client:
        client.post("/v1/decisions", json={})
        text = client.get("/metrics").text
    assert re.search(r'crivo_requests_refused_total\{code="FIELD_MISSING"\} [1-9]', text)
    assert "crivo_faults_total{" not in text
    assert httpx.codes.is_success(httpx.get(f"{running.address}/health/live").status_code)
