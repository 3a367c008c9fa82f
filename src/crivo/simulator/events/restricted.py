"""Whose keys the directory tells to nobody: for suspicion of fraud, or because a court said so.

Restricted is an account of frauds that carries a marker and receives nothing any more, since nobody
pays after such an answer: only questions without a payment get one. Sources: Res. BCB 506/2025 (who
is marked is restricted), DICT API 2.12 (restrictions on the key, on its owner, by a court).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.dict_entry import DictRestriction
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.reported import Claims
from crivo.simulator.first_uses import NEVER
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE

RESTRICTIONS: Final = tuple(DictRestriction)

#: Thousandths of questions without a payment that are about somebody who is restricted (assumed).
_ASKED_PER_MILLE: Final = 25
#: The restrictions of those who are, by steps in a thousand.
_STEPS: Final = (300, 960, 975)


class Restricted:
    """Remembers which accounts of frauds were marked, and when."""

    def __init__(self, accounts: Accounts) -> None:
        self._seed = accounts.town.seed
        self._first = accounts.town.census.first_fraud
        self._last_used_at = accounts.last_used_for_fraud
        self._marked_at = np.full(len(self._last_used_at), NEVER, dtype=np.int64)

    def note(self, claims: Claims) -> None:
        """Claims about the day's transfers, decided at any later time."""
        mine = claims.accepted & (claims.payees >= self._first)
        np.minimum.at(self._marked_at, claims.payees[mine] - self._first, claims.settled_at[mine])

    def asked(self, day: Day, others: Int64s, found: Bools) -> tuple[Int64s, Int64s]:
        """Whose keys the questions without a payment name, and the restriction of each, or NONE.

        Some of those that found an entry ask about somebody who is restricted in place of `others`.
        """
        reasons = np.full(len(others), NONE, dtype=np.int64)
        known = np.maximum(self._marked_at, self._last_used_at) < day.midnight
        restricted = self._first + np.flatnonzero(known)
        if len(restricted) == 0:
            return others, reasons
        draws = Draws(self._seed, "event", "restricted", *day.stream)
        chosen = np.flatnonzero(found & draws.chance(_ASKED_PER_MILLE, len(found)))
        asked = others.copy()
        asked[chosen] = restricted[draws.below(len(restricted), len(chosen))]
        reasons[chosen] = np.searchsorted(
            _STEPS, spread(asked[chosen], self._seed ^ 0x726573, 1000), side="right"
        )
        return asked, reasons
