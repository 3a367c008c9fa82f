"""A judge of the few words of JSON Schema that the published documents use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

TYPES = {"array": list, "integer": int, "string": str, "boolean": bool, "object": dict}
KNOWN = {
    "$schema", "$id", "title", "description", "x-streams", "x-form", "default", "contentEncoding",
    "type", "prefixItems", "minItems", "items", "anyOf", "enum", "pattern", "minLength",
    "maxLength", "minimum", "maximum", "exclusiveMaximum", "format", "properties", "required",
    "additionalProperties",
}  # fmt: skip


def offences(document: Mapping[str, object], value: object, where: str = "$") -> Iterator[str]:
    """What a document says against a value."""
    assert set(document) <= KNOWN, set(document) - KNOWN
    if "anyOf" in document:
        if all(any(True for _ in offences(each, value)) for each in document["anyOf"]):
            yield f"{where} is none of the alternatives"
        return
    if "enum" in document and value not in document["enum"]:
        yield f"{where} is no member"
    if document.get("type") == "null" or "type" not in document:
        if document.get("type") == "null" and value is not None:
            yield f"{where} is not null"
        return
    if type(value) is not TYPES[document["type"]]:
        yield f"{where} is of another type"
        return
    if isinstance(value, list):
        yield from _items(document, value, where)
    elif isinstance(value, dict):
        yield from _members(document, value, where)
    elif isinstance(value, str):
        if "pattern" in document and not re.search(document["pattern"], value):
            yield f"{where} does not match"
        least, most = document.get("minLength", 0), document.get("maxLength", len(value))
        if not least <= len(value) <= most:
            yield f"{where} is too short or too long"
    else:
        yield from _numbers(document, value, where)


def _items(document, value, where):
    if len(value) < document.get("minItems", 0):
        yield f"{where} ends too early"
    places = document.get("prefixItems") or [document.get("items", {})] * len(value)
    for place, (item, each) in enumerate(zip(places, value, strict=False)):
        yield from offences(item, each, f"{where}[{place}]")


def _numbers(document, value, where):
    if not document.get("minimum", value) <= value <= document.get("maximum", value):
        yield f"{where} is too small or too large"
    if "exclusiveMaximum" in document and value >= document["exclusiveMaximum"]:
        yield f"{where} is too large"


def _members(document, value, where):
    properties = document.get("properties", {})
    for name in document.get("required", ()):
        if name not in value:
            yield f"{where} lacks {name}"
    for name, each in value.items():
        if name in properties:
            yield from offences(properties[name], each, f"{where}.{name}")
        elif document.get("additionalProperties", True) is False:
            yield f"{where} has {name}"
