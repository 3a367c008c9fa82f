"""Stratified samples that carry weights: all frauds, and of the rest one in so many by stratum.

A sample is a part of the world, not another world: its rows are the same bytes. Each kept row says
how many it stands for, as a whole number, so that the weights of any day, and of any of its strata,
sum to what was there exactly. Of each stratum of a day at least one row is kept, so that more than
one in so many are kept of a small world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.errors import Code, invalid
from crivo.simulator.columns import Column, Columns
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.rhythm import Day, hours_of
from crivo.simulator.rows import INITIATIONS, Rows

ONE_IN: Final = (1, 10_000)
#: The column of weights in the platform's transfers, and in those of the seven tables.
WEIGHT: Final = "weight"
PESO: Final = "peso"
#: Centavos at which bands of amounts begin: below R$ 100, then 1,000 and 10,000.
AMOUNT_BANDS: Final = (10_000, 100_000, 1_000_000)
#: Brasília hours at which parts of the day begin.
DAY_PARTS: Final = (6, 12, 18)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Keeps one in `one_in` of the ordinary rows of each stratum, rounded up; 1 keeps all, without
    weights.

    Raises:
        Refused: FIELD_VALUE.
    """

    one_in: int = 1

    def __post_init__(self) -> None:
        if not ONE_IN[0] <= self.one_in <= ONE_IN[1]:
            raise invalid(
                Code.FIELD_VALUE,
                field="keep-one-in",
                expected=f"{ONE_IN[0]} to {ONE_IN[1]}",
                found=self.one_in,
            )

    @property
    def is_whole(self) -> bool:
        """Whether every row is kept."""
        return self.one_in == 1

    def of_day(self, seed: int, day: Day, rows: Rows, always: Bools) -> tuple[Int64s, Int64s]:
        """The places of the kept rows, rising, and how many rows each stands for."""
        rest = np.flatnonzero(~always)
        stratum = strata(rows)[rest]
        order = np.lexsort((Draws(seed, "sample", *day.stream).words(len(rest)), stratum))
        stratum = stratum[order]
        starts = np.flatnonzero(np.diff(stratum, prepend=-1))
        sizes = np.diff(np.append(starts, len(stratum)))
        rank = np.arange(len(stratum)) - np.repeat(starts, sizes)
        leads = rank % self.one_in == 0
        left = np.repeat(sizes, sizes) - rank
        places = np.concatenate([np.flatnonzero(always), rest[order[leads]]])
        weights = np.ones(len(places), dtype=np.int64)
        weights[int(always.sum()) :] = np.minimum(self.one_in, left[leads])
        by_time = np.argsort(places, kind="stable")
        return places[by_time], weights[by_time]


WHOLE: Final = Sampling()


def strata(rows: Rows) -> Int64s:
    """The stratum of each row: initiation form x band of the amount x part of the day."""
    band = np.searchsorted(AMOUNT_BANDS, rows["amount_centavos"], side="right")
    part = np.searchsorted(DAY_PARTS, hours_of(rows["occurred_at"]), side="right")
    stratum = (part * (len(AMOUNT_BANDS) + 1) + band) * len(INITIATIONS) + rows["initiation"]
    return np.asarray(stratum, dtype=np.int64)


def of_block(places: Int64s, weights: Int64s, first: int, count: int) -> tuple[Int64s, Int64s]:
    """Of the kept rows of a day those among `count` rows from `first` on, counted from there."""
    begin, end = np.searchsorted(places, (first, first + count))
    return places[begin:end] - first, weights[begin:end]


def picked(columns: Columns, places: Int64s) -> Columns:
    """The columns with these rows alone."""
    return tuple(
        Column(
            column.name,
            column.kind,
            column.values[places],
            None if column.missing is None else column.missing[places],
        )
        for column in columns
    )
