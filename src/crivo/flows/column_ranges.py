"""Many columns by one pattern: `V1..V28` stands for V1 to V28."""

from __future__ import annotations

import re
from typing import Final

#: Columns that one range such as V1..V28 may stand for.
RANGE_COLUMNS_MAX: Final = 10_000

_RANGE: Final = re.compile(r"(?P<stem>\D*)(?P<first>\d+)\.\.(?P=stem)(?P<last>\d+)", re.ASCII)


def is_range_sound(pattern: str) -> bool:
    """Whether the pattern is one column, or a rising range of few enough."""
    match = _RANGE.fullmatch(pattern)
    return match is None or 0 <= int(match["last"]) - int(match["first"]) < RANGE_COLUMNS_MAX


def spelled_out(pattern: str) -> list[str]:
    """The columns of a pattern."""
    match = _RANGE.fullmatch(pattern)
    if match is None:
        return [pattern]
    numbers = range(int(match["first"]), int(match["last"]) + 1)
    return [f"{match['stem']}{number}" for number in numbers]
