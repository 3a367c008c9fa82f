"""The family or class treasurer: many pay one person the same sum, who then pays one shop."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows

_PERSONS_A_GROUP: Final = 350
_EVERY_DAYS: Final = 14
_MEMBERS: Final = (8, 31)
_SHARES_CENTAVOS: Final = (2000, 2500, 3000, 5000, 8000, 10_000, 15_000)
_MIX: Final = {Initiation.DICT: 850, Initiation.QRES: 150}


def _prepare(town: Town, draws: Draws) -> OfDay:
    groups = max(1, town.census.persons // _PERSONS_A_GROUP)
    treasurers = draws.below(town.census.persons, groups)
    sizes = draws.between(*_MEMBERS, groups)
    dues = np.asarray(_SHARES_CENTAVOS, dtype=np.int64)[draws.below(len(_SHARES_CENTAVOS), groups)]
    members = town.persons(draws, int(sizes.sum()))
    of_group = np.repeat(np.arange(groups, dtype=np.int64), sizes)

    def of_day(day: Day, draws: Draws) -> Rows:
        phase = (day.index + np.arange(groups, dtype=np.int64)) % _EVERY_DAYS
        collecting = (phase[of_group] < 2) & (members != treasurers[of_group])
        paying = collecting & draws.chance(450, len(members))
        chosen = of_group[paying]
        occurred_at = instants(draws, len(chosen), day.start, (8, 23))
        rows = make_rows(occurred_at, dues[chosen], members[paying], treasurers[chosen])
        rows["initiation"] = draw_initiations(draws, len(chosen), _MIX)
        return np.concatenate([rows, spend(day, draws, np.flatnonzero(phase == 1))])

    def spend(day: Day, draws: Draws, groups_due: Int64s) -> Rows:
        if len(groups_due) == 0:
            return no_rows()
        evening = day.start + draws.spans(19 * HOUR, 21 * HOUR + 30 * MINUTE, len(groups_due))
        sums = dues[groups_due] * sizes[groups_due] * 4 // 5
        shops = town.shops(draws, len(groups_due))
        return make_rows(evening, sums, treasurers[groups_due], shops)

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="treasurer",
    resembles=("T14",),
    meaning="Many payers within two days to one ordinary person, and one large payment out.",
    prepare=_prepare,
)
