"""Who stands on the two sides of transfers."""

from __future__ import annotations

from crivo.simulator.acceptance.tally import Sides
from crivo.simulator.people import Town, account_institutions, is_legal_person, natures
from crivo.simulator.rows import Rows


def sides(town: Town, rows: Rows) -> Sides:
    """Who stands on the two sides of each row."""
    payer_banks = account_institutions(town, rows["payer"])
    payee_banks = account_institutions(town, rows["payee"])
    legal = is_legal_person(town, rows["payee"])
    return Sides(natures(town, rows), payer_banks == payee_banks, legal)
