"""Answering a refusal while its body may still be coming in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crivo.adapters.http.answers import respond
from crivo.adapters.http.problems import Problem, render
from crivo.domain.errors import Code

#: What is read and thrown away of a body that is too large, and for how long: a connection that is
#: closed on unread bytes is reset, and its caller never sees the answer.
DRAINED_BYTES_MAX: Final = 64 * 1024 * 1024
DRAINED_SECONDS_MAX: Final = 2.0


async def refuse(receive: Receive, send: Send, problem: Problem) -> None:
    """Sends the problem document; of a body that is too large the rest is read, and dropped."""
    status, body, headers = render(problem)
    if problem.code != Code.BODY_TOO_LARGE:
        await respond(send, status, body, headers)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS_MAX):
            await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


class RefusalResponse(Response):
    """A refusal as an answer of a FastAPI handler."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(status_code=problem.status)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, as `refuse` does."""
        await refuse(receive, send, self._problem)


async def _drain(receive: Receive) -> None:
    size = 0
    while size <= DRAINED_BYTES_MAX:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        size += len(message.get("body", b""))
