"""What was answered on a day, and what came of it."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total

GOLD: Final = Gold(
    "gold.outcomes",
    keys=(Column("day", Kind.DATE), Column("outcome", Kind.TEXT)),
    measured=integers(
        "transfers",
        "amount_centavos",
        "reports",
        "accepted_reports",
        "settled",
        "rejected",
        "returned_centavos",
    ),
    parts=(
        Part(
            "gold.transfers",
            {"day": "day", "outcome": "outcome"},
            (
                count("transfers"),
                *(
                    total(name, name)
                    for name in (
                        "amount_centavos",
                        "reports",
                        "accepted_reports",
                        "settled",
                        "rejected",
                        "returned_centavos",
                    )
                ),
            ),
        ),
    ),
)
