"""T00, other: a case that nobody could classify; some other theft, with sums that do not fit it."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.typology import Kind, Typology, default_typologies

_CODE: Final = "T00"
_NOISE_PERCENT: Final = (45, 191)
_SUM_MIN: Final = 100


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    thefts = [
        typology
        for typology in default_typologies()
        if typology.kind is Kind.THEFT and typology.code != _CODE
    ]
    campaign = thefts[draws.one(0, len(thefts))].recipe(casting, draws)
    # One factor for the whole campaign: what mules pass on stays below what came.
    rows = campaign.rows
    amounts = rows["amount_centavos"] * draws.one(*_NOISE_PERCENT) // 100
    rows["amount_centavos"] = np.maximum(amounts, _SUM_MIN)
    return campaign


TYPOLOGY: Final = Typology(
    code=_CODE,
    name="unclassified",
    name_pt="Outros, sem classificação",
    meaning="A theft of any of the other kinds, with sums that do not fit, reported as other.",
    source="That some reports name no kind is official; which they are is a uniform draw.",
    signals=("those of the theft that it is, as far as they were collected",),
    situation="OTHER",
    fraud_type="OTHER",
    share_per_mille=15,
    reported_per_mille=600,
    recipe=_recipe,
    means=(Lever.AMOUNT, Lever.PAYEE_AGE),
)
