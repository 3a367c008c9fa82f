"""How the page is opened, the list that it asks for as decisions happen, and its static files."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from crivo.adapters.http.access import ANSWERERS, EVERYTHING, Caller, Role
from crivo.adapters.http.auth import COOKIE, SESSION_LIFETIME, PageAccess
from crivo.adapters.http.bodies import decode_body
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.pages.live import live_values
from crivo.adapters.http.pages.render import language_of, locked
from crivo.adapters.http.pages.render import page as shown_page
from crivo.adapters.http.receive import check_json_headers, read_body
from crivo.adapters.http.service import Limits
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import SECOND

#: The whole list: a name that is not here does not exist, so no path can walk out of the folder.
_STATIC: Final = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
#: Whoever may ask for a link with one of these may also give verdicts.
_JUDGES: Final = ANSWERERS | EVERYTHING
#: The caller of a service that asks nobody for a key.
_ANYBODY: Final = Caller("anybody", frozenset({Role.ADMIN}))


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of a request that says nothing beside its path."""


_NOTHING: Final = msgspec.json.Decoder(Nothing)


def page_routes(access: PageAccess, feed: Feed, limits: Limits) -> APIRouter:
    """`/`, `/open`, `/static/…`, `/page/decisions`, and a new address for whoever holds a key."""
    router = APIRouter()
    static = files("crivo.adapters.http") / "static"

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        if access.is_open(request.scope):
            language = language_of(request)
            return shown_page(
                request, "live.html", language=language, **live_values(feed, language)
            )
        return locked()

    @router.get("/open", include_in_schema=False)
    async def open_page(token: Annotated[str, Query(max_length=128)]) -> Response:
        session = access.open(token)
        if session is None:
            return locked()
        answer = Response(status_code=303, headers={"location": "/", "cache-control": "no-store"})
        answer.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_LIFETIME // SECOND,
            path="/",
            httponly=True,
            samesite="strict",
        )
        return answer

    @router.get("/static/{name}", include_in_schema=False)
    async def static_file(name: str) -> Response:
        media_type = _STATIC.get(name)
        if media_type is None:
            raise Refused(
                Code.NOT_FOUND,
                "there is no such file",
                hint="The page asks for its own files; there are no others.",
                field="name",
                expected=f"one of {', '.join(_STATIC)}",
                found=name[:80],
            )
        return Response(
            (static / name).read_bytes(),
            media_type=media_type,
            headers={"cache-control": "max-age=300"},
        )

    @router.get("/page/decisions", include_in_schema=False)
    async def page_decisions(after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
        return Response(
            msgspec.json.encode(feed.page(after)),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    @router.post("/v1/page-links", status_code=201, tags=["page"])
    async def new_page_link(request: Request) -> dict[str, str]:
        """A path that opens the page once, within ten minutes."""
        await _check_says_nothing(request, limits)
        caller: Caller = request.scope.get("caller", _ANYBODY)
        may_judge = not caller.roles.isdisjoint(_JUDGES)
        reviewer = caller.name if may_judge else None
        return {"path": f"/open?token={access.new_link_token(reviewer=reviewer)}"}

    return router


async def _check_says_nothing(request: Request, limits: Limits) -> None:
    """Nothing, if the body is empty or an object without fields.

    Raises:
        Refused: BODY_TOO_LARGE, BODY_TOO_SLOW, CONTENT_TYPE, BODY_MALFORMED, FIELD_UNKNOWN.
        Disconnected: the caller hung up.
    """
    bytes_max = limits.decision_bytes_max
    raw = await read_body(request.receive, bytes_max=bytes_max, seconds_max=limits.body_seconds_max)
    if raw:
        check_json_headers(request.scope, bytes_max=bytes_max)
        decode_body(_NOTHING, raw)
