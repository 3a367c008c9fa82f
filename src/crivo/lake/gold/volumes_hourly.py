"""Volumes of each hour of Brasília: transfers, centavos, decisions."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total

GOLD: Final = Gold(
    "gold.volumes_hourly",
    keys=(Column("day", Kind.DATE), Column("hour", Kind.INTEGER)),
    measured=integers("transfers", "amount_centavos", "decisions", "reports"),
    parts=(
        Part(
            "gold.transfers",
            {"day": "day", "hour": "hour"},
            (
                count("transfers"),
                total("amount_centavos", "amount_centavos"),
                total("decisions", "decisions"),
                total("reports", "reports"),
            ),
        ),
    ),
)
