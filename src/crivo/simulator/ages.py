"""How old people are, and what it does to how often and how much they pay.

Official are each age's part of the transfers and its mean ticket (June 2026); how many of the
people have that age is assumed. The young pay often and little, the old seldom and twice the mean.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int8s, Int64s, cumulated


class Age(IntEnum):
    """A person's age, in the bands of the regulator."""

    TO_19 = 0
    TO_29 = 1
    TO_39 = 2
    TO_49 = 3
    TO_59 = 4
    FROM_60 = 5


#: Thousandths of the people: an assumption.
PEOPLE: Final = (90, 200, 210, 190, 140, 170)
#: Hundredths of a percent of all transfers, and mean tickets in centavos: official.
TRANSFERS: Final = (526, 2149, 2420, 1957, 1021, 533)
TICKETS: Final = (6_417, 13_071, 17_773, 20_495, 23_122, 37_494)
_UNIT: Final = 1000


def ages(draws: Draws, count: int) -> Int64s:
    """`count` ages, as values of Age."""
    return draws.chosen(cumulated(PEOPLE), count)


def activity_of(ages: Int64s | Int8s) -> Int64s:
    """How often people of those ages pay against the mean of people, in thousandths."""
    factors = [
        part * sum(PEOPLE) * _UNIT // (sum(TRANSFERS) * people)
        for part, people in zip(TRANSFERS, PEOPLE, strict=True)
    ]
    return np.asarray(factors, dtype=np.int64)[ages]


def level_of(ages: Int64s | Int8s) -> Int64s:
    """How much people of those ages pay each time against the mean of payments, in thousandths."""
    pairs = zip(TRANSFERS, TICKETS, strict=True)
    mean = sum(part * ticket for part, ticket in pairs) // sum(TRANSFERS)
    return np.asarray([ticket * _UNIT // mean for ticket in TICKETS], dtype=np.int64)[ages]
