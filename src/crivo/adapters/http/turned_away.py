"""A request that is one too many, told from its bytes and answered before anything is read of it.

At three times what a service can decide, two requests in three are refused. What a refusal costs is
taken from the decisions: parsed, checked for its key and answered as any other, it took a third of
one. So where a connection brings one whole request for a decision and nothing else, and there is no
room for it, the same answer leaves at once. A caller without a key is told the same then: the
service has no time to ask.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from crivo.adapters.http.hot import overloaded
from crivo.adapters.http.problems import problem_of, render
from crivo.adapters.http.wire import wire

_BEGIN: Final = b"POST /v1/decisions HTTP/1.1\r\n"
#: How a head ends.
END: Final = b"\r\n\r\n"
#: The most digits of the length of a body.
LENGTH_DIGITS_MAX: Final = 7
#: The length of the body, in a head in small letters.
LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,%d})[ \t]*\r\n" % LENGTH_DIGITS_MAX)
#: Lines of a head by which a request may be another than it seems; the usual way reads those.
_OTHER: Final = re.compile(
    rb"\r\n(?:transfer-encoding|expect|upgrade|connection:[ \t]*+(?!keep-alive[ \t]*\r)|[ \t])"
)


def is_one_decision(data: bytes) -> bool:
    """Whether these bytes are one whole `POST /v1/decisions` of HTTP/1.1, and nothing else.

    The body's bytes are counted and not looked at. A head that is unusual in any way that may
    change where a request ends, or what becomes of its connection, is none, nor is one that does
    not name its host once.
    """
    if not data.startswith(_BEGIN):
        return False
    end = data.find(END)
    if end < 0:
        return False
    head = data[: end + 2].lower()
    lengths = LENGTH.findall(head)
    return (
        len(lengths) == 1
        and head.count(b"\r\nhost:") == 1
        and head.count(b"content-length") == 1
        and int(lengths[0]) == len(data) - end - len(END)
        and _OTHER.search(head) is None
    )


@lru_cache
def turned_away(expected: str) -> bytes:
    """The answer of a request that is one too many."""
    return wire(*render(problem_of(overloaded(expected))))
