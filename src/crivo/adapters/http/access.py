"""Who may do what: four roles, and for each route those that may ask for it.

What is not in the table is an administrator's alone, so that no new route is open by being
forgotten; a test goes through every route and every role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from crivo.domain.errors import Code, Refused


class Role(StrEnum):
    """What a caller is here for."""

    #: A bank's own systems: they ask for decisions, and tell what happens.
    INGEST = "ingest"
    #: People who look into decisions and say what came of them.
    ANALYST = "analyst"
    #: People who read everything and change nothing.
    AUDITOR = "auditor"
    #: Whoever runs the service: everything.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request: a name for its rate, and what it may do."""

    name: str
    roles: frozenset[Role]


def caller_name(scope: Mapping[str, Any]) -> str | None:
    """Whose key or token sent a request that passed the gate; None where none is asked for."""
    caller: Caller | None = scope.get("caller")
    return None if caller is None else caller.name


_I, _A, _R = Role.INGEST, Role.ANALYST, Role.AUDITOR

#: Roles of each route beside `admin`, which may ask for all of them.
ROUTES: Final[Mapping[str, frozenset[Role]]] = {
    "POST /v1/decisions": frozenset({_I}),
    "POST /v1/decisions:batch": frozenset({_I}),
    "POST /predict": frozenset({_I}),
    "GET /v1/decisions": frozenset({_A, _R}),
    "GET /v1/decisions/{end_to_end_id}": frozenset({_I, _A, _R}),
    "GET /v1/decisions/{end_to_end_id}/explanation": frozenset({_A, _R}),
    "POST /v1/decisions/{end_to_end_id}/events": frozenset({_I, _A}),
    "POST /v1/reports": frozenset({_I, _A}),
    "POST /v1/reviews": frozenset({_I, _A}),
    "GET /v1/reviews/{end_to_end_id}": frozenset({_I, _A, _R}),
    "POST /v1/events/{kind}": frozenset({_I}),
    "GET /v1/stream": frozenset({_A, _R}),
    "POST /v1/reveals": frozenset({_A, _R}),
    "POST /v1/erasures": frozenset(),
    "GET /v1/webhooks/deliveries": frozenset({_R}),
    "POST /v1/webhooks/resend": frozenset(),
    "GET /v1/model": frozenset({_I, _A, _R}),
    "GET /openapi.json": frozenset({_I, _A, _R}),
    "GET /metrics": frozenset({_R}),
    "POST /v1/page-links": frozenset({_A, _R}),
}

#: Roles that answer a review or give a verdict, beside `admin`: a person does, and no system (LGPD,
#: art. 20).
ANSWERERS: Final = frozenset({_A})

EVERYTHING: Final = frozenset({Role.ADMIN})

_ADMINS: Final[frozenset[Role]] = frozenset()


def _matcher(route: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", route)
    return re.compile("[^/]+".join(map(re.escape, parts)))


_TEMPLATES: Final = [(_matcher(route), roles) for route, roles in ROUTES.items() if "{" in route]


def roles_of(method: str, path: str) -> frozenset[Role]:
    """The roles that may ask for a path, beside `admin`."""
    asked = f"{method} {path}"
    found = ROUTES.get(asked)
    if found is not None:
        return found
    for template, roles in _TEMPLATES:
        if template.fullmatch(asked):
            return roles
    return _ADMINS


def check_role(caller: Caller, method: str, path: str) -> None:
    """Nothing, if one of the caller's roles may ask for the path.

    Raises:
        Refused: FORBIDDEN.
    """
    _check(caller, roles_of(method, path), asked="ask for that path")


def check_answerer(scope: Mapping[str, Any], *, asked: str = "answer a review") -> None:
    """Nothing, if whoever sent a request that passed the gate may do what a person alone does.

    Raises:
        Refused: FORBIDDEN.
    """
    caller: Caller | None = scope.get("caller")
    if caller is not None:
        _check(caller, ANSWERERS, asked=asked)


def _check(caller: Caller, allowed: frozenset[Role], *, asked: str) -> None:
    if Role.ADMIN not in caller.roles and caller.roles.isdisjoint(allowed):
        raise Refused(
            Code.FORBIDDEN,
            f"this key may not {asked}",
            field="authorization",
            expected="one of the roles " + ", ".join(sorted({*allowed, Role.ADMIN})),
            found=", ".join(sorted(caller.roles)) or "no role",
            hint="`crivo keys new NAME --role ROLE` makes a key of another role.",
        )
