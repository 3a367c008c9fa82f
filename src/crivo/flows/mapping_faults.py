"""What is wrong with a mapping file, in words that need no Python."""

from __future__ import annotations

import re
from typing import Final

from crivo.domain.errors import Code, Misconfigured, shown

_TYPES: Final = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in brackets",
    "object": "a section",
}
_SENTENCE: Final = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`")


def mistyped(sentence: str) -> tuple[str, str] | None:
    """What may stand there and what does, of msgspec's sentence about types; None of others."""
    types = _SENTENCE.fullmatch(sentence)
    if types is None or not {*types.groups()} <= _TYPES.keys():
        return None
    return _TYPES[types[1]], _TYPES[types[2]]


def mapping_fault(
    name: str, field: str, expected: str, found: object = None, *, in_words: str = ""
) -> Misconfigured:
    """The error of a mapping file: a value that was found, or what was found in words."""
    text = in_words or shown(found)
    return Misconfigured(
        Code.MAPPING_INVALID,
        f"{name}: {field} must be {expected}, found {text}",
        hint="docs/reference/mapping.md lists every key and value; mappings/ holds examples.",
        file=name,
        field=field,
        expected=expected,
        found=text,
    )
