"""T17, varredura de chaves: bursts of look-ups in the directory that no payment follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, make_facts
from crivo.simulator.typology import Kind, Typology

_BURSTS: Final = (3, 41)
_PAUSE: Final = (MINUTE, 50 * MINUTE)
_LOOKED_UP: Final = (40, 401)
_MISSING_PERCENT: Final = (51, 97)


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    count = draws.one(*_BURSTS)
    at = casting.begin(draws) + np.cumsum(draws.spans(*_PAUSE, count))
    asked = draws.between(*_LOOKED_UP, count)
    missing = asked * draws.between(*_MISSING_PERCENT, count) // 100 + 1
    scanner = casting.mule(draws, int(at[0]) - HOUR, 0)
    looked_up = make_facts(
        FactKind.KEYS_LOOKED_UP, at, scanner, counts=asked, missing=np.minimum(missing, asked)
    )
    return Campaign(facts=looked_up)


TYPOLOGY: Final = Typology(
    code="T17",
    name="key_scan",
    name_pt="Varredura de chaves no DICT",
    meaning="One account asks for keys by the hundred; more than half of them do not exist.",
    source="The directory's own limits against scanning; sizes of bursts are assumed.",
    signals=(
        "bursts of look-ups that find nothing",
        "look-ups that no payment follows",
    ),
    situation="",
    fraud_type="",
    share_per_mille=10,
    reported_per_mille=0,
    recipe=_recipe,
    kind=Kind.RECON,
)
