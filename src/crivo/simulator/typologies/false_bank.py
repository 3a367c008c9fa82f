"""T05, falsa central: "your bank" calls, and helps to move the money, and a loan, to safety."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.facts import FactKind, Facts, make_facts
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rows import Rows
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (4, 15)
_WITHIN: Final = (20 * MINUTE, 90 * MINUTE)
_IN_BUSINESS_HOURS_PER_MILLE: Final = 700
_LOSS: Final = (2_000_000, 80)
#: What a payment moves in the mean.
_MEAN: Final = 340_000
_LOSS_MIN: Final = 60_000
_LOAN_PER_MILLE: Final = 450
_LOAN_PERCENT: Final = (35, 71)
_LIMIT_PER_MILLE: Final = 500
_MULES_MAX: Final = 4
_MIX: Final = {Initiation.DICT: 740, Initiation.MANU: 200, Initiation.QRDN: 60}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    victim = casting.victim(draws, seniors=True)
    at_work = draws.one(0, 1000) < _IN_BUSINESS_HOURS_PER_MILLE
    begin = casting.begin(draws, (9, 17) if at_work else (17, 23))
    count = draws.one(*_PAYMENTS)
    loss = casting.asked(_MEAN, "T05 loss", draws, lognormal(*_LOSS), 1)
    loss = np.maximum(scaled(loss, casting.level(victim)), _LOSS_MIN)
    amounts = _parts(draws, int(loss[0]), count)
    span = int(draws.spans(*_WITHIN, 1)[0])
    occurred_at = begin + np.sort(draws.spans(0, span, count))
    mules = 1 + draws.one(1, _MULES_MAX)
    each = int(loss[0]) // mules
    taken = [casting.mule(draws, begin, each, without=[victim]) for _ in range(mules)]
    payees = np.asarray(taken, dtype=np.int64)[draws.below(mules, count)]
    rows = payments(draws, occurred_at, amounts, victim, payees, _MIX)
    loan = draws.one(0, 1000) < _LOAN_PER_MILLE
    raised = draws.one(0, 1000) < _LIMIT_PER_MILLE
    facts = _before(draws, begin, victim, int(loss[0]), loan=loan, raised=raised)
    _betray(draws, rows, loan=loan, raised=raised)
    return Campaign(rows, facts)


def _parts(draws: Draws, whole: int, count: int) -> Int64s:
    """`count` unequal parts of the sum, in whole reais."""
    weights = draws.between(50, 151, count)
    return np.maximum(whole * weights // int(weights.sum()) // 100 * 100, 1000)


def _before(draws: Draws, begin: int, victim: int, loss: int, *, loan: bool, raised: bool) -> Facts:
    at = begin - draws.spans(90 * SECOND, 15 * MINUTE, 2)
    lent = loss * draws.one(*_LOAN_PERCENT) // 100
    return np.concatenate(
        [
            make_facts(FactKind.LOAN_DISBURSED, at[:loan], victim, amounts=lent),
            make_facts(FactKind.LIMIT_ASKED, at[1 : 1 + raised], victim, amounts=loss),
        ]
    )


def _betray(draws: Draws, rows: Rows, *, loan: bool, raised: bool) -> None:
    """A loan or a limit of the same day is mostly seen by the bank that gave it."""
    for happened, signal in ((loan, Signal.LOAN_TAKEN), (raised, Signal.LIMIT_RAISED)):
        seen = draws.chance(850 * happened, len(rows))
        rows["signals"][seen] |= int(signal)


TYPOLOGY: Final = Typology(
    code="T05",
    name="false_bank",
    name_pt="Falsa central, falso funcionário",
    meaning="On the telephone, a victim moves balance and a fresh loan to several accounts.",
    source="Mean loss of telephone cases: Silverguard, 2025; loan, number and span are priors.",
    signals=(
        "a call in progress while paying",
        "a loan or a higher limit minutes before",
        "four and more payments within 90 minutes, to payees never paid before",
        "most of the balance leaves",
    ),
    situation="SCAM",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=60,
    reported_per_mille=900,
    recipe=_recipe,
    contest_delays=DelayTable(
        ((45, 10 * MINUTE, 3 * HOUR), (35, 3 * HOUR, 24 * HOUR), (20, 24 * HOUR, 168 * HOUR))
    ),
    noticed=((Signal.CALL_IN_PROGRESS, 620), (Signal.REMOTE_ACCESS, 60), (Signal.KEY_PASTED, 250)),
    means=(Lever.AMOUNT, Lever.HOUR, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=_WITHIN[1],
)
