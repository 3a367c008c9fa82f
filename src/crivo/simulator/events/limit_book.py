"""Limits that persons change: a raise comes into force a day or two later, a cut at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.money import CENTAVOS_MAX
from crivo.simulator.amounts import lognormal
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.timing import lead
from crivo.simulator.facts import FactKind, Facts
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.rhythm import HALF_HOURS, Day, hours_of, instants_during
from crivo.simulator.rows import Rows
from crivo.simulator.signals import Signal

PERIODS: Final = ("DAY", "NIGHT")

#: What a natural person may pay at night unless it chose otherwise.
NIGHT_DEFAULT_CENTAVOS: Final = 1000_00
_NIGHT_BEGINS: Final = 20
_NIGHT_ENDS: Final = 6
_DAY_DEFAULT: Final = (5000_00, 80)

#: Persons in 100,000 who change a limit on a day, and thousandths of these who raise it.
_CHANGES_OF_100_000: Final = 300
_RAISES_PER_MILLE: Final = 620
_RAISE_PERCENT: Final = (130, 500)
_CUT_PERCENT: Final = (20, 85)
_STEP_CENTAVOS: Final = 50_00
RAISE_DELAY: Final = (24 * HOUR, 48 * HOUR)
_BEFORE_PAYMENT: Final = (5 * MINUTE, 20 * HOUR)


@dataclass(frozen=True, slots=True)
class LimitChanges:
    """Changes asked for on a day, at most one a person."""

    persons: Int64s
    requested_at: Int64s
    effective_at: Int64s
    period: Int64s  # place in PERIODS
    before: Int64s  # centavos
    after: Int64s


class LimitBook:
    """The limits that persons have chosen, as last asked for."""

    def __init__(self, accounts: Accounts) -> None:
        persons = np.arange(accounts.town.census.persons, dtype=np.int64)
        table = lognormal(*_DAY_DEFAULT)
        by_day = table[spread(persons, accounts.town.seed ^ 0x6C696D69, len(table) - 1)]
        night = np.full(len(persons), NIGHT_DEFAULT_CENTAVOS, dtype=np.int64)
        steps = np.maximum(by_day // _STEP_CENTAVOS, 1) * _STEP_CENTAVOS
        self._limits = np.stack([steps, night])

    def day(self, day: Day, draws: Draws, rows: Rows, happened: Facts) -> LimitChanges:
        """Who changes a limit that day: a few of all, who was noticed raising one, and victims."""
        everybody = self._limits.shape[1]
        # A shift has the part of the day's changes that its hours have of the day's transfers.
        until = sum(HALF_HOURS[: day.first_half_hour + day.half_hours])
        ends = (sum(HALF_HOURS[: day.first_half_hour]), until)
        changes = everybody * _CHANGES_OF_100_000
        before, after = (changes * end // (100_000 * sum(HALF_HOURS)) for end in ends)
        casual = draws.below(everybody, after - before)
        noticed = (rows["signals"] & Signal.LIMIT_RAISED != 0) & (rows["payer"] < everybody)
        raising = rows[noticed]
        spans = draws.spans(*_BEFORE_PAYMENT, len(raising))
        forced = happened[
            (happened["kind"] == FactKind.LIMIT_ASKED) & (happened["account"] < everybody)
        ]
        at = np.concatenate(
            [
                forced["occurred_at"],
                lead(raising["occurred_at"], day.start, spans),
                to_milliseconds(instants_during(draws, len(casual), day)),
            ]
        )
        asked = np.concatenate([forced["account"], raising["payer"], casual])
        wanted = np.zeros(len(asked), dtype=np.int64)
        wanted[: len(forced)] = forced["amount_centavos"]
        _, first = np.unique(asked, return_index=True)
        persons, at = asked[first], at[first]
        sure = len(forced) + len(raising)
        is_raise = (first < sure) | draws.chance(_RAISES_PER_MILLE, len(first))
        return self._change(draws, persons, at, is_raise, wanted[first])

    def _change(
        self, draws: Draws, persons: Int64s, at: Int64s, is_raise: Bools, wanted: Int64s
    ) -> LimitChanges:
        count = len(persons)
        hours = hours_of(at)
        at_night = (hours >= _NIGHT_BEGINS) | (hours < _NIGHT_ENDS)
        period = np.where(wanted > 0, at_night, draws.below(len(PERIODS), count))
        before = self._limits[period, persons]
        percent = np.where(
            is_raise, draws.between(*_RAISE_PERCENT, count), draws.between(*_CUT_PERCENT, count)
        )
        after = before * percent // 100 // _STEP_CENTAVOS * _STEP_CENTAVOS
        after = np.where(is_raise, np.maximum(after, before + _STEP_CENTAVOS), after)
        after = np.clip(np.where(wanted > 0, wanted, after), 0, CENTAVOS_MAX)
        self._limits[period, persons] = after
        delays = np.where(after > before, draws.spans(*RAISE_DELAY, count), 0)
        return LimitChanges(persons, at, at + delays, period, before, after)
