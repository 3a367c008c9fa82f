"""Refunds that were asked for after a fraud or a fault: one row a refund."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, greatest, integers, least

GOLD: Final = Gold(
    "gold.refunds",
    keys=(Column("day", Kind.DATE), Column("refund_id", Kind.TEXT)),
    measured=(
        Column("end_to_end_id", Kind.TEXT),
        *(Column(name, Kind.TEXT) for name in ("reason", "result", "rejection")),
        *integers("requested_centavos", "refunded_centavos"),
        *integers("opened_at", "closed_at", "cancelled_at"),
    ),
    parts=(
        Part(
            "silver.refund",
            {"day": "transfer_day", "refund_id": "refund_id"},
            (
                greatest("end_to_end_id"),
                greatest("reason"),
                greatest("result"),
                greatest("rejection"),
                greatest("requested_centavos"),
                greatest("refunded_centavos"),
                least("opened_at", "occurred_at", {"status": "OPEN"}),
                least("closed_at", "occurred_at", {"status": "CLOSED"}),
                least("cancelled_at", "occurred_at", {"status": "CANCELLED"}),
            ),
        ),
    ),
)
