"""T11, sequestro relâmpago: under threat, a victim pays in steps until the night limit is used."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.facts import FactKind, Facts, make_facts
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rows import DEVICE_SLOTS, NONE
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (3, 7)
_WITHIN: Final = 2 * HOUR
#: The night limit in centavos: R$ 1,000 where nobody asked for another, and how many have which.
_LIMITS: Final = (100_000, 200_000, 300_000, 500_000)
_LIMIT_WEIGHTS: Final = (70, 14, 10, 6)
_TWO_BANKS_PER_MILLE: Final = 500
_REFUSED: Final = (1, 5)
_RAISE_PER_MILLE: Final = 600
_BEFORE_MIDNIGHT_PER_MILLE: Final = 650
_MIX: Final = {Initiation.DICT: 850, Initiation.MANU: 150}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    victim, accounts = _victim(casting, draws)
    early = draws.one(0, 1000) < _BEFORE_MIDNIGHT_PER_MILLE
    begin = casting.begin(draws, (20, 24) if early else (0, 5))
    count = draws.one(*_PAYMENTS)
    limit = _LIMITS[int(draws.chosen(cumulated(_LIMIT_WEIGHTS), 1)[0])]
    amounts = _steps(draws, limit, count)
    occurred_at = begin + np.sort(draws.spans(0, _WITHIN, count))
    taken: list[int] = []
    for _ in range(1 + draws.one(0, 2)):
        taken.append(casting.mule(draws, begin, limit // 2, without=[victim, *taken]))
    payees = np.asarray(taken, dtype=np.int64)[draws.below(len(taken), count)]
    payers = accounts[draws.below(len(accounts), count)]
    rows = payments(draws, occurred_at, amounts, payers, payees, _MIX)
    # The telephone is the same, whichever bank's app is opened.
    rows["device"] = victim * DEVICE_SLOTS
    return Campaign(rows, _attempts(draws, begin, victim, taken[0], limit))


def _victim(casting: Casting, draws: Draws) -> tuple[int, Int64s]:
    """A person, and the accounts that are emptied: at two institutions where there are two."""
    victim = casting.victim(draws)
    if draws.one(0, 1000) < _TWO_BANKS_PER_MILLE:
        victim = casting.town.who_has_two(victim)
    second = casting.town.second_accounts(np.asarray([victim]))
    accounts = np.concatenate([[victim], second[second != NONE]])
    return victim, np.asarray(accounts, dtype=np.int64)


def _steps(draws: Draws, limit: int, count: int) -> Int64s:
    """`count` parts that use the limit up to the centavo; all but the last are whole tens."""
    weights = draws.between(60, 141, count)
    parts = np.maximum(limit * weights // int(weights.sum()) // 1000 * 1000, 1000)
    parts[-1] = limit - int(parts[:-1].sum())
    return parts


def _attempts(draws: Draws, begin: int, victim: int, mule: int, limit: int) -> Facts:
    """A higher limit is asked for, and more than the limit is tried and refused."""
    asked = draws.one(0, 1000) < _RAISE_PER_MILLE
    at = begin - draws.spans(2 * MINUTE, 20 * MINUTE, int(asked))
    refused = draws.one(*_REFUSED)
    tried = begin + draws.spans(0, _WITHIN, refused)
    sums = limit * draws.between(60, 301, refused) // 100
    return np.concatenate(
        [
            make_facts(FactKind.LIMIT_ASKED, at, victim, amounts=limit * 5),
            make_facts(FactKind.LIMIT_REFUSED, tried, victim, others=mule, amounts=sums),
        ]
    )


TYPOLOGY: Final = Typology(
    code="T11",
    name="coercion",
    name_pt="Sequestro relâmpago, coação",
    meaning="At night and under threat, a victim pays in steps that together are the night limit, "
    "from accounts at two institutions where there are two.",
    source="Night limit of R$ 1,000 by rule (2021); steps, hours and prior are assumed.",
    signals=(
        "night or late evening, far from where this payer pays",
        "attempts beyond the limit, and a higher limit asked for",
        "three to six payments within two hours whose sum is the night limit",
    ),
    situation="COERCION",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=10,
    reported_per_mille=880,
    recipe=_recipe,
    contest_delays=DelayTable(((60, 2 * HOUR, 18 * HOUR), (40, 18 * HOUR, 96 * HOUR))),
    noticed=((Signal.UNUSUAL_PLACE, 620), (Signal.LIMIT_RAISED, 420)),
    means=(Lever.AMOUNT, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=_WITHIN,
)
