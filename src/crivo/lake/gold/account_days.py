"""What an account sent and received on a day, and what of it was claimed to be fraud."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, greatest, integers, least
from crivo.lake.sides import RECEIVED, SENT, SIDES

_WHEN: Final = (
    least("first_at", "transfer_occurred_at"),
    greatest("last_at", "transfer_occurred_at"),
)

GOLD: Final = Gold(
    "gold.account_days",
    keys=(Column("day", Kind.DATE), Column("account_id", Kind.BYTES)),
    measured=integers(*SIDES, "first_at", "last_at"),
    parts=(
        Part("gold.transfers", {"day": "day", "account_id": "payer_id"}, (*SENT, *_WHEN)),
        Part("gold.transfers", {"day": "day", "account_id": "payee_id"}, (*RECEIVED, *_WHEN)),
    ),
)
