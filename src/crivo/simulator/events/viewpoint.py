"""Who looks at the world: what an institution sees depends on its side of the transfer."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from crivo.domain.errors import Code, invalid


class Viewpoint(StrEnum):
    """The payer's institution before it sends, the payee's when the order arrives, or the rail.

    The payer's institution knows its customer, the device and what the directory answered. The
    payee's sees the order (which carries no name of the payee) and its own customer's account. The
    rail (settlement system and directory) sees orders between institutions and what they ask it.
    """

    PAYER_PSP = "payer_psp"
    PAYEE_PSP = "payee_psp"
    RAIL = "rail"


Seen = frozenset[Viewpoint]

PAYER: Final[Seen] = frozenset({Viewpoint.PAYER_PSP})
PAYEE: Final[Seen] = frozenset({Viewpoint.PAYEE_PSP})
BOTH: Final[Seen] = PAYER | PAYEE
PAYER_AND_RAIL: Final[Seen] = PAYER | {Viewpoint.RAIL}
PAYEE_AND_RAIL: Final[Seen] = PAYEE | {Viewpoint.RAIL}
NOBODY: Final[Seen] = frozenset()
ALL: Final[Seen] = frozenset(Viewpoint)


def parse_viewpoint(text: str) -> Viewpoint:
    """The viewpoint of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        return Viewpoint(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="viewpoint", expected=", ".join(Viewpoint), found=text
        ) from None
