"""The head of a request: how large it may be, and how long it may take to arrive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: The most of a request's head, and how long it may take to arrive.
BYTES_MAX: Final = 65_536
SECONDS_MAX: Final = 10.0

#: What is told to who sent more.
TOO_LONG: Final = f"A head of a request has at most {BYTES_MAX} bytes."

#: What stands around a name and its value: the colon, a space, the end of the line.
_AROUND_BYTES: Final = len(b": \r\n")


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
