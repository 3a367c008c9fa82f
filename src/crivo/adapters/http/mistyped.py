"""What is wrong with a parameter of a query, in the words of this service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crivo.domain.errors import Code, Refused, invalid

#: What each complaint of the library that reads queries asks for; {names} are its own bounds.
_EXPECTED: Final = {
    "missing": "given",
    "enum": "{expected}",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number that fits",
    "greater_than_equal": "a whole number, at least {ge}",
    "less_than_equal": "a whole number, at most {le}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
}


def mistyped_parameter(complaint: Mapping[str, Any]) -> Refused:
    """The refusal of one complaint of pydantic's (`type`, `loc`, `msg`, `input`, `ctx`).

    A kind of complaint that is not listed is said in the library's own words.
    """
    kind = complaint["type"]
    is_missing = kind == "missing"
    sentence = _EXPECTED.get(kind, str(complaint["msg"]))
    return invalid(
        Code.FIELD_MISSING if is_missing else Code.FIELD_VALUE,
        field=str(complaint["loc"][-1])[:80],
        expected=sentence.format_map(complaint.get("ctx", {})) if kind in _EXPECTED else sentence,
        found="nothing" if is_missing else complaint.get("input"),
    )
