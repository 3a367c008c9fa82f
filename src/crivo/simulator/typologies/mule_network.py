"""T14, contas laranja: victims' money meets in one account and leaves it within minutes."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.rhythm import instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows
from crivo.simulator.typology import Typology

_VICTIMS: Final = (3, 13)
_INFLOW: Final = (45_000, 115)
_INFLOW_MIN: Final = 3000
_WITHIN: Final = (4 * HOUR, 60 * HOUR)
_PASSED_ON_PER_MILLE: Final = 550
_SECOND_HOP_PER_MILLE: Final = 300
#: Median 6 minutes from inflow to outflow; a tenth take longer than 45.
_WAIT: Final = (6 * MINUTE, 157)
_WAIT_MAX: Final = 4 * HOUR
_OUTFLOWS: Final = (1, 4)
_PART_PERCENT: Final = (25, 51)
_MIX: Final = {Initiation.DICT: 820, Initiation.MANU: 120, Initiation.QRES: 60}


def _recipe(casting: Casting, draws: Draws) -> Rows:
    hub = casting.mule(draws)
    count = draws.one(*_VICTIMS)
    victims = casting.victims(draws, count, without=hub)
    begin = int(instants(draws, 1, casting.day(draws).start, (7, 23))[0])
    span = int(draws.spans(*_WITHIN, 1)[0])
    occurred_at = begin + np.sort(draws.spans(0, span, count))
    levels = casting.town.person_levels[victims]
    amounts = scaled(drawn(draws, lognormal(*_INFLOW), count), levels)
    amounts = np.maximum(rounded(draws, amounts, 450), _INFLOW_MIN)
    inflow = make_rows(occurred_at, amounts, victims, np.full(count, hub, dtype=np.int64))
    inflow["initiation"] = draw_initiations(draws, count, _MIX)
    inflow["hop"] = 1
    second = _passed_on(casting, draws, inflow, _PASSED_ON_PER_MILLE)
    third = _passed_on(casting, draws, second, _SECOND_HOP_PER_MILLE)
    rows = np.concatenate([inflow, second, third])
    return rows[rows["occurred_at"] < casting.end]


def _passed_on(casting: Casting, draws: Draws, inflow: Rows, per_mille: int) -> Rows:
    """Of some inflows, one to three parts that go on to other accounts, never more than came."""
    sources = inflow[draws.chance(per_mille, len(inflow))]
    if len(sources) == 0:
        return no_rows()
    parts = draws.between(*_OUTFLOWS, len(sources))
    of: Int64s = np.repeat(np.arange(len(sources), dtype=np.int64), parts)
    count = len(of)
    waits = np.minimum(drawn(draws, lognormal(*_WAIT), count), _WAIT_MAX) + MINUTE // 2
    share = draws.between(*_PART_PERCENT, count)
    share = np.minimum(share, 100 // parts[of])
    amounts = np.maximum(sources["amount_centavos"][of] * share // 100, 100)
    payers = sources["payee"][of]
    exits = [casting.mule(draws) for _ in range(1 + count // 4)]
    payees = np.asarray(exits, dtype=np.int64)[draws.below(len(exits), count)]
    payees = np.where(payees == payers, casting.opened_account(), payees)
    rows = make_rows(sources["occurred_at"][of] + waits, amounts, payers, payees)
    rows["initiation"] = draw_initiations(draws, count, _MIX)
    rows["hop"] = sources["hop"][of] + 1
    return rows


TYPOLOGY: Final = Typology(
    code="T14",
    name="mule_network",
    meaning="Fan-in from victims to one account, fan-out to others within minutes.",
    source="Hop window and number of outflows after the funds-recovery interface; the rest priors.",
    signals=(
        "distinct payers of the payee rise",
        "money leaves as fast as it comes",
        "a payer who never paid before forwards what just arrived",
        "earlier reports about the payee",
    ),
    situation="SCAM",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=250,
    reported_per_mille=760,
    traced_per_mille=450,
    recipe=_recipe,
)
