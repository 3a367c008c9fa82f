"""What was published of a schema stays; each way to break it is refused by the field's name."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from crivo.domain.declared import check_fields, declared_fields
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.fields import Centavos, Instant, OwnId
from crivo.flows.json_schema import json_schema
from crivo.flows.payload import array_type
from crivo.flows.published import (
    LOCK_FILE,
    declared_schemas,
    format_lock,
    parse_lock,
    with_published,
)
from crivo.flows.schemas import SCHEMAS, schema_of

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference" / "schemas"
DECLARED = declared_schemas()


def locked():
    return parse_lock(LOCK_FILE.read_text(encoding="utf-8"))


def edited(edit):
    """The declarations after an edit of them."""
    schemas = copy.deepcopy(DECLARED)
    edit(schemas)
    return schemas


def refusal(edit):
    with pytest.raises(Misconfigured) as caught:
        with_published(locked(), edited(edit))
    assert caught.value.code is Code.DEFINITION_INVALID
    return caught.value.context["field"]


def test_no_published_schema_was_broken_and_all_are_published():
    # Where this fails after an append: `python scripts/schemas.py`.
    assert with_published(locked(), DECLARED) == locked()


def test_the_json_schemas_are_those_of_the_declarations():
    found = {path.name: json.loads(path.read_text()) for path in FOLDER.iterdir()}
    assert found == {f"{schema.name}.json": json_schema(schema) for schema in SCHEMAS}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_a_json_schema_has_the_fields_in_their_order(schema):
    document = json_schema(schema)
    fields = declared_fields(schema.value)
    assert [item["title"] for item in document["prefixItems"]] == [each.name for each in fields]
    assert document["minItems"] == sum(each.is_required for each in fields)
    assert document["title"] == schema.name and "items" not in document


def test_sabotage_a_field_that_is_removed_is_refused():
    assert refusal(lambda all_: all_["login.v1"].pop()) == "login.v1 caller"
    assert refusal(lambda all_: all_["login.v1"].pop(0)) == "login.v1 login_id"


def test_sabotage_fields_in_another_order_are_refused():
    def swap(schemas):
        fields = schemas["report.v1"]
        fields[3], fields[4] = fields[4], fields[3]

    assert refusal(swap) == "report.v1 payer_id"


def test_sabotage_a_field_of_another_name_is_refused():
    assert refusal(lambda all_: all_["claim.v1"][0].update(name="id")) == "claim.v1 claim_id"


@pytest.mark.parametrize("other", ["integer", {"nullable": "instant"}, {"one_of": ["A"]}])
def test_sabotage_a_field_of_another_type_is_refused(other):
    def change(schemas):
        schemas["login.v1"][1]["type"] = other

    assert refusal(change) == "login.v1 occurred_at"


def test_sabotage_another_default_or_none_is_refused():
    def require(schemas):
        del schemas["transfer.v1"][5]["default"]

    assert refusal(require) == "transfer.v1 payer_person_id"
    assert (
        refusal(lambda all_: all_["transfer.v1"][5].update(default="x"))
        == "transfer.v1 payer_person_id"
    )


def test_sabotage_a_field_appended_without_a_default_is_refused():
    def append(schemas):
        schemas["login.v1"].append({"name": "place", "type": "text"})

    assert refusal(append) == "login.v1 place"


def test_sabotage_a_schema_that_is_no_longer_read_is_refused():
    assert refusal(lambda all_: all_.pop("refund.v1")) == "refund.v1"


def test_sabotage_a_member_that_is_removed_or_moved_is_refused():
    def remove(schemas):
        schemas["login.v1"][3]["type"]["one_of"].pop(0)

    def move(schemas):
        schemas["login.v1"][3]["type"]["one_of"].reverse()

    assert refusal(remove) == refusal(move) == "login.v1 action"


def test_sabotage_a_part_of_a_part_is_watched_too():
    def change(schemas):
        markers = schemas["dict_statistics.v1"][6]["type"]["nullable"]["fields"]
        markers[1]["type"]["fields"][0]["type"] = "text"

    assert refusal(change) == "dict_statistics.v1 markers application_frauds d90"


def test_fields_and_members_may_be_appended_and_schemas_added():
    def grow(schemas):
        schemas["login.v1"].append({"name": "place", "type": {"nullable": "text"}, "default": None})
        schemas["login.v1"][3]["type"]["one_of"].append("SIGNATURE")
        schemas["login.v2"] = schemas["login.v1"][:2]

    grown = with_published(locked(), edited(grow))
    assert grown["login.v1"][-1]["name"] == "place" and "login.v2" in grown
    assert with_published(grown, grown) == grown


def test_a_lock_is_read_as_it_was_written_and_anything_else_is_refused():
    assert parse_lock(format_lock(locked())) == locked()
    assert format_lock(locked()) == LOCK_FILE.read_text(encoding="utf-8")
    for text in ("", "[]", '{"a": 1}', "{"):
        with pytest.raises(Misconfigured):
            parse_lock(text)


@dataclass(frozen=True, slots=True)
class Before:
    """A schema of before, as its readers and writers had it."""

    own_id: OwnId
    occurred_at: Instant

    def __post_init__(self):
        check_fields(self)


@dataclass(frozen=True, slots=True)
class After(Before):
    """The same with a field appended."""

    amount_centavos: Centavos | None = None


@dataclass(frozen=True, slots=True)
class Retyped:
    """The same with another type, which no version of the same name may have."""

    own_id: OwnId
    occurred_at: OwnId


def read(value_type, written):
    decoder = msgspec.msgpack.Decoder(array_type(value_type))
    return value_type(*msgspec.structs.astuple(decoder.decode(written)))


def written(value):
    return msgspec.msgpack.encode(dataclasses.astuple(value))


NOW = 1_795_435_200_000_000


def test_an_old_reader_reads_new_bytes_and_a_new_reader_old_ones():
    assert read(Before, written(After("1", NOW, 5))) == Before("1", NOW)
    assert read(After, written(Before("1", NOW))) == After("1", NOW, None)


def test_sabotage_bytes_of_another_type_are_read_by_neither():
    with pytest.raises(msgspec.ValidationError):
        read(Before, written(Retyped("1", "now")))
    with pytest.raises(msgspec.ValidationError):
        read(Retyped, written(Before("1", NOW)))


def test_the_schema_of_a_name_is_the_one_that_the_lock_holds():
    for name in locked():
        assert schema_of(name).name == name


def test_the_page_lists_every_schema_with_its_streams():
    page = (FOLDER.parent / "schemas.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+\.v\d+)` \| ([^|]+) \|", page, re.MULTILINE)
    assert listed == [
        (each.name, ", ".join(f"`{stream.value}`" for stream in each.streams)) for each in SCHEMAS
    ]
