"""A head that a connection has sent before: a request that repeats it needs no parser.

Whoever asks for decisions sends the same head again and again, but for the digits of the body's
length. What a parser made of it once is what it would make of it each time.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.types import Scope

from crivo.adapters.http.turned_away import END, LENGTH, LENGTH_DIGITS_MAX

_NAME: Final = b"content-length"


class KnownHead:
    """The head of a request for a decision, but for the digits of its length.

    Args:
        data: One whole request for a decision and nothing else, as `is_one_decision` has it.
        scope: What a parser made of its head.
    """

    __slots__ = ("_after", "_before", "_headers", "_place", "_scope")

    def __init__(self, data: bytes, scope: Scope) -> None:
        end = data.index(END) + len(END)
        digits = LENGTH.search(data[:end].lower())
        assert digits is not None, "one whole request names its length"
        self._before, self._after = data[: digits.start(1)], data[digits.end(1) : end]
        self._scope = scope
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._place = [name for name, _ in self._headers].index(_NAME)

    def of(self, data: bytes) -> tuple[dict[str, Any], bytes] | None:
        """The scope and the body of one whole request with this head; None for any other bytes."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        start = len(before)
        end = data.find(after, start, start + LENGTH_DIGITS_MAX + len(after))
        digits = data[start : max(start, end)]
        body = end + len(after)
        if not digits.isdigit() or int(digits) != len(data) - body:
            return None
        headers = self._headers.copy()
        headers[self._place] = (_NAME, digits)
        return {**self._scope, "headers": headers}, data[body:]
