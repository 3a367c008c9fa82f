"""Claims as the infraction report names them: the victim's view, and the receiver's conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.reported import FRAUD_TYPES, Claims
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.typology import Typology

SITUATIONS: Final = ("SCAM", "ACCOUNT_TAKEOVER", "COERCION", "FRAUDULENT_ACCESS", "OTHER")

#: Situations in which somebody else paid, perhaps from a device of theirs.
TAKEN_OVER: Final = tuple(
    SITUATIONS.index(name) for name in ("ACCOUNT_TAKEOVER", "FRAUDULENT_ACCESS")
)

#: What people say about transfers that were no fraud, in running thousandths over SITUATIONS.
_SAID_OF_HONEST: Final = (620, 700, 715, 890)
#: What receivers conclude when they agree all the same, in running thousandths over FRAUD_TYPES.
_CONCLUDED_OF_HONEST: Final = (30, 330, 760)


def claims_of(
    rows: Rows, places: Int64s, reporters: Int64s, typologies: Sequence[Typology], salt: int
) -> tuple[Claims, Int64s]:
    """The claims about the transfers at these places, and each one's place in SITUATIONS."""
    mine = rows[places]
    honest = mine["typology"] == NONE
    typology = np.where(honest, 0, mine["typology"])
    told = spread(mine["occurred_at"] ^ mine["payer"], salt, 1000)
    concluded = spread(mine["occurred_at"] ^ mine["payee"], salt, 1000)
    situations = _places(SITUATIONS, [each.situation for each in typologies])
    fraud_types = _places(FRAUD_TYPES, [each.fraud_type for each in typologies])
    said = np.searchsorted(_SAID_OF_HONEST, told, side="right")
    agreed = np.searchsorted(_CONCLUDED_OF_HONEST, concluded, side="right")
    claims = Claims(
        contested_at=mine["contested_at"],
        settled_at=mine["settled_at"],
        accepted=mine["accepted"],
        payees=mine["payee"],
        reporters=reporters[places],
        fraud_types=np.where(honest, agreed, fraud_types[typology]).astype(np.int64),
        amounts=mine["amount_centavos"],
    )
    return claims, np.where(honest, said, situations[typology]).astype(np.int64)


def _places(codes: tuple[str, ...], named: list[str]) -> Int64s:
    """The place of each name among the codes; what the directory has no code for is OTHER."""
    other = len(codes) - 1
    places = [codes.index(name) if name in codes else other for name in named]
    return np.asarray(places or [other], dtype=np.int64)
