"""Any valid value, not the examples alone, survives its payload and its JSON."""

from __future__ import annotations

import dataclasses
import enum
import string

from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.declared import declared_fields, is_declared
from crivo.domain.errors import Refused
from crivo.domain.identifiers import make_end_to_end_id, make_return_id
from crivo.domain.instant import EARLIEST, LATEST
from crivo.flows.payload import decode, encode
from crivo.flows.schemas import BY_VALUE
from tests.unit.domain.examples import VALUES

INSTANTS = st.integers(EARLIEST, LATEST - 1)
OWN_PARTS = st.text(string.ascii_letters + string.digits, min_size=11, max_size=11)
ISPBS = st.text(string.digits + string.ascii_uppercase, min_size=8, max_size=8)

#: Forms that say more than a range of numbers or characters.
BY_FORM = {
    "entity_id": st.binary(min_size=16, max_size=16),
    "end_to_end_id": st.builds(make_end_to_end_id, ISPBS, INSTANTS, OWN_PARTS),
    "return_id": st.builds(make_return_id, ISPBS, INSTANTS, OWN_PARTS),
    "message_id": st.builds(lambda ispb, part: f"M{ispb}{part}{part}0", ISPBS, OWN_PARTS),
    "txid": st.text(string.ascii_letters, min_size=1, max_size=35),
    "ispb": ISPBS,
    "instant": INSTANTS,
}


def strategy(declared):
    """Valid values of a type."""
    one = _one(declared)
    if declared.is_many:
        one = st.lists(one, max_size=3).map(tuple)
    return st.none() | one if declared.is_nullable else one


def _one(declared):
    form = declared.form
    if is_declared(declared.base):
        parts = [strategy(each.type) for each in declared_fields(declared.base)]
        return st.builds(declared.base, *parts)
    if issubclass(declared.base, enum.Enum):
        return st.sampled_from(list(declared.base))
    if declared.base is bool:
        return st.booleans()
    if form.name in BY_FORM:
        return BY_FORM[form.name]
    words = form.keywords
    if declared.base is int:
        return st.integers(words["minimum"], words["maximum"])
    return st.text(string.printable[:95], min_size=1, max_size=words["maxLength"])


@given(st.sampled_from(VALUES), st.data())
def test_a_value_with_other_valid_facts_comes_back_or_is_refused_by_a_rule_of_its_own(value, data):
    fields = declared_fields(type(value))
    chosen = data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3))
    changes = {field.name: data.draw(strategy(field.type), label=field.name) for field in chosen}
    try:
        other = dataclasses.replace(value, **changes)
    except Refused:
        # Each fact is one that can be; only together they cannot.
        return
    assert decode(BY_VALUE[type(value)].name, encode(other)) == other
