"""Values declared field by field: one declaration is the schema of the bytes and the check.

A declared value is a frozen dataclass whose fields are integers, texts, bytes, flags,
enumerations, other declared values, tuples of these, or any of them or nothing. A type may carry a
`Form`: what a value must be besides its type. The order of the fields is the order in the payload.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final

from crivo.domain.errors import Code, Refused, invalid


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What a value is besides its type: `check(value, field=...)` raises `Refused` for any other.

    `keywords` say as much of it as JSON Schema can say.
    """

    name: str
    check: Callable[..., object]
    keywords: Mapping[str, object]


@dataclasses.dataclass(frozen=True, slots=True)
class FieldType:
    """The type of a field: `base` is a class; `is_many` a tuple of it; `is_nullable` it or None."""

    base: type
    form: Form | None = None
    is_nullable: bool = False
    is_many: bool = False

    @property
    def name(self) -> str:
        """The type in one word, as the lock of the schemas writes it."""
        word = WORDS.get(self.base, self.base.__name__)
        if self.form is not None:
            word = self.form.name
        return word + "*" * self.is_many + "?" * self.is_nullable


@dataclasses.dataclass(frozen=True, slots=True)
class DeclaredField:
    """A field with its type and, where it may be left out, its default."""

    name: str
    type: FieldType
    default: object = dataclasses.MISSING

    @property
    def is_required(self) -> bool:
        """Whether a payload must hold it."""
        return self.default is dataclasses.MISSING

    @property
    def json_default(self) -> object:
        """The default as JSON has it."""
        return list(self.default) if isinstance(self.default, tuple) else self.default


#: The types that are leaves, in words.
WORDS: Final[Mapping[type, str]] = {int: "integer", str: "text", bytes: "bytes", bool: "flag"}


@lru_cache(maxsize=256)
def declared_fields(value_type: type) -> tuple[DeclaredField, ...]:
    """The fields of a declared class in their order.

    Any class will do that annotates its fields and keeps its defaults as dataclasses or as structs
    of msgspec do.
    """
    hints = typing.get_type_hints(value_type, include_extras=True)
    return tuple(
        DeclaredField(name, _field_type(hints[name]), default)
        for name, default in _defaults(value_type)
    )


@lru_cache(maxsize=1024)
def is_declared(base: type) -> bool:
    """Whether a type is declared field by field, and no leaf."""
    return dataclasses.is_dataclass(base) or hasattr(base, "__struct_fields__")


def check_fields(value: Any) -> None:
    """Nothing, if every field is of its type and form.

    Raises:
        Refused: FIELD_MISSING, FIELD_TYPE, or what the form of the first wrong field says.
    """
    value_type: type = type(value)
    for name, base, check, declared in _checks(value_type):
        found = getattr(value, name)
        if type(found) is not base:
            _check(declared, found, name)
        elif check is not None:
            check(found, field=name)


def refuse_unless(fits: bool, field: str, expected: str, found: object) -> None:
    """Nothing, if two facts of a value fit together.

    Raises:
        Refused: FIELD_VALUE, or FIELD_MISSING where nothing was found.
    """
    if not fits:
        code = Code.FIELD_MISSING if found is None else Code.FIELD_VALUE
        raise invalid(code, field=field, expected=expected, found=found)


@lru_cache(maxsize=256)
def _checks(
    value_type: type,
) -> tuple[tuple[str, type | None, Callable[..., object] | None, FieldType], ...]:
    """Of each field the name, the type of a value that only its form has to look at, the form's
    check, and all there is to check of others.
    """
    return tuple(
        (
            each.name,
            None if each.type.is_many else each.type.base,
            None if each.type.form is None else each.type.form.check,
            each.type,
        )
        for each in declared_fields(value_type)
    )


def _check(declared: FieldType, found: object, field: str) -> None:
    if found is None:
        if not declared.is_nullable:
            raise invalid(Code.FIELD_MISSING, field=field, expected=declared.name, found=found)
        return
    if not declared.is_many:
        _check_one(declared, found, field)
        return
    if not isinstance(found, tuple):
        raise _mistyped(declared, found, field)
    for place, each in enumerate(found):
        _check_one(declared, each, f"{field}[{place}]")


def _check_one(declared: FieldType, found: object, field: str) -> None:
    # A flag is no integer here, and a text is no member of an enumeration.
    if type(found) is not declared.base:
        raise _mistyped(declared, found, field)
    if declared.form is not None:
        declared.form.check(found, field=field)


def _mistyped(declared: FieldType, found: object, field: str) -> Refused:
    expected = declared.name
    if issubclass(declared.base, Enum):
        expected = "one of " + ", ".join(str(each.value) for each in declared.base)
    return invalid(Code.FIELD_TYPE, field=field, expected=expected, found=found)


def _defaults(value_type: type) -> list[tuple[str, object]]:
    if dataclasses.is_dataclass(value_type):
        return [(each.name, each.default) for each in dataclasses.fields(value_type)]
    names: tuple[str, ...] = value_type.__struct_fields__  # type: ignore[attr-defined]
    values: tuple[object, ...] = value_type.__struct_defaults__  # type: ignore[attr-defined]
    required = [dataclasses.MISSING] * (len(names) - len(values))
    return list(zip(names, [*required, *values], strict=True))


def _field_type(hint: Any) -> FieldType:
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = [each for each in typing.get_args(hint) if each is not types.NoneType]
        assert len(inner) == 1, hint
        return dataclasses.replace(_field_type(inner[0]), is_nullable=True)
    if origin is tuple:
        element, rest = typing.get_args(hint)
        assert rest is Ellipsis, hint
        return dataclasses.replace(_field_type(element), is_many=True)
    if origin is Annotated:
        base, form = typing.get_args(hint)
        return FieldType(base, form)
    assert isinstance(hint, type), hint
    return FieldType(hint)
