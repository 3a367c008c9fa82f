"""A row that is read at once is what a look at each field gives, or is left to that look."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crivo.adapters.http import plain_row as plain
from crivo.adapters.http.bodies import parse_rows
from crivo.adapters.http.plain_row import plain_row
from crivo.domain.errors import Refused
from crivo.flows import predict as predicting
from crivo.flows.predict import predict
from crivo.model.scorer import Scorer
from tests.unit.decision.worlds import artifact

NAMES = ("V1", "V2", "Amount (R$)", "é")
SCORER = Scorer(artifact(names=NAMES))

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
numbers |= st.integers(min_value=(1 << 53) - 3, max_value=(1 << 53) + 3) | st.floats(min_value=1e15)
others = st.booleans() | st.text(max_size=3) | st.just([]) | st.just({"V1": 1})
names = st.sampled_from((*NAMES, "V9", "v1", 'a"b'))


def slowly(raw):
    """The matrix that the look at each field makes, or its refusal."""
    seen = []
    predictions = predicting.predictions
    try:
        predicting.predictions = lambda scorer, matrix: seen.append(matrix) or []
        rows, many = parse_rows(raw, rows_max=2)
        predict(SCORER, rows)
    except Refused:
        return None
    finally:
        predicting.predictions = predictions
    return None if many else seen[0]


def agrees(raw):
    """Whether what is read at once, if anything, is what the slower look sees."""
    found = plain_row(raw, NAMES)
    if found is None:
        return True
    expected = slowly(raw)
    return expected is not None and np.array_equal(found, expected, equal_nan=True)


def text_of(pairs):
    return (
        "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"
    )


@given(st.lists(st.tuples(names, numbers | others), max_size=6))
@example([("V1", 1), ("V2", 2), ("V1", 3), ("é", None)])
@example([("V1", True), ("V2", 2), ("Amount (R$)", 3), ("é", None)])
def test_whatever_comes_is_read_as_by_a_look_at_each_field(pairs):
    """Law: reading at once changes no score and lets nothing pass."""
    for raw in (
        text_of(pairs).encode(),
        f" {text_of(pairs)}\n".encode(),
        f"[{text_of(pairs)}]".encode(),
    ):
        assert agrees(raw), raw


@given(st.tuples(*[numbers] * len(NAMES)), st.permutations(range(len(NAMES))))
def test_a_row_of_all_inputs_is_read_in_the_order_of_the_model(values, order):
    pairs = [(NAMES[at], values[at]) for at in order]
    assert agrees(json.dumps(dict(pairs), ensure_ascii=False).encode())


def test_plain_rows_are_read_at_once_and_nothing_else_is():
    raw = json.dumps(
        dict(zip(NAMES, (1, -2.5, None, (1 << 53) - 1), strict=True)), ensure_ascii=False
    )
    found = plain_row(raw.encode(), NAMES)
    assert found is not None and found.shape == (1, 4) and found.dtype == np.float64
    assert found[0, :2].tolist() == [1.0, -2.5] and math.isnan(found[0, 2])
    for other in (
        raw.replace("V1", "V9"), raw.replace(", ", ', "V1": 2, ', 1), raw[:-1], raw + "1",
        f"[{raw}]", raw.replace("null", "9007199254740992"), raw.replace("null", "1e999"),
        raw.replace("null", "9007199254740993"),
        raw.replace("null", "NaN"), raw.replace("null", "true"), raw.replace("é", "\\u00e9"), "",
    ):  # fmt: skip
        assert plain_row(other.encode(), NAMES) is None, other


def test_sabotage_repeated_names_that_were_not_counted_would_pass(monkeypatch):
    class Blind(bytes):
        def count(self, what):
            return 2 * len(NAMES)

    twice = Blind('{"V1": 1, "V2": 2, "Amount (R$)": 3, "é": 4, "V1": 5}'.encode())
    assert not agrees(twice)
    monkeypatch.setattr(plain, "_WHOLE_MAX", math.inf)
    assert not agrees('{"V1": 9007199254740993, "V2": 2, "Amount (R$)": 3, "é": 4}'.encode())


@pytest.mark.parametrize("space", ["", " ", "\n\t"])
def test_white_space_changes_nothing(space):
    raw = (
        "{" + ",".join(f'{space}"{name}"{space}:{space}1' for name in NAMES) + space + "}"
    ).encode()
    assert plain_row(raw, NAMES) is not None and agrees(raw)
