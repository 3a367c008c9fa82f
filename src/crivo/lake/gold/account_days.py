"""What an account sent and received on a day, and what of it was claimed to be fraud."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, greatest, integers, least, total

_SENT: Final = (
    count("sent"),
    total("sent_centavos", "amount_centavos"),
    total("sent_reports", "reports"),
    least("first_at", "transfer_occurred_at"),
    greatest("last_at", "transfer_occurred_at"),
)
_RECEIVED: Final = (
    count("received"),
    total("received_centavos", "amount_centavos"),
    total("received_reports", "reports"),
    total("received_accepted_reports", "accepted_reports"),
    least("first_at", "transfer_occurred_at"),
    greatest("last_at", "transfer_occurred_at"),
)

GOLD: Final = Gold(
    "gold.account_days",
    keys=(Column("day", Kind.DATE), Column("account_id", Kind.BYTES)),
    measured=integers(
        "sent",
        "sent_centavos",
        "sent_reports",
        "received",
        "received_centavos",
        "received_reports",
        "received_accepted_reports",
        "first_at",
        "last_at",
    ),
    parts=(
        Part("gold.transfers", {"day": "day", "account_id": "payer_id"}, _SENT),
        Part("gold.transfers", {"day": "day", "account_id": "payee_id"}, _RECEIVED),
    ),
)
