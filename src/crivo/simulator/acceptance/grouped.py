"""Counts and money by group, with the standard errors of shares and means."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s

#: Of fewer transfers nothing can be told, not even how wrong one would be.
_LEAST: Final = 50

#: A figure and its standard error; None where there is too little to tell.
Figure = tuple[float, float | None]


class Grouped:
    """Per group: how many transfers, how much money, and the squares that errors need.

    Standard errors are those of independent transfers. Where payers repeat themselves the true ones
    are a little larger; where quotas are drawn they are smaller.
    """

    def __init__(self, groups: int) -> None:
        self.counts = np.zeros(groups, dtype=np.int64)
        self.centavos = np.zeros(groups, dtype=np.int64)
        self.squares = np.zeros(groups, dtype=np.float64)

    def add(self, groups: Int64s, amounts: Int64s) -> None:
        """Counts transfers of these groups with these amounts in centavos."""
        size = len(self.counts)
        money = amounts.astype(np.float64)
        self.counts += np.bincount(groups, minlength=size)
        self.centavos += np.bincount(groups, money, minlength=size).astype(np.int64)
        self.squares += np.bincount(groups, money * money, minlength=size)

    @property
    def count(self) -> int:
        """All transfers."""
        return int(self.counts.sum())

    def share(self, *groups: int) -> Figure:
        """The share of count that those groups have."""
        whole = self.count
        if whole < _LEAST:
            return 0.0, None
        part = int(self.counts[list(groups)].sum()) / whole
        return part, math.sqrt(max(part * (1 - part), 1 / whole) / whole)

    def value_share(self, *groups: int) -> Figure:
        """The share of value that those groups have."""
        whole, count = int(self.centavos.sum()), self.count
        if count < _LEAST:
            return 0.0, None
        places = list(groups)
        part = int(self.centavos[places].sum()) / whole
        of_part, of_all = float(self.squares[places].sum()), float(self.squares.sum())
        variance = of_part * (1 - 2 * part) + part * part * of_all
        # A group that nobody was in yet may be one typical transfer away from being there.
        return part, math.sqrt(max(variance, of_all / count)) / whole

    def mean_reais(self, group: int) -> Figure:
        """The mean amount of that group, in reais."""
        count = int(self.counts[group])
        if count < _LEAST:
            return 0.0, None
        mean = int(self.centavos[group]) / count
        variance = max(float(self.squares[group]) / count - mean * mean, 0.0)
        return mean / 100, math.sqrt(variance / count) / 100


def measured(figure: Figure, variance: float | None) -> Figure:
    """The figure with the error that was measured over seeds, where it was."""
    found, error = figure
    if error is None or variance is None:
        return figure
    return found, math.sqrt(variance)


def less_sure(figure: Figure, other: Figure) -> Figure:
    """The figure with the larger of both errors."""
    found, errors = figure[0], [error for _, error in (figure, other) if error is not None]
    return found, max(errors, default=None)


def percent(figure: Figure) -> Figure:
    """The figure in points of a hundred."""
    found, error = figure
    return found * 100, None if error is None else error * 100
