"""The hot routes' part of the OpenAPI document: they pass FastAPI's router by, not its document."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from crivo.adapters.http import batch, gate
from crivo.adapters.http.answers import (
    DecisionAnswer,
    DecisionFound,
    EventTaken,
    ExplanationAnswer,
    FollowUpTaken,
    FoundDecisions,
    ReportTaken,
    ScoreAnswer,
    ScoresAnswer,
)
from crivo.adapters.http.bodies import DecisionBody, ReportBody
from crivo.adapters.http.follow_up_body import FollowUpBody
from crivo.adapters.http.privacy_bodies import (
    ErasureBody,
    ErasuresAnswer,
    RevealAnswer,
    RevealBody,
)
from crivo.adapters.http.problems import MEDIA_TYPE, STATUS, Problem
from crivo.adapters.http.review_bodies import ReviewAnswer, ReviewBody
from crivo.adapters.http.webhook_bodies import DeliveriesAnswer, ResendBody, ResentAnswer
from crivo.domain.phase import Phase
from crivo.flows.body_schema import body_schema
from crivo.flows.schemas import schema_of
from crivo.flows.telling import TOLD_HERE

_REFERENCE: Final = "#/components/schemas/{name}"
_TYPES: Final = (
    DecisionBody,
    ReportBody,
    ReviewBody,
    ReviewAnswer,
    RevealBody,
    RevealAnswer,
    ErasureBody,
    ErasuresAnswer,
    ResendBody,
    ResentAnswer,
    DeliveriesAnswer,
    FollowUpBody,
    DecisionAnswer,
    batch.BatchResult,
    DecisionFound,
    ExplanationAnswer,
    FoundDecisions,
    EventTaken,
    FollowUpTaken,
    ReportTaken,
    ScoreAnswer,
    ScoresAnswer,
    Problem,
)

DECISION_EXAMPLE: Final = {
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "occurred_at": "2026-11-23T12:00:00Z",
    "amount_centavos": 12_500,
    "payer_account_id": "12345678/0001/55501-2",
    "payee_account_id": "87654321/0001/99907-1",
    "payer_ispb": "12345678",
    "payee_ispb": "87654321",
    "initiation": "DICT",
    "purpose": "IPAY",
}
REPORT_EXAMPLE: Final = {
    "report_id": "report-1",
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "status": "CLAIMED",
}


#: The path of all kinds of events, and a kind with what it takes.
EVENTS: Final = "/v1/events/{kind}"
_EXAMPLE_KIND: Final = "login.v1"
EVENT_EXAMPLE: Final = {
    "login_id": "login-1",
    "occurred_at": "2026-11-23T11:58:00Z",
    "account_id": "12345678/0001/55501-2",
    "device_id": "phone-1",
    "action": "LOGIN",
    "method": "PASSWORD",
    "result": "FAILED",
}


#: Statuses of a body that is not taken as it is.
_OF_A_BODY: Final = frozenset({408, 413, 415})

#: Statuses that end a connection, whatever it asked for.
_OF_A_CONNECTION: Final = frozenset({505})

#: What else `POST /v1/decisions` takes.
_ORDER: Final = {
    "application/xml": {
        "schema": {"type": "string", "description": "A pacs.008 of the SPI in its Envelope."}
    }
}


_PHASE: Final = {
    "name": "phase",
    "in": "query",
    "required": False,
    "description": "Of an order in XML alone, whose body cannot say it; JSON says it in its body.",
    "schema": {"type": "string", "enum": [phase.value for phase in Phase]},
}


def complete(document: dict[str, Any], input_names: tuple[str, ...]) -> dict[str, Any]:
    """The document with schemas, security, problem answers and the hot routes in it."""
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template=_REFERENCE)
    assert len(schemas) == len(_TYPES)
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update(components)
    parts["schemas"]["PredictRow"] = _row_schema(input_names)
    parts["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"apiKey": []}]
    paths = document.setdefault("paths", {})
    _add_events(paths, parts["schemas"])
    paths.setdefault("/v1/decisions", {})["post"] = _operation(
        "Decide a transfer",
        "The answer leaves after its record is on disk. The same facts under the same "
        "end_to_end_id get the same answer again; other facts get 409.",
        body=_content("DecisionBody", DECISION_EXAMPLE) | _ORDER,
        answer=_content("DecisionAnswer"),
    ) | {"parameters": [_PHASE]}
    body = {"type": "array", "items": _reference("DecisionBody"), "minItems": 1}
    result = {"type": "array", "items": _reference("BatchResult")}
    paths[batch.PATH] = {
        "post": _operation(
            "Decide many transfers",
            "As if one by one; results stand in the order of the transfers, each "
            "with the status that it alone would have had.",
            body=_schema(body, [DECISION_EXAMPLE]),
            answer=_schema(result),
        )
    }
    row = {"$ref": _REFERENCE.format(name="PredictRow")}
    paths["/predict"] = {
        "post": _operation(
            "Score one row, or a list of rows",
            "Rows carry the served model's own inputs; null means missing.",
            body=_schema({"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}),
            answer=_schema({"oneOf": [_reference("ScoreAnswer"), _reference("ScoresAnswer")]}),
        )
    }
    for path, operations in paths.items():
        for operation in operations.values():
            if gate.entrance_of(path) is gate.Entrance.OPEN:
                operation["security"] = []
            # In place of what FastAPI would say of a parameter's 422, too. Each is named, and none
            # by `default`: that would name a fault or a redirect as well.
            operation["responses"] |= {str(each): _problem() for each in _refusals(operation)}
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    return document


def report_operation() -> dict[str, Any]:
    """What FastAPI cannot see of `POST /v1/reports`, which parses its own body."""
    return operation_with("ReportBody", REPORT_EXAMPLE)


def _add_events(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A path for each kind of event in place of the one of all, with the body of its schema."""
    told = paths.pop(EVENTS)["post"]
    for kind in TOLD_HERE:
        schemas[kind] = body_schema(schema_of(kind))
        content = _content(kind, EVENT_EXAMPLE if kind == _EXAMPLE_KIND else None)
        paths[EVENTS.replace("{kind}", kind)] = {
            "post": {
                **{name: each for name, each in told.items() if name != "parameters"},
                "operationId": f"event_{kind.replace('.', '_')}",
                "description": schemas[kind]["description"],
                "requestBody": {"required": True, "content": content},
            }
        }


