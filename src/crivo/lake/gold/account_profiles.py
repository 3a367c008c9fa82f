"""Account profiles: all of an account's days in one row."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, greatest, integers, least, total

_SUMS: Final = (
    "sent",
    "sent_centavos",
    "sent_reports",
    "received",
    "received_centavos",
    "received_reports",
    "received_accepted_reports",
)

GOLD: Final = Gold(
    "gold.account_profiles",
    keys=(Column("account_id", Kind.BYTES),),
    measured=integers("active_days", *_SUMS, "first_at", "last_at"),
    parts=(
        Part(
            "gold.account_days",
            {"account_id": "account_id"},
            (
                count("active_days"),
                *(total(name, name) for name in _SUMS),
                least("first_at", "first_at"),
                greatest("last_at"),
            ),
        ),
    ),
)
