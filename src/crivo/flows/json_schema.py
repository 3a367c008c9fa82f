"""The schemas as JSON Schema (2020-12), made from the same declarations that write and read them.

A payload is a msgpack array; as JSON it is the same array, with bytes as hexadecimal digits.
"""

from __future__ import annotations

import enum
import inspect
from typing import Final

from crivo.domain.declared import DeclaredField, FieldType, declared_fields, is_declared
from crivo.flows.schemas import EventSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Document = dict[str, object]

_LEAVES: Final[dict[type, Document]] = {
    int: {"type": "integer"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base16"},
}
#: Lengths of bytes are lengths of their digits.
_IN_DIGITS: Final = ("minLength", "maxLength")


def json_schema(schema: EventSchema) -> Document:
    """The document of a schema: an array whose first items are its fields, in order.

    Items after them are allowed: they are fields of a later minor.
    """
    return {
        "$schema": DIALECT,
        "$id": f"urn:crivo:schema:{schema.name}",
        "title": schema.name,
        "description": described(schema),
        "x-streams": [stream.value for stream in schema.streams],
        **_array(declared_fields(schema.value)),
    }


def described(schema: EventSchema) -> str:
    """What a schema's value says of itself, on one line."""
    first = inspect.cleandoc(schema.value.__doc__ or "").partition("\n\n")[0]
    return " ".join(first.split())


def _array(fields: tuple[DeclaredField, ...]) -> Document:
    return {
        "type": "array",
        "prefixItems": [
            {"title": each.name, **_type(each.type), **_default(each)} for each in fields
        ],
        "minItems": sum(each.is_required for each in fields),
    }


def _default(field: DeclaredField) -> Document:
    return {} if field.is_required else {"default": field.json_default}


def _type(declared: FieldType) -> Document:
    found = _one(declared)
    if declared.is_many:
        found = {"type": "array", "items": found}
    return {"anyOf": [found, {"type": "null"}]} if declared.is_nullable else found


def _one(declared: FieldType) -> Document:
    base = declared.base
    if is_declared(base):
        return _array(declared_fields(base))
    if issubclass(base, enum.Enum):
        return {"enum": [each.value for each in base]}
    # A part that is kept as it came may be anything.
    document = dict(_LEAVES.get(base, {}))
    if declared.form is not None:
        document["x-form"] = declared.form.name
        for keyword, value in declared.form.keywords.items():
            is_length = base is bytes and keyword in _IN_DIGITS
            document[keyword] = 2 * value if is_length and isinstance(value, int) else value
    return document
