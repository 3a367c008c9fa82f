"""Problem documents (RFC 9457): one place that says which status each code answers with."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from crivo.domain.advice import ADVICE
from crivo.domain.errors import Code, CrivoError

_LOGGER: Final = logging.getLogger("crivo.http")

MEDIA_TYPE: Final = "application/problem+json"

#: Seconds after which a refused-for-now request may be tried again.
RETRY_AFTER_SECONDS: Final = 1

#: Every other code that a body can cause is 422; every other code at all is a fault of ours, 500.
STATUS: Final[dict[Code, int]] = {
    Code.BODY_MALFORMED: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.BODY_TOO_SLOW: 408,
    Code.CONFLICT: 409,
    Code.STEP_CONFLICT: 409,
    Code.DUPLICATE: 409,
    Code.RETENTION: 409,
    Code.MODEL_NOT_FOR_TRANSFERS: 409,
    Code.BODY_TOO_LARGE: 413,
    Code.CONTENT_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.AMOUNT_INVALID: 422,
    Code.AMOUNT_RANGE: 422,
    Code.TIME_INVALID: 422,
    Code.TIME_RANGE: 422,
    Code.ID_INVALID: 422,
    Code.ID_TIME: 422,
    Code.PAYEE_IS_PAYER: 422,
    Code.FIELD_MISSING: 422,
    Code.FIELD_TYPE: 422,
    Code.FIELD_VALUE: 422,
    Code.FIELD_UNKNOWN: 422,
    Code.STEP_INVALID: 422,
    Code.SCHEMA_UNKNOWN: 422,
    Code.ROW_MALFORMED: 422,
    Code.CLOCK_AHEAD: 422,
    Code.RECEIPT_TOO_OLD: 422,
    Code.LOG_ORDER: 422,
    Code.LOG_UNAVAILABLE: 503,
    Code.LOG_LOCKED: 503,
    Code.MODEL_MISSING: 503,
    Code.OVERLOADED: 503,
    Code.INDEX_UNAVAILABLE: 503,
    Code.NOT_READY: 503,
    Code.FILE_UNREADABLE: 503,
    Code.FILE_UNWRITABLE: 503,
    Code.HTTP_VERSION: 505,
}

_TITLES: Final = {
    400: "The body is not what it claims to be",
    401: "A valid key is needed",
    403: "The key may not do this",
    404: "There is no such thing",
    405: "This path does not answer that method",
    408: "The body took too long",
    409: "It contradicts what is known",
    413: "The body is too large",
    415: "The body must be plain application/json in UTF-8",
    422: "A field cannot be what it says",
    429: "More requests than this key may send",
    500: "A fault of the service",
    503: "Not now; the same request may succeed later",
    505: "Another version of HTTP than is spoken here",
}


#: The most of a field's name, or of a value, that an answer repeats.
SAID_CHARACTERS_MAX: Final = 500


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The body of every refusal. `code` is stable; the rest is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None


def status_of(code: Code) -> int:
    """The HTTP status of a code."""
    return STATUS.get(code, 500)


def problem_of(error: CrivoError) -> Problem:
    """The problem document of an error. A fault of ours goes to the log instead of the answer, and
    a file that cannot be read goes to both.
    """
    status = status_of(error.code)
    if status == 500 or error.code is Code.FILE_UNREADABLE:
        _LOGGER.error("request.failed", exc_info=error, extra={"code": error.code})
    if status == 500:
        return internal_problem()
    context = error.context
    return Problem(
        type=_type(error.code),
        title=_TITLES[status],
        status=status,
        code=error.code,
        detail=_text(error.message) or "",
        field=_text(context.get("field")),
        expected=_text(context.get("expected")),
        found=_text(context.get("found")),
        hint=error.hint or ADVICE[error.code],
    )


def internal_problem() -> Problem:
    """What a caller hears of a fault of ours: that it is one, and nothing else."""
    return Problem(
        type=_type(Code.INTERNAL),
        title=_TITLES[500],
        status=500,
        code=Code.INTERNAL,
        detail="The service failed; the fault is in its log.",
    )


def render(problem: Problem) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and headers of a problem document."""
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if problem.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="crivo"'))
    if problem.status == 405 and problem.expected:
        headers.append((b"allow", problem.expected.encode()))
    if problem.status in (429, 503):
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    if problem.status in (408, 413):
        # What is left of the body stays unread, so the connection cannot carry another request.
        headers.append((b"connection", b"close"))
    return problem.status, body, headers


def _type(code: Code) -> str:
    return f"urn:crivo:problem:{code.lower().replace('_', '-')}"


def _text(value: object) -> str | None:
    """What a caller sent, as far as it is said back to him: its start, in characters of UTF-8."""
    if value is None:
        return None
    text = str(value)
    if len(text) > SAID_CHARACTERS_MAX:
        text = text[: SAID_CHARACTERS_MAX - 1] + "…"
    return text.encode(errors="replace").decode()
