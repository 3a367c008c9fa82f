"""T06, mão fantasma: somebody else steers the victim's own telephone and empties the account."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, scaled
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (2, 7)
_STEP: Final = (45 * SECOND, 4 * MINUTE)
_AT_NIGHT_PER_MILLE: Final = 450
_BALANCE: Final = (190_000, 100)
_PART_PERCENT: Final = (18, 65)
_MIX: Final = {Initiation.DICT: 760, Initiation.MANU: 170, Initiation.QRDN: 70}


def _recipe(casting: Casting, draws: Draws) -> Rows:
    count = draws.one(*_PAYMENTS)
    mules = [casting.mule(draws) for _ in range(1 + draws.one(0, min(3, count)))]
    victim = casting.victim(draws)
    mules = [casting.opened_account() if mule == victim else mule for mule in mules]
    day = casting.day(draws)
    at_night = draws.one(0, 1000) < _AT_NIGHT_PER_MILLE
    hours = (0, 6) if at_night else (6, 23)
    begin = instants(draws, 1, day.start, hours)
    steps = np.cumsum(draws.spans(*_STEP, count))
    level = casting.town.person_levels[victim : victim + 1]
    left = int(scaled(drawn(draws, lognormal(*_BALANCE), 1), level)[0])
    amounts = []
    for percent in draws.between(*_PART_PERCENT, count):
        amounts.append(max(left * int(percent) // 100, 100))
        left = max(left - amounts[-1], 100)
    payees = np.asarray(mules, dtype=np.int64)[draws.below(len(mules), count)]
    payers = np.full(count, victim, dtype=np.int64)
    rows = make_rows(begin + steps, np.asarray(amounts, dtype=np.int64), payers, payees)
    rows["initiation"] = draw_initiations(draws, count, _MIX)
    rows["hop"] = 1
    return rows[rows["occurred_at"] < casting.end]


TYPOLOGY: Final = Typology(
    code="T06",
    name="remote_access",
    meaning="The account is drained in quick steps from the victim's own device, often at night.",
    source="Steps and device as documented of remote-access malware; share and hours are priors.",
    signals=(
        "several payments at intervals of one to four minutes",
        "payees never paid before",
        "sum far above what this payer spends in a day",
        "odd hour for this payer",
    ),
    situation="FRAUDULENT_ACCESS",
    fraud_type="MULE",
    share_per_mille=180,
    reported_per_mille=920,
    recipe=_recipe,
    # A drained account is noticed at the next look at it.
    contest_delays=DelayTable(
        ((45, 10 * MINUTE, 3 * HOUR), (40, 3 * HOUR, 24 * HOUR), (15, 24 * HOUR, 96 * HOUR))
    ),
)
