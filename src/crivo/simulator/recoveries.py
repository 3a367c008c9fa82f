"""What became of the money once a claim was accepted: the regulator's five outcomes.

Shares of cases and of value are those of April 2026: 13.9 % of cases came back in full (12.5 % of
the value), 18.3 % in part (3.7 % of the value came back, 25.1 % did not), 61.1 % found no balance
(51.7 %), 3.0 % a closed account (2.1 %), 3.7 % came to nothing for other reasons (4.9 %).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.rows import Rows


class Recovery(IntEnum):
    """How an accepted claim ended."""

    NONE = 0  # no claim was accepted
    FULL = 1
    PARTIAL = 2
    NO_BALANCE = 3
    ACCOUNT_CLOSED = 4
    OTHER = 5


#: Thousandths of cases, by whether they belong to the few that hold half of the value. The two
#: columns are what the official shares of cases and of value say together.
_OF_MANY: Final = {
    Recovery.FULL: 141,
    Recovery.PARTIAL: 170,
    Recovery.NO_BALANCE: 622,
    Recovery.ACCOUNT_CLOSED: 31,
    Recovery.OTHER: 36,
}
_OF_FEW: Final = {
    Recovery.FULL: 109,
    Recovery.PARTIAL: 406,
    Recovery.NO_BALANCE: 411,
    Recovery.ACCOUNT_CLOSED: 11,
    Recovery.OTHER: 63,
}
#: Of a case that came back in part, percent that did: 22.4 of 172.3 millions of reais.
_PART_PERCENT: Final = (2, 25)


def recover(draws: Draws, rows: Rows) -> None:
    """Writes `recovery` and `returned_centavos` of the accepted claims among the rows."""
    accepted = np.flatnonzero(rows["accepted"])
    amounts = rows["amount_centavos"][accepted]
    falling = np.argsort(-amounts, kind="stable")
    value = np.cumsum(amounts[falling])
    few = int(np.searchsorted(value, value[-1] // 2)) if len(value) else 0
    recovery = np.zeros(len(accepted), dtype=np.int64)
    for places, mix in ((falling[:few], _OF_FEW), (falling[few:], _OF_MANY)):
        recovery[places] = _by_value(draws, amounts[places], mix)
    part = draws.between(*_PART_PERCENT, len(accepted))
    partial = np.maximum(amounts * part // 100, 1)
    returned = np.where(recovery == Recovery.PARTIAL, partial, 0)
    rows["recovery"][accepted] = recovery
    rows["returned_centavos"][accepted] = np.where(recovery == Recovery.FULL, amounts, returned)


def _by_value(draws: Draws, amounts: Int64s, mix: dict[Recovery, int]) -> Int64s:
    """An outcome for each of the amounts, which fall, so that the mix holds of their value.

    Each case is drawn among the outcomes that lie behind their share, the further the likelier, and
    that have room for it in the end: a few large cases would else decide the whole mix.
    """
    outcomes = tuple(mix)
    weights = np.maximum(amounts, 1).tolist()
    in_the_end = [sum(weights) * mix[outcome] for outcome in outcomes]
    reached = [0] * len(outcomes)
    whole = 0
    found = np.empty(len(amounts), dtype=np.int64)
    words = draws.below(1_000_000, len(amounts)).tolist()
    for place, (amount, word) in enumerate(zip(weights, words, strict=True)):
        whole += amount
        room = [end - 1000 * one for end, one in zip(in_the_end, reached, strict=True)]
        behind = [
            max(whole * mix[outcome] - 1000 * one, 0) if left >= 500 * amount else 0
            for outcome, one, left in zip(outcomes, reached, room, strict=True)
        ]
        chosen = _drawn(behind, word) if any(behind) else room.index(max(room))
        reached[chosen] += amount
        found[place] = outcomes[chosen]
    return found


def _drawn(weights: list[int], word: int) -> int:
    """The place at which a word of a million falls among the weights."""
    left = sum(weights) * word // 1_000_000
    chosen = 0
    while left >= weights[chosen]:
        left -= weights[chosen]
        chosen += 1
    return chosen
