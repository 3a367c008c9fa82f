"""Money that goes back after it was settled: by the shop, by the special mechanism, by a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.simulator.blocks import Block
from crivo.simulator.draws import Int64s
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.rows import NONE

#: Codes of pacs.004: the receiver wished it, or it was fraud.
RETURN_REASONS: Final = ("MD06", "FR01")

#: Thousandths of honest purchases that the shop gives back (an assumption), and when.
_GIVEN_BACK_PER_MILLE: Final = 3
_GIVEN_BACK_AFTER: Final = (HOUR, 10 * DAY)
_IN_PART_PER_MILLE: Final = 200


@dataclass(frozen=True, slots=True)
class Returns:
    """One entry a return; no transfer has two."""

    of: Int64s  # place among the day's transfers
    at: Int64s
    centavos: Int64s
    reason: Int64s  # place in RETURN_REASONS


def returns_of(facts: DayFacts) -> Returns:
    """The returns of the day's transfers, whenever they happen."""
    parts = (_by_shops(facts), _by_mechanism(facts), _by_blocks(facts))
    return Returns(
        of=np.concatenate([part.of for part in parts]),
        at=np.concatenate([part.at for part in parts]),
        centavos=np.concatenate([part.centavos for part in parts]),
        reason=np.concatenate([part.reason for part in parts]),
    )


def _by_shops(facts: DayFacts) -> Returns:
    rows, count = facts.rows, len(facts.rows)
    draws = facts.draws("returns")
    size = facts.accounts.town.census
    to_shop = (rows["payee"] >= size.first_business) & (rows["payee"] < size.first_government)
    calm = (rows["typology"] == NONE) & (rows["contested_at"] == NONE) & (rows["block"] == 0)
    some = facts.settlement.settled & to_shop & calm & draws.chance(_GIVEN_BACK_PER_MILLE, count)
    of = np.flatnonzero(some)
    amounts, back = rows["amount_centavos"][of], len(of)
    percent = np.where(draws.chance(_IN_PART_PER_MILLE, back), draws.between(10, 90, back), 100)
    return Returns(
        of=of,
        at=facts.settlement.at[of] + draws.spans(*_GIVEN_BACK_AFTER, back),
        centavos=np.maximum(amounts * percent // 100, 1),
        reason=np.zeros(back, dtype=np.int64),
    )


def _by_mechanism(facts: DayFacts) -> Returns:
    returned = facts.rows["returned_centavos"][facts.contested]
    came_back = np.flatnonzero(facts.claims.accepted & (returned > 0))
    return Returns(
        of=facts.contested[came_back],
        at=facts.recovered_at[came_back],
        centavos=returned[came_back],
        reason=np.ones(len(came_back), dtype=np.int64),
    )


def _by_blocks(facts: DayFacts) -> Returns:
    of = np.flatnonzero(facts.rows["block"] == Block.RETURNED)
    return Returns(
        of=of,
        at=facts.rows["block_ended_at"][of],
        centavos=facts.rows["amount_centavos"][of],
        reason=np.ones(len(of), dtype=np.int64),
    )
