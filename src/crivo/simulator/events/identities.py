"""Names and tax ids of those who pay and are paid: the same as in the register of users.

An order names the payer, and of the payee the tax id alone; the payee's name is known to whoever
asked the directory. Where the platform takes such an event in, this is the part that is sealed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind
from crivo.simulator.draws import Bools
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field
from crivo.simulator.events.viewpoint import ALL, PAYER
from crivo.simulator.lettering import Names
from crivo.simulator.rows import NONE

FIELDS: Final = (
    Field("payer_tax_id", Kind.TEXT, ALL, "CPF or CNPJ of the payer"),
    Field("payer_name", Kind.TEXT, ALL, "name of the payer"),
    Field("payee_tax_id", Kind.TEXT, ALL, "CPF or CNPJ of the payee"),
    Field(
        "dict_owner_name",
        Kind.TEXT,
        PAYER,
        "name of the payee, if the directory was asked",
        nullable=True,
    ),
    Field("dict_trade_name", Kind.TEXT, PAYER, "as a company trades, if asked", nullable=True),
)


def values(facts: DayFacts) -> Drawn:
    """The identities of the day's transfers."""
    payers, payees, known = facts.rows["payer"], facts.rows["payee"], facts.register
    asked = facts.look_up_of != NONE
    names = known.names(payees[asked])
    trades, without = known.trade_names(payees[asked])
    untraded = ~asked
    untraded[asked] = without
    return {
        "payer_tax_id": known.tax_ids(payers),
        "payer_name": known.names(payers),
        "payee_tax_id": known.tax_ids(payees),
        "dict_owner_name": (_scattered(names, asked), ~asked),
        "dict_trade_name": (_scattered(trades, asked), untraded),
    }


def _scattered(names: Names, where: Bools) -> Names:
    found = np.zeros(len(where), dtype=names.dtype)
    found[where] = names
    return found
