"""Of each Pix key and day of the transfers: what it received, and what of it was fraud."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total

GOLD: Final = Gold(
    "gold.key_risk",
    keys=(Column("day", Kind.DATE), Column("key_id", Kind.BYTES)),
    measured=integers("received", "received_centavos", "reports", "accepted_reports"),
    parts=(
        Part(
            "gold.transfers",
            {"day": "day", "key_id": "payee_key_id"},
            (
                count("received"),
                total("received_centavos", "amount_centavos"),
                total("reports", "reports"),
                total("accepted_reports", "accepted_reports"),
            ),
        ),
    ),
)
