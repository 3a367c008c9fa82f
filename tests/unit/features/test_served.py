"""What has served keeps its meaning for good."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.features.expression import Field
from crivo.features.registry import default_feature_set
from crivo.features.served import (
    LOCK_FILE,
    check_locked,
    format_lock,
    parse_lock,
    read_lock,
    with_served,
)
from crivo.features.spec import FeatureSet, Filter

FEATURES = default_feature_set()


def locked():
    return parse_lock(LOCK_FILE.read_text(encoding="utf-8"))


def night_from(hour):
    """The catalogue with one edited filter: the same names, another meaning."""
    later = Filter("night", (Field("hour") >= hour) | (Field("hour") < 6))
    return FeatureSet(
        tuple(
            dataclasses.replace(each, filter=later)
            if each.filter is not None and each.filter.name == "night"
            else each
            for each in FEATURES.features
        )
    )


def test_no_feature_that_has_served_was_edited():
    assert set(locked()) & set(FEATURES.names)
    with_served(locked(), FEATURES)


def test_sabotage_an_edited_definition_is_refused_under_its_old_name():
    edited = night_from(21)
    assert edited.names == FEATURES.names
    with pytest.raises(Misconfigured) as caught:
        with_served(locked(), edited)
    assert caught.value.code is Code.DEFINITION_INVALID
    assert str(caught.value.context["field"]).endswith("_30d_where_night")


def test_a_card_may_be_written_better_at_any_time():
    better = tuple(
        dataclasses.replace(each, card=dataclasses.replace(each.card, meaning="Said better."))
        for each in FEATURES.features
    )
    with_served(locked(), FeatureSet(better))


def test_a_new_feature_joins_and_one_that_is_no_longer_declared_stays():
    first, *rest = FEATURES.features
    before = with_served({}, FeatureSet((first,)))
    after = with_served(before, FeatureSet(tuple(rest)))
    assert after == {each.name: each.hash for each in FEATURES.features}


def test_what_was_locked_may_serve():
    assert read_lock() == locked()
    check_locked(with_served(locked(), FEATURES), FEATURES)


def test_sabotage_a_feature_that_is_not_in_the_lock_may_not_serve():
    first, *_ = FEATURES.features
    every = with_served(locked(), FEATURES)
    without = {name: sha for name, sha in every.items() if name != first.name}
    with pytest.raises(Misconfigured) as caught:
        check_locked(without, FEATURES)
    assert (caught.value.code, caught.value.context["field"]) == (
        Code.DEFINITION_INVALID,
        first.name,
    )
    assert "crivo features lock" in caught.value.hint
    with pytest.raises(Misconfigured) as caught:
        check_locked({**every, first.name: "0" * 64}, FEATURES)
    assert caught.value.context["found"] == first.hash


def test_a_lock_is_read_as_it_was_written_and_anything_else_is_refused():
    assert parse_lock(format_lock(locked())) == locked()
    for text in ("name", "name  hash\n", f"a {'0' * 64}\na {'1' * 64}\n", f"A {'0' * 64}\n"):
        with pytest.raises(Misconfigured):
            parse_lock(text)
