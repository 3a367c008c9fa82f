"""Whose a row is: payers kept out of the training, and payers already known as compromised.

A payer is whom a row names: the paying account or person of a transfer, or the entity of a plain
row. Rows that name nobody have ids of zeros.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.model.labels import NEVER, Int64s

Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

#: Odd numbers of 64 bits that spread ids over all of them (those of SplitMix64).
_MIX_FIRST: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_SECOND: Final = np.uint64(0xBF58476D1CE4E5B9)


def kept_apart(payer_ids: Words, share: float) -> Bools:
    """bool[n]: rows of the share of payers (above 0, below 1) that are judged and never learnt
    from, chosen by a hash of their ids uint64[n, 2]: a payer always is or never.
    """
    mixed = payer_ids[:, 0] * _MIX_FIRST + payer_ids[:, 1] * _MIX_SECOND
    return (mixed >> np.uint64(11)) < np.uint64(share * (1 << 53))


def already_compromised(payer_ids: Words, occurred_at: Int64s, known_at: Int64s) -> Bools:
    """bool[n]: a fraud of the row's payer was known before the row, by an accepted report.

    Nothing that became known at the row's instant or later is looked at.
    """
    found = np.zeros(len(payer_ids), np.bool_)
    told = known_at != NEVER
    some = np.flatnonzero(np.isin(payer_ids[:, 0], payer_ids[told, 0]))
    numbers = numbered(payer_ids[some])
    first_known = np.full(int(numbers.max(initial=-1)) + 1, NEVER, np.int64)
    np.minimum.at(first_known, numbers, known_at[some])
    found[some] = first_known[numbers] < occurred_at[some]
    return found


def numbered(payer_ids: Words) -> Int64s:
    """int64[n]: the number of each row's payer among those of these rows, from 0 on."""
    numbers: Int64s = np.unique(payer_ids, axis=0, return_inverse=True)[1].reshape(-1)
    return numbers


def half_of(groups: Int64s, *, seed: int) -> Bools:
    """bool[n]: about half of the rows; all rows of a group are on one side."""
    units = int(groups.max(initial=-1)) + 1
    drawn: Bools = np.random.default_rng(seed).random(units) < 0.5
    return drawn[groups]


def check_named(payer_ids: Words) -> None:
    """Nothing, where the rows name a payer.

    Raises:
        Refused: FIELD_MISSING.
    """
    if not payer_ids.any():
        raise Refused(
            Code.FIELD_MISSING,
            "the rows name nobody, so that payers cannot be told apart",
            hint="Name the column in [entity] of the mapping, or take the option away.",
            field="entity",
            expected="a column",
            found="none",
        )
