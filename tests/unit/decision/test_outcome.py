"""Outcomes are ordered as they are declared."""

from __future__ import annotations

import itertools

import pytest

from crivo.decision.outcome import Outcome, parse_outcome
from crivo.domain.errors import Code, Refused


def test_each_outcome_asks_for_more_than_the_one_before():
    names = [outcome.value for outcome in sorted(Outcome)]
    assert names == ["ALLOW", "WARN", "STEP_UP", "HOLD", "REJECT"]
    for low, high in itertools.combinations(Outcome, 2):
        assert low < high and high > low and low <= high and high >= low
        assert max(low, high) is high


@pytest.mark.parametrize("text", ["allow", "BLOCK", "", None, 3])
def test_what_is_no_outcome_is_refused_with_the_field(text):
    with pytest.raises(Refused) as caught:
        parse_outcome(text, field="value")
    assert caught.value.code is Code.FIELD_VALUE
    assert caught.value.context["field"] == "value"
