"""Payloads of declared values: msgpack arrays in the order of the fields, written and read."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from crivo.domain.declared import (
    DeclaredField,
    FieldType,
    check_fields,
    declared_fields,
    is_declared,
)
from crivo.domain.errors import Code, Refused, invalid
from crivo.flows.schemas import schema_of

_ENCODER: Final = msgspec.msgpack.Encoder()

_PLACE: Final = re.compile(r" - at `\$(?P<path>(?:\[\d+\])*)`$")
_SHORT: Final = re.compile(r"Expected `array` of at least length \d+, got (?P<length>\d+)")
_ENUM: Final = re.compile(r"Invalid enum value (?P<found>.*)")


def encode(value: Any) -> bytes:
    """The payload of a declared value."""
    value_type: type = type(value)
    return _ENCODER.encode(to_array(value_type)(value))


def decode(schema_name: str, payload: bytes) -> Any:
    """The value of a payload. A shorter array is an older one and reads with the defaults; what a
    newer one has appended is passed over.

    Raises:
        Refused: SCHEMA_UNKNOWN; FIELD_MISSING, FIELD_TYPE or FIELD_VALUE with the field, or with
            `payload` for bytes that are no such array; whatever the value itself refuses.
    """
    value_type = schema_of(schema_name).value
    value = _from_array(value_type)(read_array(_decoder(value_type), payload, schema_name))
    # A constructor on the path of a decision leaves to the door what the door itself has made.
    check_fields(value)
    return value


def read_array(decoder: msgspec.msgpack.Decoder[Any], payload: bytes, schema_name: str) -> Any:
    """What the decoder of a schema's array finds; failures are told by the schema's field names.

    Raises:
        Refused: as `decode`.
    """
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _refusal(schema_name, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(schema_name, "payload", f"one {schema_name}", str(error)) from None


@lru_cache(maxsize=256)
def array_type(value_type: type) -> type[msgspec.Struct]:
    """The struct whose msgpack array holds the fields of a declared class."""
    return msgspec.defstruct(
        f"{value_type.__name__}Array",
        [
            (each.name, _array_field(each.type))
            if each.is_required
            else (each.name, _array_field(each.type), each.default)
            for each in declared_fields(value_type)
        ],
        array_like=True,
        frozen=True,
        gc=False,
    )


def _array_field(declared: FieldType) -> Any:
    found: Any = array_type(declared.base) if is_declared(declared.base) else declared.base
    if declared.is_many:
        found = tuple[found, ...]
    return found | None if declared.is_nullable else found


@lru_cache(maxsize=256)
def _decoder(value_type: type) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(array_type(value_type))


@lru_cache(maxsize=256)
def to_array(value_type: type) -> Callable[[Any], object]:
    """What makes the array of a value: one call into C, and one more for each part with fields."""
    fields = declared_fields(value_type)
    parts = [place for place, each in enumerate(fields) if is_declared(each.type.base)]
    read = attrgetter(*(each.name for each in fields))
    if not parts:
        return read

    def nested(value: Any) -> object:
        array = list(read(value))
        for place in parts:
            if array[place] is not None:
                array[place] = to_array(fields[place].type.base)(array[place])
        return array

    return nested


@lru_cache(maxsize=256)
def _from_array(value_type: type) -> Callable[[Any], Any]:
    """Makes the value of an array."""
    fields = declared_fields(value_type)
    parts = [place for place, each in enumerate(fields) if is_declared(each.type.base)]

    def made(array: Any) -> Any:
        found = list(msgspec.structs.astuple(array))
        for place in parts:
            if found[place] is not None:
                found[place] = _from_array(fields[place].type.base)(found[place])
        return value_type(*found)

    return made


def _refusal(schema_name: str, message: str) -> Refused:
    """A refusal by the name of the field that msgspec tells the place of."""
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    path = [int(each) for each in re.findall(r"\d+", place["path"])] if place else []
    short = _SHORT.fullmatch(said)
    if short is not None:
        path.append(int(short["length"]))
    field, declared = _field_at(declared_fields(schema_of(schema_name).value), path)
    if declared is None:
        return _unreadable(schema_name, "payload", f"one {schema_name}", said)
    if short is not None:
        return invalid(Code.FIELD_MISSING, field=field, expected=declared.type.name, found=None)
    enum = _ENUM.fullmatch(said)
    if enum is not None:
        base: Any = declared.type.base
        members = ", ".join(str(each.value) for each in base)
        return invalid(
            Code.FIELD_VALUE, field=field, expected=f"one of {members}", found=enum["found"]
        )
    expected, _, found = said.removeprefix("Expected ").replace("`", "").partition(", got ")
    return _unreadable(schema_name, field, expected, found or said)


def _field_at(
    fields: tuple[DeclaredField, ...], path: list[int]
) -> tuple[str, DeclaredField | None]:
    """The name of the field at a path of places, such as `markers.watermark`, and the field."""
    names: list[str] = []
    declared: DeclaredField | None = None
    for place in path:
        if declared is not None and not is_declared(declared.type.base):
            names[-1] += f"[{place}]"
            continue
        if declared is not None:
            fields = declared_fields(declared.type.base)
        declared = fields[place]
        names.append(declared.name)
    return ".".join(names), declared


def _unreadable(schema_name: str, field: str, expected: str, found: str) -> Refused:
    return Refused(
        Code.FIELD_TYPE,
        f"the payload is no {schema_name}: {field} must be {expected}, found {found}",
        hint="It was written by another program, or is damaged.",
        field=field,
        expected=expected,
        found=found,
    )
