"""Reading a request's body within its limits of size and time."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Receive, Scope

from crivo.domain.errors import Code, Refused, invalid

_JSON: Final = b"application/json"
_XML: Final = (b"application/xml", b"text/xml")


class Disconnected(Exception):
    """The caller went away before the body was whole: nobody waits for an answer."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def read_json_body(
    scope: Scope, receive: Receive, *, bytes_max: int, seconds_max: float, or_xml: bool = False
) -> bytes:
    """The whole body of a request in JSON, or in XML: at most to the limit, whatever it claims.

    Raises:
        Refused: CONTENT_TYPE, BODY_TOO_LARGE, BODY_TOO_SLOW.
        Disconnected: the caller hung up.
    """
    check_json_headers(scope, bytes_max=bytes_max, or_xml=or_xml)
    return await read_body(receive, bytes_max=bytes_max, seconds_max=seconds_max)


async def read_body(receive: Receive, *, bytes_max: int, seconds_max: float) -> bytes:
    """The whole body of a request, whatever its headers say of it.

    Raises:
        Refused: BODY_TOO_LARGE, BODY_TOO_SLOW.
        Disconnected: the caller hung up.
    """
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(seconds_max):
            await _fill(parts, receive, bytes_max)
    except TimeoutError:
        raise Refused(
            Code.BODY_TOO_SLOW,
            f"the body did not arrive within {seconds_max:g} s",
            field="body",
            expected=f"a whole body within {seconds_max:g} s",
            found=f"{sum(map(len, parts))} bytes",
            hint="Send the body in one piece.",
        ) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def is_xml(scope: Scope) -> bool:
    """Whether the headers promise XML in UTF-8."""
    media = header(scope, b"content-type")
    return media != _JSON and _is_of(_XML, media or b"")


def check_json_headers(scope: Scope, *, bytes_max: int, or_xml: bool = False) -> bool:
    """Whether the body is XML, where that is taken too: else it is JSON; both as it is, in size.

    Raises:
        Refused: CONTENT_TYPE, BODY_TOO_LARGE.
    """
    media, coding = header(scope, b"content-type"), header(scope, b"content-encoding")
    xml = check_media(media, coding, or_xml=or_xml)
    claimed = header(scope, b"content-length")
    if claimed is not None and (not claimed.isdigit() or int(claimed[:20]) > bytes_max):
        raise _too_large(bytes_max, claimed.decode("latin-1"))
    return xml


def check_media(media: bytes | None, coding: bytes | None, *, or_xml: bool = False) -> bool:
    """Whether a body of that media type and coding is XML, where that is taken too: else it is
    JSON; both as it is.

    Raises:
        Refused: CONTENT_TYPE.
    """
    if media != _JSON and not _is_of((_JSON, *(_XML if or_xml else ())), media or b""):
        raise invalid(
            Code.CONTENT_TYPE,
            field="content-type",
            expected="application/json" + (" or application/xml" if or_xml else "") + " in UTF-8",
            found=media,
        )
    if coding is not None and coding.strip().lower() not in {b"", b"identity"}:
        raise invalid(
            Code.CONTENT_TYPE,
            field="content-encoding",
            expected="left out: bodies are read as they are, not compressed",
            found=coding,
        )
    return media != _JSON and _is_of(_XML, media or b"")


def check_size(size: int, *, bytes_max: int) -> None:
    """Nothing, if so many bytes of a body are within the limit.

    Raises:
        Refused: BODY_TOO_LARGE.
    """
    if size > bytes_max:
        raise _too_large(bytes_max, f"more than {bytes_max} bytes")


def _is_of(kinds: tuple[bytes, ...], media: bytes) -> bool:
    """Whether a media type is one of these, and its charset, where it names one, UTF-8."""
    kind, *parameters = (part.strip().lower() for part in media.split(b";"))
    named = (part.partition(b"=") for part in parameters)
    charsets = {value.strip(b' "') for name, _, value in named if name.strip() == b"charset"}
    return kind in kinds and charsets <= {b"utf-8", b"utf8"}


async def _fill(parts: list[bytes], receive: Receive, bytes_max: int) -> None:
    """Adds each part of a body as it comes, to its end."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        size += len(part)
        check_size(size, bytes_max=bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            return


def _too_large(bytes_max: int, found: str) -> Refused:
    return invalid(
        Code.BODY_TOO_LARGE, field="body", expected=f"at most {bytes_max} bytes", found=found
    )
