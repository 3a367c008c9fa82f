"""Problem documents: every code has a status, and a fault of ours tells nothing."""

from __future__ import annotations

import json

import pytest

from crivo.adapters.http.problems import STATUS, problem_of, render
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, invalid


def test_a_refusal_says_field_expected_found_and_hint() -> None:
    error = invalid(Code.AMOUNT_RANGE, field="amount_centavos", expected="1 or more", found=0)
    status, body, headers = render(problem_of(error))
    document = json.loads(body)
    assert status == document["status"] == 422
    assert document["code"] == "AMOUNT_RANGE"
    assert (document["field"], document["expected"], document["found"]) == (
        "amount_centavos",
        "1 or more",
        "0",
    )
    assert (b"content-type", b"application/problem+json") in headers


@pytest.mark.parametrize("code", sorted(c for c, status in STATUS.items() if status in {429, 503}))
def test_what_may_succeed_later_says_when(code: Code) -> None:
    status, _, headers = render(problem_of(Unavailable(code, "full")))
    assert status in {429, 503}
    assert (b"retry-after", b"1") in headers


def test_a_missing_key_names_the_scheme() -> None:
    _, _, headers = render(problem_of(Refused(Code.UNAUTHENTICATED, "no key")))
    assert any(name == b"www-authenticate" for name, _ in headers)


def test_a_fault_of_ours_keeps_its_details_to_itself() -> None:
    error = Misconfigured(Code.ARTIFACT_INVALID, "knots are wrong", path="/secret/place")
    status, body, _ = render(problem_of(error))
    assert status == 500
    assert b"secret" not in body
    assert b"knots" not in body


@pytest.mark.parametrize("code", sorted(STATUS))
def test_a_status_is_one_the_document_can_title(code: Code) -> None:
    assert problem_of(Refused(code, "x")).status == STATUS[code]
