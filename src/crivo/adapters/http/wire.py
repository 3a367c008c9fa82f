"""An answer as the bytes that are sent."""

from __future__ import annotations

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Headers = Sequence[tuple[bytes, bytes]]


def wire(status: int, body: bytes, headers: Headers) -> bytes:
    """The status line, the headers and the body of an answer of HTTP/1.1."""
    content = [STATUS_LINE[status]]
    for name, value in headers:
        content += (name, b": ", value, b"\r\n")
    content += (b"\r\n", body)
    return b"".join(content)
