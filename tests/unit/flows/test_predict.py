"""Plain rows are scored by name, and every fault of a row is named with its place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.flows.predict import predict
from crivo.model.scorer import Scorer
from tests.unit.decision.worlds import artifact

NAMES = ("V1", "V2", "V3", "Amount", "Hour")
SCORER = Scorer(artifact(names=NAMES))
ROW = dict(zip(NAMES, (1.5, -2, 0.0, 200_000, None), strict=True))


def test_rows_are_scored_by_name_in_any_order():
    vector = np.array([[1.5, -2.0, 0.0, 200_000.0, math.nan]])
    margins, scores = SCORER.score(vector, plan_hash="")
    for row in (ROW, dict(reversed(ROW.items()))):
        found = predict(SCORER, [row, row])
        assert [(each.score, each.margin) for each in found] == [(scores[0], margins[0])] * 2


def test_no_rows_have_no_predictions():
    assert predict(SCORER, []) == []


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"V2": ...}, Code.FIELD_MISSING, "rows[1].V2"),
        ({"V9": 1.0}, Code.FIELD_UNKNOWN, "rows[1].V9"),
        ({"V2": "1"}, Code.FIELD_TYPE, "rows[1].V2"),
        ({"V2": True}, Code.FIELD_TYPE, "rows[1].V2"),
        ({"V2": [1.0]}, Code.FIELD_TYPE, "rows[1].V2"),
        ({"V2": math.inf}, Code.FIELD_TYPE, "rows[1].V2"),
        ({"V2": 10**400}, Code.FIELD_TYPE, "rows[1].V2"),
    ],
)
def test_a_faulty_row_is_refused_with_its_place(change, code, field):
    row = {name: value for name, value in {**ROW, **change}.items() if value is not ...}
    with pytest.raises(Refused) as caught:
        predict(SCORER, [ROW, row])
    assert caught.value.code is code
    assert caught.value.context["field"] == field
