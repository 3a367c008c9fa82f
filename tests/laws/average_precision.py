"""Average precision, with ties as one step."""

from __future__ import annotations

import numpy as np


def average_precision(is_fraud: np.ndarray, scores: np.ndarray) -> float:
    """The mean precision at each fraud, in order of falling score; ties count as one step."""
    _, place = np.unique(-scores, return_inverse=True)
    frauds = np.bincount(place, weights=is_fraud)
    precision = np.cumsum(frauds) / np.cumsum(np.bincount(place))
    return float((precision * frauds).sum() / frauds.sum())
