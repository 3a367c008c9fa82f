"""The body of an event as JSON Schema: what `event_body.parse_event` takes, of the same fields.

It says what one field must be by itself. What two fields must be together, the value alone knows.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

from crivo.domain.declared import DeclaredField, declared_fields, is_declared
from crivo.domain.fields import PRINTABLE_PATTERN
from crivo.flows.event_body import instant_parser
from crivo.flows.json_schema import described
from crivo.flows.schemas import EventSchema
from crivo.flows.told_mapping import filled_by_door
from crivo.governance.pseudonym import ID_CHARACTERS_MAX

Document = dict[str, Any]

_INSTANT: Final[Document] = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339 in UTC with Z, to the microsecond at most.",
}
_RECEIVED_AT: Final[Document] = {
    **_INSTANT,
    "description": "The receipt, where the log's clock is replay alone: RFC 3339 in UTC with Z.",
}
_RAW_ID: Final[Document] = {
    "type": "string",
    "minLength": 1,
    "maxLength": ID_CHARACTERS_MAX,
    "pattern": PRINTABLE_PATTERN,
    "description": "The id as the institution writes it: a pseudonym of it is kept.",
}
#: A block of the directory's statistics may say by its watermark that there is none.
_WITHOUT_DATA: Final[Document] = {
    "type": "object",
    "properties": {"watermark": {"type": "string", "pattern": "^1970-01-01T"}},
    "required": ["watermark"],
}
_NULL: Final[Document] = {"type": "null"}
_LEAVES: Final[dict[type, Document]] = {
    int: {"type": "integer"},
    str: {"type": "string", "pattern": PRINTABLE_PATTERN},
    bool: {"type": "boolean"},
}


def body_schema(schema: EventSchema) -> Document:
    """The object that tells an event of a schema. What the door fills in is none of its fields."""
    filled = filled_by_door(schema)
    document = _object([each for each in declared_fields(schema.value) if each.name not in filled])
    document["properties"]["received_at"] = _any_of(_RECEIVED_AT, _NULL)
    sentence = described(schema).partition(" The order of the fields is the schema")[0]
    return {"title": schema.name, "description": sentence, **document}


def _object(fields: Sequence[DeclaredField]) -> Document:
    needed = [each.name for each in fields if each.is_required and not each.type.is_nullable]
    return {
        "type": "object",
        "properties": {each.name: _field(each) for each in fields},
        "required": needed,
        "additionalProperties": False,
    }


def _field(field: DeclaredField) -> Document:
    found = _one(field)
    if field.type.is_many:
        found = {"type": "array", "items": found}
    if field.type.is_nullable and "watermark" in found.get("properties", ()):
        return _any_of(found, _WITHOUT_DATA, _NULL)
    return _any_of(found, _NULL) if field.type.is_nullable or not field.is_required else found


def _any_of(*documents: Document) -> Document:
    return {"anyOf": list(documents)}


def _one(field: DeclaredField) -> Document:
    base, form = field.type.base, field.type.form
    if is_declared(base):
        return _object(declared_fields(base))
    if issubclass(base, enum.Enum):
        return {"type": "string", "enum": [each.value for each in base]}
    if base is bytes:
        return _RAW_ID
    if instant_parser(field) is not None:
        return _INSTANT
    return {**_LEAVES[base], **({} if form is None else form.keywords)}
