"""Holds: how long a transfer may be held, and what it becomes when nobody ends that.

Source: Manual de Tempos do Pix 7.0. The payer's institution may hold an order for its analysis, and
must pay or reject it within half an hour on business days by day, within an hour at other times.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.decision.policy import PolicyValue
from crivo.domain.holidays import is_business_day
from crivo.domain.instant import MINUTE, brasilia_day, brasilia_hour

HOURS_OF_A_DAY: Final = 24
#: No entry of the policy may hold a transfer for longer than a day.
HOLD_MINUTES_MAX: Final = 24 * 60

#: What a hold may become, and how that is said.
ENDS: Final = (Outcome.ALLOW, Outcome.REJECT)
ENDS_SAID: Final = " or ".join(each.value for each in ENDS)

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """How long a hold lasts at most, in minutes, and its end (one of `ENDS`).

    `business_minutes` are those of a business day from hour `start` to hour `end` (exclusive) of
    Brasília, `other_minutes` those of any other time.
    """

    business_minutes: int
    other_minutes: int
    start: int
    end: int
    ends_as: Outcome

    def until(self, occurred_at: int) -> int:
        """The instant at which the hold of a transfer ends that was confirmed then."""
        is_business = self.start <= brasilia_hour(occurred_at) < self.end and _is_business_day(
            brasilia_day(occurred_at)
        )
        minutes = self.business_minutes if is_business else self.other_minutes
        return occurred_at + minutes * MINUTE


def bind_end(
    key: str,
    value: Callable[[str], PolicyValue | None],
    unfit: Callable[[str, str, object], Exception],
) -> Outcome:
    """What a hold becomes on one date, by what `value` says of its key.

    Raises:
        Misconfigured: what `unfit` makes of the key, what it must be, and what it is.
    """
    found = value(key)
    if not isinstance(found, Outcome) or found not in ENDS:
        raise unfit(key, ENDS_SAID, found)
    return found


@lru_cache(maxsize=64)
def _is_business_day(day: int) -> bool:
    return is_business_day(dt.date.fromordinal(day + _EPOCH))
