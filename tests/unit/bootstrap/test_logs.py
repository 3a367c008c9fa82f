"""Logs of a service are lines of the Elastic Common Schema."""

from __future__ import annotations

import json
import logging

from crivo.bootstrap.logs import EcsLines
from crivo.domain.errors import Code


def line_of(**facts: object) -> dict[str, object]:
    record = logging.LogRecord("crivo.log", logging.WARNING, "file.py", 7, "%s", ("x.y",), None)
    record.__dict__.update(facts)
    (line,) = EcsLines().format(record).splitlines()
    return json.loads(line)


def test_a_line_says_when_how_grave_where_and_what() -> None:
    line = line_of()
    assert line["@timestamp"].endswith("Z")
    assert line["log.level"] == "warning"
    assert line["message"] == "x.y"
    assert line["event"] == {"action": "x.y"}
    assert line["log"] == {"logger": "crivo.log"}
    assert line["service"]["name"] == "crivo"
    assert line["ecs.version"]


def test_facts_and_codes_have_their_place() -> None:
    line = line_of(facts={"plan": "é", "rows": 3}, code=Code.LOG_LOCKED)
    assert line["crivo"] == {"plan": "é", "rows": 3}
    assert line["error"] == {"code": "LOG_LOCKED"}
    assert not {"facts", "code", "process"} & set(line)


def test_a_bug_brings_its_traceback_in_the_same_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        line = line_of(exc_info=(type(error), error, error.__traceback__), code=Code.INTERNAL)
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["code"] == "INTERNAL"
    assert "test_a_bug_brings" in line["error"]["stack_trace"]
