"""Sessions in the payer's app: each serves the payments of one device until a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.events.timing import lead
from crivo.simulator.rows import INITIATIONS, NONE, Rows

#: A payment this long after the session's last one needs a new session.
SESSION_GAP: Final = 15 * MINUTE
_BEFORE: Final = (15 * SECOND, 4 * MINUTE)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions in which the attempts of a day were made."""

    first: Int64s  # place of each session's first payment, rising
    began_at: Int64s  # of each session
    of: Int64s  # of each attempt its session, or NONE

    def since(self, of: Int64s, at: Int64s) -> Int64s:
        """Microseconds from the login to `at`, for the attempts `of`; NONE without a session."""
        sessions = self.of[of]
        if len(self.began_at) == 0:
            return sessions
        return np.where(sessions == NONE, NONE, np.maximum(at - self.began_at[sessions], 0))


def sessions_of(draws: Draws, rows: Rows, day_start: int) -> Sessions:
    """The sessions of the day's attempts, each with a login a moment before its first one.

    `draws` are those of the logins, of which this takes the second word a session.
    """
    automatic = rows["initiation"] == INITIATIONS.index(Initiation.AUTO)
    places = np.flatnonzero(~automatic & (rows["device"] != NONE))
    payers, devices, at = (rows[name][places] for name in ("payer", "device", "occurred_at"))
    order = np.lexsort((at, devices, payers))
    starts = np.ones(len(order), dtype=np.bool_)
    before, after = order[:-1], order[1:]
    starts[1:] = (
        (payers[before] != payers[after])
        | (devices[before] != devices[after])
        | (at[after] - at[before] > SESSION_GAP)
    )
    sorted_firsts = places[order[starts]]
    first = np.sort(sorted_firsts)
    of = np.full(len(rows), NONE, dtype=np.int64)
    of[places[order]] = np.searchsorted(first, sorted_firsts)[np.cumsum(starts) - 1]
    draws.begin_at(len(first))  # what the stream of logins draws first is which are idle
    spans = draws.spans(*_BEFORE, len(first))
    return Sessions(first, lead(rows["occurred_at"][first], day_start, spans), of)
