"""Whose a row is: payers kept out of the training, and payers already known as compromised.

A payer is whom a row names: the paying account or person of a transfer, or the entity of a plain
row. Payers bear numbers: pseudonyms are made by a key of the home folder's own, and nothing that is
drawn or hashed may depend on it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.model.labels import NEVER, Int64s

Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

#: Beside a seed: who is kept apart must say nothing of what else is drawn by it.
_APART: Final = 1


def numbered(payer_ids: Words) -> Int64s:
    """int64[n]: the number of each row's payer, whose ids are uint64[n, 2]: from 1 on, in the order
    in which they first appear in these rows; 0 for nobody, whose id is zeros.
    """
    numbers = np.zeros(len(payer_ids), np.int64)
    named = np.flatnonzero(payer_ids.any(axis=1))
    # Stable: of equal ids the first row comes first.
    order = named[np.lexsort((payer_ids[named, 1], payer_ids[named, 0]))]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (payer_ids[order[1:]] != payer_ids[order[:-1]]).any(axis=1)
    firsts = order[is_first]
    number = np.empty(len(firsts), np.int64)
    number[np.argsort(firsts)] = np.arange(1, len(firsts) + 1)
    numbers[order] = number[np.cumsum(is_first) - 1]
    return numbers


def kept_apart(payers: Int64s, share: float, *, seed: int) -> Bools:
    """bool[n]: rows of the share of payers (above 0, below 1) that are judged and never learnt
    from, drawn by their numbers: with one seed a number always is or never, whoever else is there.
    """
    units = int(payers.max(initial=-1)) + 1
    drawn: Bools = np.random.default_rng([seed, _APART]).random(units) < share
    return drawn[payers]


def already_compromised(payers: Int64s, occurred_at: Int64s, known_at: Int64s) -> Bools:
    """bool[n]: a fraud of the row's payer was known before the row, by an accepted report.

    Nothing that became known at the row's instant or later is looked at.
    """
    first_known = np.full(int(payers.max(initial=-1)) + 1, NEVER, np.int64)
    np.minimum.at(first_known, payers, known_at)
    found: Bools = first_known[payers] < occurred_at
    return found


def half_of(groups: Int64s, *, seed: int) -> Bools:
    """bool[n]: about half of the rows; all rows of a group are on one side."""
    units = int(groups.max(initial=-1)) + 1
    drawn: Bools = np.random.default_rng(seed).random(units) < 0.5
    return drawn[groups]


def check_named(payers: Int64s) -> None:
    """Nothing, where the rows name a payer.

    Raises:
        Refused: FIELD_MISSING.
    """
    if not payers.any():
        raise Refused(
            Code.FIELD_MISSING,
            "the rows name nobody, so that payers cannot be told apart",
            hint="Name the column in [entity] of the mapping, or take the option away.",
            field="entity",
            expected="a column",
            found="none",
        )
