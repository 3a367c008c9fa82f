"""T16, excesso de pedidos de Pix Automático: a thousand are asked for a debit, a few allow it."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, priced
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, make_facts
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_ASKED_A_DAY: Final = 1000
_DAYS: Final = (1, 6)
_GRANTED_PER_MILLE: Final = (10, 31)
_FEE: Final = (5900, 55)
_DEBITED_AFTER: Final = (10 * MINUTE, 20 * HOUR)
_MIX: Final = {Initiation.AUTO: 1000}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    first = casting.day(draws)
    days = draws.one(*_DAYS)
    asked = min(_ASKED_A_DAY, casting.town.census.persons)
    granted = max(1, asked * draws.one(*_GRANTED_PER_MILLE) // 1000)
    count = granted * days
    day = np.repeat(np.arange(days, dtype=np.int64), granted)
    allowed_at = instants(draws, count, first.start, (8, 22)) + day * DAY
    fee = priced(draws, casting.quota("T16 fee").drawn(draws, lognormal(*_FEE), 1))
    receiver = casting.opened_account(company=True)
    victims = casting.victims(draws, count, without=receiver)
    debited_at = allowed_at + draws.spans(*_DEBITED_AFTER, count)
    rows = payments(draws, debited_at, np.repeat(fee, count), victims, receiver, _MIX)
    mornings = first.start + np.arange(days, dtype=np.int64) * DAY + 8 * HOUR
    requests = make_facts(
        FactKind.AUTHORISATIONS_ASKED, mornings, receiver, amounts=int(fee[0]), counts=asked
    )
    grants = make_facts(
        FactKind.AUTHORISATION_GRANTED, allowed_at, victims, others=receiver, amounts=int(fee[0])
    )
    return Campaign(rows, np.concatenate([requests, grants]))


TYPOLOGY: Final = Typology(
    code="T16",
    name="recurring_debits",
    name_pt="Excesso de pedidos de Pix Automático",
    meaning="A receiver asks very many for recurring debits; the few who allow it are debited.",
    source="Requests and acceptance are assumed; the rail names its own reason of return.",
    signals=(
        "many authorisation requests from one receiver, hardly any granted",
        "a recurring debit hours after its authorisation",
        "one amount for all payers",
    ),
    situation="SCAM",
    fraud_type="SCAMMER_ACCOUNT",
    share_per_mille=5,
    reported_per_mille=560,
    recipe=_recipe,
    # Noticed on a statement.
    contest_delays=DelayTable(((10, 6 * HOUR, DAY), (50, DAY, 12 * DAY), (40, 12 * DAY, 60 * DAY))),
    noticed=((Signal.RECEIVER_MISMATCH, 60),),
    means=(Lever.AMOUNT, Lever.PACE),
    lasts_at_most=_DAYS[1] * DAY,
)
