"""A reason that tells of something seen is given by no value that is absent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.decision import decide as deciding
from crivo.decision.decide import MODEL_REASONS_MAX
from crivo.decision.explanation import feature_reasons
from crivo.decision.reason_texts import REASONS, Subject
from crivo.decision.reasons import WHEN_ABSENT, ReasonCode
from tests.laws.test_decision_laws import procedure
from tests.unit.decision.worlds import START, plan

#: As true of nothing as of something: a new payee, device or key, an hour, a score.
TRUE_OF_NOTHING = {
    ReasonCode.PAYEE_ACCT_NEW,
    ReasonCode.PAYEE_NEW_FOR_PAYER,
    ReasonCode.DEVICE_NEW,
    ReasonCode.HOUR_UNUSUAL,
}
SAID = feature_reasons(plan().feature_set)
IN_FORCE = procedure().at(START)
WIDTH = len(plan().names)
PLACES = st.integers(0, WIDTH - 1)
ABSENT = (math.nan, 0.0, -0.0)
#: Some columns raise the margin, some of them by values that are absent.
WORLDS = st.lists(
    st.tuples(PLACES, st.integers(1, 2**50), st.sampled_from([*ABSENT, 1.0, -2.5, 1e9])),
    min_size=1,
    max_size=12,
)


def reasons_of(columns):
    """The reasons of a vector in which these columns alone moved the margin, and the vector."""
    vector = np.ones(WIDTH)
    contributions = np.zeros(WIDTH + 1, np.int64)
    for place, part, value in columns:
        vector[place], contributions[place] = value, part
    return deciding._model_reasons(contributions, vector, IN_FORCE), vector, contributions


def check(columns):
    """The law: whatever tells of something seen has a value that raised the margin."""
    found, vector, contributions = reasons_of(columns)
    seen = {
        IN_FORCE.feature_reasons[place]
        for place in np.flatnonzero(contributions[:-1] > 0)
        if vector[place] and not math.isnan(vector[place])
    }
    assert [each for each in found if each in WHEN_ABSENT and each not in seen] == []
    assert found[-1] is ReasonCode.MODEL_SCORE or ReasonCode.MODEL_SCORE in found
    assert len(found) == len(set(found)) <= MODEL_REASONS_MAX + 1


@given(WORLDS)
def test_no_reason_tells_of_what_was_not_seen(columns):
    check(columns)


def test_sabotage_a_decision_that_asks_no_value_breaks_the_law(monkeypatch):
    monkeypatch.setattr(deciding, "WHEN_ABSENT", {})
    place = plan().names.index("payee_transfer_count_24h")
    with pytest.raises(AssertionError):
        check([(place, 1, 0.0)])


@pytest.mark.parametrize("value", ABSENT)
@pytest.mark.parametrize("place", range(WIDTH))
def test_every_feature_says_what_is_true_of_its_absence(place, value):
    (said, *_), _, _ = reasons_of([(place, 1, value)])
    own = SAID[plan().names[place]]
    assert said is WHEN_ABSENT.get(own, own)
    assert said not in WHEN_ABSENT
    seen, _, _ = reasons_of([(place, 1, 3.0)])
    assert seen[0] is own


def test_every_reason_of_a_feature_is_true_of_nothing_or_has_one_that_is():
    assert set(SAID.values()) <= TRUE_OF_NOTHING | set(WHEN_ABSENT)
    assert not TRUE_OF_NOTHING & set(WHEN_ABSENT)


def test_absence_is_told_of_the_same_party_and_is_no_indicator_that_nobody_may_hear():
    for told, absent in WHEN_ABSENT.items():
        assert REASONS[absent].subject is not Subject.LAUNDERING
        party = told.value.split("_")[0]
        if party in {"PAYER", "PAYEE"}:
            assert absent.value == f"{party}_HISTORY_ABSENT"


def test_a_payee_whom_nobody_paid_is_not_said_to_be_paid_by_many():
    """The case from which the texts came."""
    place = plan().names.index("payee_payer_distinct_24h")
    found, _, _ = reasons_of([(place, 5, 0.0)])
    assert found == [ReasonCode.PAYEE_HISTORY_ABSENT, ReasonCode.MODEL_SCORE]
    found, _, _ = reasons_of([(place, 5, 40.0)])
    assert found == [ReasonCode.PAYEE_FAN_IN, ReasonCode.MODEL_SCORE]
