"""A declaration that is none is refused where it is written, with the field and the choices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.features.expression import Field
from crivo.features.registry import default_feature_set
from crivo.features.spec import (
    NIGHT,
    Card,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Statistic,
)
from crivo.features.window import EVER, TODAY, TONIGHT, Span, Window, days, hours, minutes

FEATURES = default_feature_set().features
FEATURE = next(each for each in FEATURES if each.name == "payer_transfer_count_24h")
CARD = FEATURE.card


def refusal(make: Any, *arguments: Any, **fields: Any) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        make(*arguments, **fields)
    assert caught.value.code is Code.DEFINITION_INVALID
    return caught.value


@pytest.mark.parametrize(
    ("field", "found", "choice"),
    [
        ("entity", "payer", "payee_sending"),
        ("entity", None, "payee_sending"),
        ("event", "transfer", "fraud_marker"),
        ("event", 0, "fraud_marker"),
        ("measure", "transfer", "amount"),
        ("statistic", "count", "z_score"),
        ("statistic", FEATURE.measure, "z_score"),
        ("window", "24h", "type Window"),
        ("window", 1_440, "type Window"),
        ("card", None, "type Card"),
        ("card", {"meaning": "x"}, "type Card"),
        ("filter", "night", "type Filter"),
        ("filter", NIGHT.expression, "type Filter"),
    ],
)
def test_a_field_of_another_type_is_named_with_what_it_may_be(
    field: str, found: Any, choice: str
) -> None:
    error = refusal(replace, FEATURE, **{field: found})
    assert error.context["field"] == field
    assert choice in str(error.context["expected"])


@pytest.mark.parametrize("found", [1.5, 60.0, True, "60", None])
def test_the_length_of_a_window_is_a_whole_number(found: Any) -> None:
    for make in (minutes, hours, days):
        assert refusal(make, found).context["expected"] == "of type int"
    assert refusal(Window, Span.SLIDING, found).context["field"] == "window.minutes"


@pytest.mark.parametrize("found", ["sliding", None, 3])
def test_the_span_of_a_window_is_a_span(found: Any) -> None:
    error = refusal(Window, found, 60)
    assert error.context["field"] == "window.span"
    assert "sliding, today, tonight" in str(error.context["expected"])


@pytest.mark.parametrize("length", [0, -1, 90 * 24 * 60 + 1])
def test_a_window_is_a_minute_to_ninety_days(length: int) -> None:
    refusal(minutes, length)
    assert minutes(90 * 24 * 60).name == "90d"


@pytest.mark.parametrize(
    "name", [f for f in Card.__dataclass_fields__ if f not in {"visible_to", "purpose"}]
)
@pytest.mark.parametrize("found", ["", "  ", 7, None, True, b"text"])
def test_a_card_says_everything_in_texts(name: str, found: Any) -> None:
    assert refusal(replace, CARD, **{name: found}).context["field"] == f"card.{name}"


@pytest.mark.parametrize("found", [None, "", "marketing", "fraud_prevention"])
def test_a_card_says_what_its_data_may_be_processed_for(found: Any) -> None:
    error = refusal(replace, CARD, purpose=found)
    assert error.context["field"] == "card.purpose"
    assert "fraud_prevention" in str(error.context["expected"])


@pytest.mark.parametrize("found", ["everyone", "payer_psp", None])
def test_a_card_says_who_may_see_it(found: Any) -> None:
    error = refusal(replace, CARD, visible_to=found)
    assert error.context["field"] == "card.visible_to"
    assert "payer_psp, payee_psp, rail" in str(error.context["expected"])


@pytest.mark.parametrize("name", ["ção", "Night", "", "9th", "_night", "a b", "a-b", 7, None])
def test_the_name_of_a_filter_is_of_plain_letters(name: Any) -> None:
    assert refusal(Filter, name, NIGHT.expression).context["field"] == "filter.name"


@pytest.mark.parametrize("found", [None, "hour >= 20", Field("hour"), True])
def test_the_condition_of_a_filter_is_an_expression(found: Any) -> None:
    assert refusal(Filter, "night", found).context["field"] == "filter.expression"


@pytest.mark.parametrize("found", [[FEATURE], (FEATURE, None), (FEATURE, "x"), None, ()])
def test_a_set_is_a_tuple_of_features(found: Any) -> None:
    assert refusal(FeatureSet, found).context["field"] == "features"


def of_new_pairs(**fields: Any) -> dict[str, Any]:
    return {"event": EventKind.NEW_PAIR, "measure": Measure.NEW_PAIR, **fields}


def of_facts(**fields: Any) -> dict[str, Any]:
    return {"event": EventKind.DAY_LIMIT, "measure": Measure.DAY_LIMIT, **fields}


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"statistic": Statistic.DECAYED_COUNT, "window": TODAY}, "window.span", "eighth"),
        ({"statistic": Statistic.DECAYED_COUNT, "window": TONIGHT}, "window.span", "a part of a"),
        (of_facts(statistic=Statistic.FIRST), "window.span", "until the next of its key"),
        (of_facts(statistic=Statistic.LAST, filter=NIGHT, window=EVER), "filter", "of facts"),
        (of_new_pairs(filter=NIGHT), "filter", "made of several"),
        (of_new_pairs(window=EVER), "window.span", "sliding or today or tonight"),
        (of_new_pairs(entity=Entity.PAIR), "entity", "payer or payer_receiving or payee"),
        (of_new_pairs(statistic=Statistic.SINCE_LAST), "statistic", "decayed_count"),
        (
            {
                "entity": Entity.PAIR,
                "measure": Measure.INSTITUTION,
                "statistic": Statistic.DISTINCT,
            },
            "measure",
            "device, for the statistic distinct of the entity pair",
        ),
        (
            {"entity": Entity.PAYER_DEVICE, "statistic": Statistic.DISTINCT},
            "entity",
            "institution",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_choices_and_the_reason(
    fields: dict[str, Any], field: str, says: str
) -> None:
    error = refusal(replace, FEATURE, **fields)
    assert error.context["field"] == field
    assert says in str(error.context["expected"])


def test_what_is_declared_of_the_right_types_is_taken() -> None:
    assert isinstance(replace(FEATURE, filter=None), Feature)
    assert replace(FEATURE, filter=NIGHT).name.endswith("_where_night")
    assert Window(Span.EVER) == EVER
