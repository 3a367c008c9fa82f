"""Rows for forests of five inputs: any that there are, and many at once."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=64)
ROWS = arrays.arrays(np.float64, st.tuples(st.integers(1, 12), st.just(5)), elements=VALUES)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def many_rows(rows: int) -> np.ndarray:
    """Rows with nulls, both infinities, and values on the very thresholds' scale."""
    generator = np.random.default_rng(rows)
    vectors = np.round(generator.normal(size=(rows, 5)), 2)
    for value in (np.nan, np.inf, -np.inf):
        vectors[generator.random((rows, 5)) < 0.08] = value
    return vectors
