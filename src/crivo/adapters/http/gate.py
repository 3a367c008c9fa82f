"""The gate in front of every route: who may pass, what is counted, which headers leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crivo.adapters.http.access import caller_name, check_role
from crivo.adapters.http.auth import ApiKeys, PageAccess
from crivo.adapters.http.pages.render import is_for_a_person, locked, refused_page
from crivo.adapters.http.problems import problem_of
from crivo.adapters.http.rate import Buckets
from crivo.adapters.http.refusal import refuse
from crivo.domain.errors import Code, CrivoError, Refused, invalid

#: Nothing from elsewhere, nothing inline, no framing: hostile text has nowhere to run.
SECURITY_HEADERS: Final = (
    (
        b"content-security-policy",
        (
            b"default-src 'self'; base-uri 'none'; form-action 'self'; "
            b"frame-ancestors 'none'; object-src 'none'"
        ),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Entrance(Enum):
    """What a path asks of its caller."""

    OPEN = "open"
    PAGE = "page"
    KEY = "key"


#: The parameters that a route takes in its query; every other one is refused, not ignored.
QUERIES: Final[Mapping[str, frozenset[str]]] = {
    "GET /open": frozenset({"token"}),
    "GET /": frozenset({"lang"}),
    "GET /page/decisions": frozenset({"after"}),
    "GET /page/search": frozenset(
        {"id", "payer", "payee", "outcome", "from", "to", "cursor", "lang"}
    ),
    "GET /page/reviews": frozenset(
        {"lang", "cursor", "skip", "verdict", "answer", "side", "phase"}
    ),
    "POST /page/verdicts": frozenset({"lang"}),
    "POST /page/answers": frozenset({"lang"}),
    "GET /page/model": frozenset({"lang"}),
    "GET /page/health": frozenset({"lang"}),
    "GET /v1/webhooks/deliveries": frozenset({"subscription", "state", "before", "limit"}),
    "GET /v1/stream": frozenset({"outcome"}),
    "POST /v1/decisions": frozenset({"phase"}),
    "GET /v1/decisions": frozenset({"payer", "outcome", "from", "to", "limit", "cursor"}),
}


#: What is asked of one decision is asked of one of its phases.
_OF_ONE: Final = re.compile(r"GET /v1/(?:decisions/[^/]+(?:/explanation)?|reviews/[^/]+)")
_PHASE: Final = frozenset({"phase"})
_PAGE_OF_ONE: Final = re.compile(r"GET /page/(?:decision|proof)/[^/]+")
_PHASE_AND_LANGUAGE: Final = frozenset({"phase", "lang"})


class RouteTelemetry(Protocol):
    """What the gate tells of each answer."""

    def answered(self, route: str, status: int, code: str) -> None:
        """A request got its answer."""
        ...


def entrance_of(path: str) -> Entrance:
    """How a path is entered. What is not named here needs an API key: no route can forget it."""
    if path in {"/health/live", "/health/ready", "/open"} or path.startswith("/static/"):
        return Entrance.OPEN
    if path == "/" or path.startswith("/page/"):
        return Entrance.PAGE
    return Entrance.KEY


class Gate:
    """Wraps the routes of an application; the hot routes call `check` alone."""

    def __init__(
        self,
        routes: ASGIApp,
        *,
        keys: ApiKeys | None,
        page: PageAccess,
        telemetry: RouteTelemetry,
        monotonic_ns: Callable[[], int],
        key_rate_max: float | None = None,
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._page = page
        self._telemetry = telemetry
        self._monotonic_ns = monotonic_ns
        self._rates = None
        if key_rate_max is not None:
            self._rates = Buckets(per_second=key_rate_max, burst=max(1, int(key_rate_max)))

    def check(self, scope: Scope) -> None:
        """Nothing, if the caller may pass and asks for nothing in the query that is not known.

        Raises:
            Refused: UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED, FIELD_UNKNOWN, FIELD_VALUE.
            Unavailable: NOT_READY while keys cannot be read.
        """
        self._admit(scope)
        if query := scope.get("query_string", b""):
            _check_query(f"{scope['method']} {scope['path']}", query)

    def charge(self, scope: Scope, transfers: int) -> None:
        """A request that passed brings so many transfers: each counts in the rate of its key."""
        name = caller_name(scope)
        if self._rates is not None and name is not None:
            self._rates.owe(name, transfers - 1, self._monotonic_ns())

    def _admit(self, scope: Scope) -> None:
        match entrance_of(scope["path"]):
            case Entrance.OPEN:
                return
            case Entrance.KEY:
                if self._keys is not None:
                    caller = scope["caller"] = self._keys.check(scope)
                    check_role(caller, scope["method"], scope["path"])
                    self._check_rate(caller.name)
            case Entrance.PAGE:
                # The root answers a locked page itself, since a person reads it.
                if scope["path"] != "/" and not self._page.is_open(scope):
                    raise Refused(
                        Code.UNAUTHENTICATED,
                        "the page has no open session",
                        field="cookie",
                        expected="the cookie of an open page session",
                        found="none, or one that has expired",
                        hint="Open the page by a new one-time address.",
                    )

    def _check_rate(self, name: str) -> None:
        if self._rates is not None and self._rates.take(name, self._monotonic_ns()):
            raise Refused(
                Code.RATE_LIMITED,
                "this key sent more requests than it may",
                field="authorization",
                expected="requests within the rate of a key",
                found="more",
                hint="Wait as Retry-After says; CRIVO_HTTP__KEY_RATE_MAX is the rate.",
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *SECURITY_HEADERS]}
            await send(message)

        code = ""
        try:
            self.check(scope)
            await self._routes(scope, receive, tell)
        except CrivoError as error:
            code = error.code
            problem = problem_of(error)
            if not is_for_a_person(scope["path"]):
                await refuse(receive, tell, problem)
            elif code == Code.UNAUTHENTICATED:
                await locked()(scope, receive, tell)
            else:
                await refused_page(Request(scope), problem)(scope, receive, tell)
        finally:
            code = code or scope.get("problem_code", "")
            self._telemetry.answered(_route_of(scope), status, code)


def _check_query(route: str, query: bytes) -> None:
    known = QUERIES.get(route, frozenset())
    if _OF_ONE.fullmatch(route):
        known = _PHASE
    elif _PAGE_OF_ONE.fullmatch(route):
        known = _PHASE_AND_LANGUAGE
    seen = set()
    for name, _ in _parsed(query):
        if name not in known:
            raise invalid(
                Code.FIELD_UNKNOWN,
                field="query",
                expected=f"only {', '.join(sorted(known))}" if known else "empty",
                found=name,
            )
        if name in seen:
            raise invalid(
                Code.FIELD_VALUE, field=name, expected="given at most once", found="again"
            )
        seen.add(name)


def _parsed(query: bytes) -> list[tuple[str, str]]:
    text = query.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid(
            Code.FIELD_VALUE, field="query", expected="text in UTF-8", found=text
        ) from None


def _route_of(scope: Scope) -> str:
    """The template of the route, never the path: labels come from a closed set."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"
