"""Predicting: a score for plain rows, by whatever inputs the served model names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, invalid
from crivo.model.scorer import Scorer

#: Rows of one request; more are for `crivo evaluate`.
PREDICT_ROWS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Prediction:
    """A calibrated score in 10⁻⁹ and the margin behind it in 2⁻⁴⁰."""

    score: int
    margin: int


def predict(
    scorer: Scorer, rows: Sequence[Mapping[str, object]], *, first: int = 0
) -> list[Prediction]:
    """The prediction of each row; null is allowed for every input, a missing name is not.

    `first` is the number of the first row in its request, for a door that scores in slices.

    Raises:
        Refused: FIELD_MISSING, FIELD_UNKNOWN, FIELD_TYPE with the field `rows[i].name`; FIELD_VALUE
            for too many rows.
    """
    if len(rows) > PREDICT_ROWS_MAX:
        expected = f"at most {PREDICT_ROWS_MAX} rows"
        raise invalid(Code.FIELD_VALUE, field="rows", expected=expected, found=len(rows))
    names = scorer.artifact.input_names
    matrix = np.empty((len(rows), len(names)), dtype=np.float64)
    for index, row in enumerate(rows):
        place = first + index
        matrix[index] = [_number(row, name, place) for name in names]
        if len(row) > len(names):
            unknown = next(name for name in row if name not in names)
            raise invalid(
                Code.FIELD_UNKNOWN,
                field=f"rows[{place}].{unknown}",
                expected=f"one of the model's {len(names)} inputs",
                found=row[unknown],
            )
    return predictions(scorer, matrix)


def predictions(scorer: Scorer, matrix: npt.NDArray[np.float64]) -> list[Prediction]:
    """The prediction of each row of float64[n, F], whose columns are the model's inputs in order;
    NaN is null.
    """
    # The columns were filled by the model's own names.
    margins, scores = scorer.score(matrix, plan_hash=scorer.artifact.plan_hash)
    return [
        Prediction(score=score, margin=margin)
        for score, margin in zip(scores.tolist(), margins.tolist(), strict=True)
    ]


def _number(row: Mapping[str, object], name: str, place: int) -> float:
    value = row.get(name)
    if value is None:
        if name in row:
            return math.nan
        raise invalid(
            Code.FIELD_MISSING,
            field=f"rows[{place}].{name}",
            expected="a number or null",
            found=None,
        )
    if type(value) is float and math.isfinite(value):
        return value
    # Beyond 2⁵³ an integer may have no float64 of its own.
    if type(value) is int and abs(value) <= 1 << 53:
        return float(value)
    raise invalid(
        Code.FIELD_TYPE, field=f"rows[{place}].{name}", expected="a number or null", found=value
    )
