"""The published JSON Schemas say of payloads what the program says of them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from crivo.domain.declared import declared_fields
from crivo.flows.payload import encode
from crivo.flows.schemas import BY_VALUE, schema_of
from tests.unit.domain.examples import VALUES
from tests.unit.flows.json_documents import offences

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference" / "schemas"


def document(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def as_json(found):
    """A payload as JSON has it: bytes are hexadecimal digits."""
    if isinstance(found, bytes):
        return found.hex()
    if isinstance(found, list):
        return [as_json(each) for each in found]
    return found


def array_of(value):
    return as_json(msgspec.msgpack.decode(encode(value)))


@pytest.mark.parametrize("name", sorted({BY_VALUE[type(value)].name for value in VALUES}))
def test_every_example_is_what_its_document_describes(name):
    for value in VALUES:
        if BY_VALUE[type(value)].name == name:
            assert list(offences(document(name), array_of(value))) == []


@pytest.mark.parametrize("name", sorted({BY_VALUE[type(value)].name for value in VALUES}))
def test_sabotage_a_wrong_field_is_what_no_document_describes(name):
    value = next(each for each in VALUES if BY_VALUE[type(each)].name == name)
    for place, field in enumerate(declared_fields(schema_of(name).value)):
        for wrong in (1.5, {"an": "object"}, "\n" * 5_000, -(2**70)):
            damaged = array_of(value)
            damaged[place] = wrong
            found = list(offences(document(name), damaged))
            assert found and all(f"[{place}]" in each for each in found), field.name


def test_sabotage_an_array_that_ends_too_early_is_noticed():
    for value in VALUES:
        name = BY_VALUE[type(value)].name
        required = document(name)["minItems"]
        assert list(offences(document(name), array_of(value)[: required - 1])) != []
        assert list(offences(document(name), [*array_of(value), "new"])) == []
