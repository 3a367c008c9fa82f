"""The register of precautionary blocks (report 4; Res. BCB 147/2021): one row a block.

It is to end within 72 hours; `placed_at`, `released_at` and `returned_at` are instants.
"""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, greatest, integers, least

GOLD: Final = Gold(
    "gold.precautionary_blocks",
    keys=(Column("day", Kind.DATE), Column("block_id", Kind.TEXT)),
    measured=(
        Column("end_to_end_id", Kind.TEXT),
        Column("payee_id", Kind.BYTES),
        *integers("amount_centavos", "blocked_centavos"),
        *integers("placed_at", "released_at", "returned_at"),
    ),
    parts=(
        Part(
            "silver.precautionary_block",
            {"day": "transfer_day", "block_id": "block_id"},
            (
                greatest("end_to_end_id"),
                greatest("payee_id"),
                greatest("amount_centavos"),
                greatest("blocked_centavos"),
                least("placed_at", "occurred_at", {"status": "PLACED"}),
                least("released_at", "occurred_at", {"status": "RELEASED"}),
                least("returned_at", "occurred_at", {"status": "RETURNED"}),
            ),
        ),
    ),
)
