"""Logging: configured once, by whoever owns the process. What names people does not get in.

An exception is logged by its kind and the lines it went through: its message may hold what a caller
sent. Of Crivo's own errors the words are logged too, but never what was found. In every text what
looks like an e-mail, a tax id, a telephone, an account, a key or a token is masked.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import Final

from crivo.domain.errors import CrivoError
from crivo.domain.instant import format_rfc3339

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


class _JsonLines(logging.Formatter):
    """One JSON object a line: when, how grave, where, what, its facts, a bug's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": format_rfc3339(int(record.created * 1_000_000)),
            "level": record.levelname,
            "logger": record.name,
            "event": masked(record.getMessage()),
        }
        code = getattr(record, "code", None)
        if code is not None:
            line["code"] = str(code)
        facts: dict[str, object] = getattr(record, "facts", {})
        line |= {
            name: masked(value) if isinstance(value, str) else value
            for name, value in facts.items()
        }
        error = record.exc_info and record.exc_info[1]
        if error:
            line["traceback"] = told_of(error)
        return json.dumps(line, ensure_ascii=False, default=lambda value: masked(str(value)))


def configure_logging(*, json_lines: bool) -> None:
    """Logs go to stderr, as JSON lines or for people. Called once, by whoever owns the process."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if json_lines else _Masking())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # It would report each start and stop of the server, which is announced already.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
