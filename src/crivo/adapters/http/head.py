"""The head of a request: what it must say, how large it may be, how long it may take to arrive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crivo.domain.errors import Code, Refused, invalid

#: The most of a request's head, and how long it may take to arrive.
BYTES_MAX: Final = 65_536
SECONDS_MAX: Final = 10.0

#: What is told to who sent more.
TOO_LONG: Final = f"A head of a request has at most {BYTES_MAX} bytes."

#: The versions that are spoken; a request of the later one names its host.
_VERSIONS: Final = ("1.0", "1.1")
_HINT: Final = "The connection is closed."

#: What stands around a name and its value: the colon, a space, the end of the line.
_AROUND_BYTES: Final = len(b": \r\n")


def not_http(found: str) -> Refused:
    """The refusal of bytes that are no request."""
    return Refused(
        Code.BODY_MALFORMED,
        "this is no request of HTTP/1.1",
        hint="Look at Content-Length, Transfer-Encoding and the first line; "
        "the connection is closed.",
        field="request",
        expected="a request of HTTP/1.1 (RFC 9112)",
        found=found,
    )


def check_head(version: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Nothing, if a request of that version may say what its head says (RFC 9112).

    Whoever stands between may read a head that breaks these rules as another request. Names of
    `headers` are in small letters.

    Raises:
        Refused: HTTP_VERSION; BODY_MALFORMED for a target with a fragment (section 3.2), and for
            no `Host` in HTTP/1.1 or several of them.
    """
    if version not in _VERSIONS:
        raise invalid(
            Code.HTTP_VERSION,
            field="version",
            expected="HTTP/1.1, or HTTP/1.0",
            found=f"HTTP/{version}",
        )
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or (not hosts and version == "1.1"):
        expected = "one header, as HTTP/1.1 asks for"
        raise invalid(Code.BODY_MALFORMED, field="host", expected=expected, found=hosts, hint=_HINT)
    if b"#" in target:
        expected = "a path without a fragment (#)"
        raise invalid(
            Code.BODY_MALFORMED, field="target", expected=expected, found=target, hint=_HINT
        )


class Head:
    """The head that a connection is reading: since when, and how many bytes came of it."""

    __slots__ = ("_before", "_most", "since")

    def __init__(self) -> None:
        #: Since when a head arrives that is not whole yet (0: none does).
        self.since = 0.0
        #: Bytes of earlier pieces, and at the most with the piece that is being read.
        self._before = self._most = 0

    def begins(self, now: float) -> None:
        """Its first bytes are there, at this time of the loop."""
        self.since = now

    def reads(self, piece: int) -> None:
        """So many bytes are read now, which may be its, or its body's."""
        self._most = self._before + piece

    def goes_on(self) -> bool:
        """What was read ends before the head does: whether more of it may still come."""
        self._before = self._most
        return self._before <= BYTES_MAX

    def ends(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """It is whole: whether that is short enough.

        What came with it may be a body, so what is counted are target, names and values. Blanks
        beside a value are nowhere kept, and not counted.
        """
        self.since, self._before = 0.0, 0
        return self._most <= BYTES_MAX or _size(url, headers) <= BYTES_MAX


def _size(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + _AROUND_BYTES for name, value in headers)
