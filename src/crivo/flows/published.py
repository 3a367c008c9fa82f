"""What has been published of each schema, in `schemas.lock`: it is only ever appended to.

Events are kept for years and read by programs of another age. So a schema that was once published
keeps its fields, their order, types and defaults; what means something else is `name.v(N+1)`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from crivo.domain.declared import DeclaredField, FieldType, declared_fields, is_declared
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.schemas import SCHEMAS

LOCK_FILE: Final = Path(__file__).with_name("schemas.lock")

#: A field as the lock holds it: its name, its type, and its default where it may be left out.
Field = Mapping[str, Any]
Schemas = Mapping[str, Sequence[Field]]


def declared_schemas() -> dict[str, list[Field]]:
    """Each schema of this release, field by field, as the lock would hold it."""
    return {each.name: _fields(declared_fields(each.value)) for each in SCHEMAS}


def parse_lock(text: str) -> dict[str, list[Field]]:
    """The schemas of a lock.

    Raises:
        Misconfigured: DEFINITION_INVALID for a text that is no lock.
    """
    try:
        locked = json.loads(text)
        return {name: [dict(each) for each in fields] for name, fields in locked.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Misconfigured(
            Code.DEFINITION_INVALID,
            "schemas.lock is no list of schemas",
            hint="Restore it; `python scripts/schemas.py` only appends to it.",
            found=str(error),
        ) from None


def format_lock(schemas: Schemas) -> str:
    """The text that `parse_lock` reads: one line a field, so that a change is one line too."""
    parts = []
    for name in sorted(schemas):
        lines = ",\n".join(f"    {json.dumps(each)}" for each in schemas[name])
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def with_published(locked: Schemas, declared: Schemas) -> dict[str, Sequence[Field]]:
    """The lock after these declarations were published too.

    Raises:
        Misconfigured: DEFINITION_INVALID for a schema that is no longer read, or a field that was
            published and is gone, moved, of another type or default, or was appended without one.
    """
    for name, fields in locked.items():
        if name not in declared:
            raise _broken(name, "a schema that is still read", "none")
        _check_evolution(name, fields, declared[name])
    return {**locked, **declared}


def _check_evolution(path: str, before: Sequence[Field], after: Sequence[Field]) -> None:
    for place, old in enumerate(before):
        where = f"{path} {old['name']}"
        if place >= len(after) or after[place]["name"] != old["name"]:
            found = after[place]["name"] if place < len(after) else "no field"
            raise _broken(where, f"still the field at place {place}", found)
        _check_type(where, old["type"], after[place]["type"])
        if old.get("default", _REQUIRED) != after[place].get("default", _REQUIRED):
            raise _broken(
                where,
                f"the default {old.get('default', _REQUIRED)}",
                after[place].get("default", _REQUIRED),
            )
    for new in after[len(before) :]:
        if "default" not in new:
            raise _broken(f"{path} {new['name']}", "a default, as it was appended", _REQUIRED)


_REQUIRED: Final = "none: it is required"


def _check_type(path: str, before: Any, after: Any) -> None:
    """Nothing, if the type is the same, or an enumeration with members appended.

    A reader of before refuses a member that it does not know, by name; it never misreads one.
    """
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        if "one_of" in before and after["one_of"][: len(before["one_of"])] == before["one_of"]:
            return
        if "fields" in before:
            _check_evolution(path, before["fields"], after["fields"])
            return
        for kind in ("nullable", "many"):
            if kind in before:
                _check_type(path, before[kind], after[kind])
                return
    if before != after:
        raise _broken(path, f"of type {json.dumps(before)}", json.dumps(after))


def _fields(declared: Sequence[DeclaredField]) -> list[Field]:
    return [
        {"name": each.name, "type": _type(each.type)}
        if each.is_required
        else {"name": each.name, "type": _type(each.type), "default": each.json_default}
        for each in declared
    ]


def _type(declared: FieldType) -> object:
    found: object
    if is_declared(declared.base):
        found = {"fields": _fields(declared_fields(declared.base))}
    elif issubclass(declared.base, enum.Enum):
        found = {"one_of": [each.value for each in declared.base]}
    else:
        found = FieldType(declared.base, declared.form).name
    if declared.is_many:
        found = {"many": found}
    return {"nullable": found} if declared.is_nullable else found


def _broken(where: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"schema {where} was published and must be {expected}, found {found}",
        hint="Restore it, and give what changes a schema of the next version.",
        field=where,
        expected=expected,
        found=found,
    )
