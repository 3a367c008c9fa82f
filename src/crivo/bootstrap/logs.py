"""Logging: configured once, by whoever owns the process. What names people does not get in.

An exception is logged by its kind and the lines it went through: its message may hold what a caller
sent. Of Crivo's own errors the words are logged too, but never what was found. In every text what
looks like an e-mail, a tax id, a telephone, an account, a key or a token is masked.
"""

from __future__ import annotations

import logging
import re
import traceback
from importlib.metadata import version
from typing import Any, Final

from ecs_logging import StdlibFormatter

from crivo.domain.errors import CrivoError

#: Where a record was written says nothing to who reads it; its logger does.
_LEFT_OUT: Final = ("log.original", "log.origin", "process", "service.node")

MASK: Final = "[masked]"

#: What stays: an EndToEndId, a date or time, a hash, the address of this machine.
_KEPT: Final = (
    r"\bE\d{20}[A-Za-z0-9]{11}\b"
    r"|\b\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?"
    r"|\b[0-9a-f]{32}(?:[0-9a-f]{8}|[0-9a-f]{32})?\b"
    r"|\b(?:127\.0\.0\.1|0\.0\.0\.0)\b"
)
_MASKED: Final = (
    r"(?i:bearer)\s+[\w.~+/=-]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|[^\s@\"'<>(),;:]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # a random Pix key
    r"|\+?\(?\d(?:[\d./() -]{6,}\d)"  # tax ids, telephones, accounts
)
_LOOK: Final = re.compile(f"(?P<kept>{_KEPT})|{_MASKED}")


def masked(text: str) -> str:
    """The text without what may name somebody.

    >>> masked("ana@exemplo.com of 111.444.777-35 paid E12345678202611231200abcDEF12345")
    '[masked] of [masked] paid E12345678202611231200abcDEF12345'
    """
    return _LOOK.sub(lambda found: found["kept"] or MASK, text)


def told_of(error: BaseException) -> str:
    """An exception and what it came from, for a log: kinds and lines, no caller's words."""
    parts, seen = [], set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append("".join(traceback.format_tb(cause.__traceback__)) + _words(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(reversed(parts))


def _words(error: BaseException) -> str:
    kind = type(error).__qualname__
    if not isinstance(error, CrivoError):
        return kind
    if "found" in error.context:
        return f"{kind}: {error.code} of {error.context.get('field', 'a value')}"
    return f"{kind}: {error.code}: {masked(error.message)}"


class _Masking(logging.Formatter):
    """For people: a line, and a bug's traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname} {record.name} {masked(record.getMessage())}"
        error = record.exc_info and record.exc_info[1]
        return f"{line}\n{told_of(error)}" if error else line


class EcsLines(StdlibFormatter):
    """One JSON object a line, in the Elastic Common Schema.

    What happened is `event.action`, its facts stand under `crivo`, the code of a refusal or fault
    is `error.code`, and where a bug happened `error.stack_trace`.
    """

    def __init__(self) -> None:
        service = {"service.name": "crivo", "service.version": version("crivo")}
        super().__init__(extra=service, exclude_fields=_LEFT_OUT, ensure_ascii=False)

    def format_to_ecs(self, record: logging.LogRecord) -> dict[str, Any]:
        """The fields of one record."""
        line: dict[str, Any] = super().format_to_ecs(record)
        line["message"] = masked(record.getMessage())
        line["event"] = {"action": line["message"]}
        facts, code = line.pop("facts", None), line.pop("code", None)
        if facts:
            line["crivo"] = {name: _fact(value) for name, value in facts.items()}
        about = {} if code is None else {"code": str(code)}
        error = record.exc_info and record.exc_info[1]
        if error:
            about |= {"type": type(error).__qualname__, "stack_trace": told_of(error)}
        # What the library says of an exception holds its words, which may name somebody.
        line.pop("error", None)
        if about:
            line["error"] = about
        return line


def _fact(value: object) -> object:
    """A fact as JSON has it, without what may name somebody."""
    return value if isinstance(value, int | float | None) else masked(str(value))


def configure_logging(*, json_lines: bool) -> None:
    """Logs go to stderr, as ECS JSON lines or for people. Called once, by who owns the process."""
    handler = logging.StreamHandler()
    handler.setFormatter(EcsLines() if json_lines else _Masking())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # It would report each start and stop of the server, which is announced already.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # Kafka's library says each try to connect that fails: for people its error is told once, by us.
    kept = logging.NOTSET if json_lines else logging.CRITICAL
    logging.getLogger("crivo.kafka.client").setLevel(kept)
