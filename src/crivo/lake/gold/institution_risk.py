"""Of each institution and day of the transfers: what it sent and received, and what was fraud."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total

GOLD: Final = Gold(
    "gold.institution_risk",
    keys=(Column("day", Kind.DATE), Column("ispb", Kind.TEXT)),
    measured=integers(
        "sent",
        "sent_centavos",
        "sent_reports",
        "received",
        "received_centavos",
        "received_reports",
        "received_accepted_reports",
    ),
    parts=(
        Part(
            "gold.transfers",
            {"day": "day", "ispb": "payer_ispb"},
            (
                count("sent"),
                total("sent_centavos", "amount_centavos"),
                total("sent_reports", "reports"),
            ),
        ),
        Part(
            "gold.transfers",
            {"day": "day", "ispb": "payee_ispb"},
            (
                count("received"),
                total("received_centavos", "amount_centavos"),
                total("received_reports", "reports"),
                total("received_accepted_reports", "accepted_reports"),
            ),
        ),
    ),
)
