"""JSON lines: one object a line; which columns there are, and what each line holds."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import Any, Final

import msgspec

#: JSON lines that are looked at to say which columns there are: an object may leave out nulls.
JSON_ROWS_PEEKED: Final = 1_000


def json_columns(path: Path) -> list[str]:
    """The names that the first lines hold, in the order in which they come; there may be none."""
    names: dict[str, None] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number == JSON_ROWS_PEEKED:
                break
            row = json_row(line)
            if isinstance(row, dict):
                names |= dict.fromkeys(row)
    return list(names)


def json_row(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or what is wrong with it."""
    try:
        row = msgspec.json.decode(line.removeprefix(BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    return row if isinstance(row, dict) else json_kind(row)


def json_kind(value: object) -> str:
    """What JSON calls it."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return "a string"
        case None:
            return "null"
        case bool():
            return "true or false"
        case _:
            return "a number"
