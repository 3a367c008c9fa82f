"""Of each institution and day of the transfers: what it sent and received, and what was fraud."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, integers
from crivo.lake.sides import RECEIVED, SENT, SIDES

GOLD: Final = Gold(
    "gold.institution_risk",
    keys=(Column("day", Kind.DATE), Column("ispb", Kind.TEXT)),
    measured=integers(*SIDES),
    parts=(
        Part("gold.transfers", {"day": "day", "ispb": "payer_ispb"}, SENT),
        Part("gold.transfers", {"day": "day", "ispb": "payee_ispb"}, RECEIVED),
    ),
)
