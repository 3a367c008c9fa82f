"""Columns of tables: one type system for every engine that writes or reads the lake."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from crivo.domain.declared import DeclaredField, declared_fields, is_declared


class Kind(StrEnum):
    """What a cell holds. Instants and centavos are integers; a date is Brasília's; a number is a
    float64.
    """

    INTEGER = "integer"
    TEXT = "text"
    BYTES = "bytes"
    FLAG = "flag"
    DATE = "date"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name."""

    name: str
    kind: Kind
    is_nullable: bool = True


def columns_of(value_type: type) -> tuple[Column, ...]:
    """The columns of a declared value, in the order of its fields.

    What has parts of its own, or is many, stands in its cell as JSON.
    """
    return tuple(
        Column(each.name, kind_of(each), is_nullable=not each.is_required or each.type.is_nullable)
        for each in declared_fields(value_type)
    )


def kind_of(field: DeclaredField) -> Kind:
    """The kind of a declared field's cell."""
    base = field.type.base
    if field.type.is_many or is_declared(base):
        return Kind.TEXT
    if issubclass(base, bool):
        return Kind.FLAG
    if issubclass(base, int) and not issubclass(base, Enum):
        return Kind.INTEGER
    return Kind.BYTES if issubclass(base, bytes) else Kind.TEXT