def operation_with(name: str, example: object) -> dict[str, Any]:
    """What FastAPI cannot see of a route that parses its own body, of that schema."""
    return {"requestBody": {"required": True, "content": _content(name, example)}}


def answer_of(name: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers a schema of this module."""
    return {200: {"description": "The answer", "content": _content(name)}}


def _operation(
    summary: str,
    description: str,
    *,
    body: dict[str, Any],
    answer: dict[str, Any],
) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": description,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": {"description": "The answer", "content": answer}},
    }


def _refusals(operation: dict[str, Any]) -> list[int]:
    """The statuses of the problem documents that a route may answer."""
    left_out = frozenset() if "requestBody" in operation else _OF_A_BODY
    return sorted(set(STATUS.values()) - left_out - _OF_A_CONNECTION)


def _problem() -> dict[str, Any]:
    return {
        "description": "A problem document (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": _reference("Problem")}},
    }


def _content(name: str, example: object = None) -> dict[str, Any]:
    return _schema(_reference(name), example)


def _schema(schema: dict[str, Any], example: object = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {"application/json": content}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(name=name)}


def _row_schema(input_names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "title": "PredictRow",
        "type": "object",
        "properties": {name: {"type": ["number", "null"]} for name in input_names},
        "required": list(input_names),
        "additionalProperties": False,
    }
