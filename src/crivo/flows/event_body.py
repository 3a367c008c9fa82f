"""Events as outsiders write them, JSON objects by field name, turned into declared values.

Times are RFC 3339 in UTC, members of enumerations their names, and ids raw: the door makes
pseudonyms of them and keeps nothing raw. What the declaration says is what is taken: an unknown
field, another type or a member that does not exist is refused by its path.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

from crivo.domain.declared import DeclaredField, FieldType, declared_fields, is_declared
from crivo.domain.dict_statistics import has_data
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.fields import check_printable
from crivo.domain.instant import parse_rfc3339, parse_since
from crivo.flows.schemas import SCHEMAS, EventSchema, schema_of
from crivo.governance.pseudonym import ID_CHARACTERS_MAX, IdDomain, Pseudonymiser

#: Whose pseudonym a field holds. What a list or a statistic is about, its neighbour says.
_DOMAINS: Final = {
    "account_id": IdDomain.ACCOUNT,
    "payer_id": IdDomain.ACCOUNT,
    "payee_id": IdDomain.ACCOUNT,
    "payer_account_id": IdDomain.ACCOUNT,
    "payee_account_id": IdDomain.ACCOUNT,
    "person_id": IdDomain.PERSON,
    "payer_person_id": IdDomain.PERSON,
    "payee_person_id": IdDomain.PERSON,
    "key_id": IdDomain.KEY,
    "payee_key_id": IdDomain.KEY,
    "device_id": IdDomain.DEVICE,
}
#: Fields that may lie long back.
_SINCE: Final = frozenset({"account_opened_at"})
_NEIGHBOURS: Final = ("entity", "of")

#: Where a schema keeps whose key or token told an event: the door alone fills that in.
CALLER: Final = "caller"

Document = Mapping[str, object]


def parse_event(
    schema_name: str,
    document: object,
    pseudonyms: Pseudonymiser,
    *,
    facts: Mapping[str, object] | None = None,
    caller: str | None = None,
) -> Any:
    """The value that a document describes. `facts` are fields that the door fills in itself, such
    as those of the transfer that the event is about, and `caller` whose key or token told it, where
    the schema keeps that; the document may name neither.

    Raises:
        Refused: SCHEMA_UNKNOWN for a schema that is not read, or is written by this program alone;
            FIELD_MISSING, FIELD_UNKNOWN, FIELD_TYPE, FIELD_VALUE and what the value refuses.
    """
    schema = schema_of(schema_name)
    if schema.is_own:
        raise _own(schema)
    filled = dict(facts or {})
    if any(each.name == CALLER for each in declared_fields(schema.value)):
        filled[CALLER] = caller
    return _Body(pseudonyms).value(schema.value, document, "", filled)


def field_value(
    field: DeclaredField, found: object, document: Document, path: str, pseudonyms: Pseudonymiser
) -> object:
    """What a document that has `found` at that path has in that field.

    Raises:
        Refused: as `parse_event`.
    """
    return _Body(pseudonyms).one(field, found, document, path)


def instant_parser(field: DeclaredField) -> Callable[..., int] | None:
    """What reads the text of an instant; None for a field that is none."""
    if not _is_instant(field.type):
        return None
    return parse_since if field.name in _SINCE else parse_rfc3339


@dataclasses.dataclass(frozen=True, slots=True)
class _Body:
    """Reads the parts of one document."""

    pseudonyms: Pseudonymiser

    def value(
        self, value_type: type, document: object, path: str, facts: Mapping[str, object]
    ) -> Any:
        if not isinstance(document, Mapping):
            raise _mistyped(path.rstrip(".") or "body", "an object", document)
        fields = declared_fields(value_type)
        known = {each.name for each in fields} - set(facts)
        for name in document:
            if name not in known:
                raise invalid(
                    Code.FIELD_UNKNOWN,
                    field=f"{path}{name}"[:ID_CHARACTERS_MAX],
                    expected="only fields of the schema that the door does not fill in",
                    found=name,
                )
        found = {
            each.name: facts[each.name]
            if each.name in facts
            else self._field(each, document, f"{path}{each.name}")
            for each in fields
        }
        return value_type(**found)

    def _field(self, field: DeclaredField, document: Document, path: str) -> object:
        found = document.get(field.name)
        if found is None or (field.type.is_nullable and _is_without_data(found)):
            if not field.is_required:
                return field.default
            if field.type.is_nullable:
                return None
            raise invalid(Code.FIELD_MISSING, field=path, expected=field.type.name, found=None)
        if not field.type.is_many:
            return self.one(field, found, document, path)
        if not isinstance(found, list):
            raise _mistyped(path, "a list", found)
        return tuple(
            self.one(field, each, document, f"{path}[{place}]") for place, each in enumerate(found)
        )

    def one(self, field: DeclaredField, found: object, document: Document, path: str) -> object:
        declared = field.type
        if is_declared(declared.base):
            return self.value(declared.base, found, f"{path}.", {})
        if issubclass(declared.base, enum.Enum):
            return _member(declared.base, found, path)
        if declared.base is bytes:
            text = _text(found, path)
            return self.pseudonyms.of(id_domain(field.name, document), text, field=path)
        parse = instant_parser(field)
        if parse is not None:
            return parse(_text(found, path), field=path)
        if type(found) is not declared.base:
            raise _mistyped(path, declared.name, found)
        if isinstance(found, str):
            check_printable(found, field=path)
        return found


def _is_without_data(found: object) -> bool:
    """Whether it is a block of the directory's statistics whose watermark says: no data."""
    watermark = found.get("watermark") if isinstance(found, Mapping) else None
    return isinstance(watermark, str) and not has_data(watermark)


def _is_instant(declared: FieldType) -> bool:
    return declared.form is not None and declared.form.name == "instant"


def id_domain(name: str, document: Document) -> IdDomain:
    """Whose pseudonym a field of that name holds, in such a document.

    Raises:
        Refused: FIELD_VALUE where its neighbours do not say.
    """
    if name in _DOMAINS:
        return _DOMAINS[name]
    words = [document[neighbour] for neighbour in _NEIGHBOURS if neighbour in document]
    for domain in IdDomain:
        if [domain.name] == words:
            return domain
    raise invalid(
        Code.FIELD_VALUE,
        field=" or ".join(_NEIGHBOURS),
        expected="one of " + ", ".join(domain.name for domain in IdDomain),
        found=words,
    )


def _member(base: type[enum.Enum], found: object, path: str) -> enum.Enum:
    for member in base:
        if member.value == found:
            return member
    expected = "one of " + ", ".join(str(member.value) for member in base)
    raise invalid(Code.FIELD_VALUE, field=path, expected=expected, found=found)


def _text(found: object, path: str) -> str:
    if not isinstance(found, str):
        raise _mistyped(path, "a text", found)
    return found


def _mistyped(path: str, expected: str, found: object) -> Refused:
    return invalid(Code.FIELD_TYPE, field=path, expected=expected, found=found)


def _own(schema: EventSchema) -> Refused:
    return Refused(
        Code.SCHEMA_UNKNOWN,
        f"events of {schema.name} are written by Crivo alone",
        hint="Send one of the kinds that outsiders write.",
        field="schema",
        expected=", ".join(each.name for each in SCHEMAS if not each.is_own),
        found=schema.name,
    )
