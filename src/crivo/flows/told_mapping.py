"""The sections `[[told]]` of a mapping: how rows of a stream's files become events of a schema."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec

from crivo.domain.declared import DeclaredField, declared_fields, is_declared
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.transfer import Transfer
from crivo.flows.event_body import CALLER
from crivo.flows.schemas import EventSchema, schema_of

#: What a section may say of a field without a column.
Constant = str | int | bool

#: Facts of a transfer that the door fills in where an event is about one.
FILLED_IN: Final = ("payer_id", "payee_id", "amount_centavos", "transfer_occurred_at")


def is_about_transfer(schema: EventSchema) -> bool:
    """Whether events of the schema repeat facts of a transfer."""
    names = {field.name for field in declared_fields(schema.value)}
    return names.issuperset(("end_to_end_id", *FILLED_IN))


def filled_by_door(schema: EventSchema) -> frozenset[str]:
    """The fields that no document or file may name: facts of its transfer, and who told it."""
    return frozenset({CALLER, *(FILLED_IN if is_about_transfer(schema) else ())})


def filled_in(transfer: Transfer) -> dict[str, object]:
    """What an event that is about a transfer repeats of it."""
    facts = (transfer.payer_id, transfer.payee_id, transfer.amount_centavos, transfer.occurred_at)
    return dict(zip(FILLED_IN, facts, strict=True))


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One section: the files of `table` tell events of `schema`.

    `fields` says which column holds a field, by its path (`markers.watermark`); `optional` the
    same of columns that a file may lack; `constants` what a field always is. Rows tell such an
    event where the column `when` is not empty and the columns of `where` hold those words; other
    rows tell none.
    """

    schema: str
    table: str
    fields: dict[str, str]
    constants: dict[str, Constant] = {}
    optional: dict[str, str] = {}
    when: str | None = None
    where: dict[str, str] = {}

    def of_file(self, columns: Collection[str]) -> Told:
        """The section for a file with these columns: the optional ones that it has are read."""
        there = {path: name for path, name in self.optional.items() if name in columns}
        return msgspec.structs.replace(self, fields={**self.fields, **there}, optional={})

    def columns(self, *times: str | None) -> tuple[str, ...]:
        """Every column that the section must read, with those of the times, each once."""
        found = [*times, *self.fields.values(), self.when, *self.where]
        return tuple(dict.fromkeys(name for name in found if name is not None))

    @property
    def is_about_transfer(self) -> bool:
        """Whether the door fills in the facts of a transfer."""
        return is_about_transfer(schema_of(self.schema))

    def declared(self) -> dict[str, DeclaredField]:
        """The fields that a section may name, by path."""
        schema = schema_of(self.schema)
        filled = filled_by_door(schema)
        paths = _paths(schema.value, "")
        return {path: field for path, field in paths if path not in filled}


def check_told(sections: Sequence[Told], name: str) -> None:
    """Nothing, if each section names a schema that outsiders write, and fields of it.

    Raises:
        Misconfigured: MAPPING_INVALID, with the field.
    """
    for place, section in enumerate(sections):
        where = f"told[{place}]"
        if not section.table.replace("_", "").isalnum():
            raise _invalid(name, f"{where}.table", "the name of a folder of files", section.table)
        try:
            schema = schema_of(section.schema)
        except Refused as refused:
            expected = str(refused.context["expected"])
            raise _invalid(name, f"{where}.schema", expected, section.schema) from None
        if schema.is_own or schema.name == "transfer.v1":
            expected = "a schema that outsiders write, transfers apart"
            raise _invalid(name, f"{where}.schema", expected, schema.name)
        paths = section.declared()
        for path in (*section.fields, *section.optional, *section.constants):
            if path not in paths:
                expected = f"one of {', '.join(paths)}"
                raise _invalid(name, f"{where}.fields", expected, path)


def _paths(value_type: type, prefix: str) -> Iterator[tuple[str, DeclaredField]]:
    for field in declared_fields(value_type):
        path = f"{prefix}{field.name}"
        if is_declared(field.type.base):
            yield from _paths(field.type.base, f"{path}.")
        else:
            yield path, field


def _invalid(name: str, field: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.MAPPING_INVALID,
        f"{name}: {field} must be {expected}",
        hint="docs/reference/mapping.md says what a section of event streams holds.",
        field=field,
        expected=expected,
        found=found,
    )
