"""Infraction reports and their terms (report 6, Manual de Tempos): one row a report.

Opened within 1,800 s of the claim, analysed within 7 days: the instants are here.
"""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, greatest, integers, least

GOLD: Final = Gold(
    "gold.infractions",
    keys=(Column("day", Kind.DATE), Column("infraction_id", Kind.TEXT)),
    measured=(
        Column("end_to_end_id", Kind.TEXT),
        Column("payee_id", Kind.BYTES),
        *(Column(name, Kind.TEXT) for name in ("reason", "situation", "analysis", "fraud_type")),
        *integers("amount_centavos", "infraction_centavos", "layer"),
        *integers("opened_at", "acknowledged_at", "closed_at", "cancelled_at"),
    ),
    parts=(
        Part(
            "silver.infraction_report",
            {"day": "transfer_day", "infraction_id": "infraction_id"},
            (
                greatest("end_to_end_id"),
                greatest("payee_id"),
                greatest("reason"),
                greatest("situation"),
                greatest("analysis"),
                greatest("fraud_type"),
                greatest("amount_centavos"),
                greatest("infraction_centavos"),
                greatest("layer"),
                least("opened_at", "occurred_at", {"status": "OPEN"}),
                least("acknowledged_at", "occurred_at", {"status": "ACKNOWLEDGED"}),
                least("closed_at", "occurred_at", {"status": "CLOSED"}),
                least("cancelled_at", "occurred_at", {"status": "CANCELLED"}),
            ),
        ),
    ),
)
