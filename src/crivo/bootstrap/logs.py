"""Logging: configured once, by whoever owns the process."""

from __future__ import annotations

import json
import logging

from crivo.domain.instant import format_rfc3339


class _JsonLines(logging.Formatter):
    """One JSON object a line: when, how grave, where, what, its facts, a bug's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": format_rfc3339(int(record.created * 1_000_000)),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        code = getattr(record, "code", None)
        if code is not None:
            line["code"] = str(code)
        line |= getattr(record, "facts", {})
        if record.exc_info is not None:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(*, json_lines: bool) -> None:
    """Logs go to stderr, as JSON lines or for people. Called once, by whoever owns the process."""
    handler = logging.StreamHandler()
    if json_lines:
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # It would report each start and stop of the server, which is announced already.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
