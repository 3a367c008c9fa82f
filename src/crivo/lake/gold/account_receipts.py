"""Of each account and day of receipt: what a bank came to know of it on that day.

A claim counts on the day on which it was received, not on that of what it claims, so that the days
before an instant hold nothing that was known later.
"""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total
from crivo.lake.table import RECEIVED_DAY

_PAYER: Final = {"day": RECEIVED_DAY, "account_id": "payer_id"}
_PAYEE: Final = {"day": RECEIVED_DAY, "account_id": "payee_id"}
_SENT: Final = (count("sent"), total("sent_centavos", "amount_centavos"))
_RECEIVED: Final = (count("received"), total("received_centavos", "amount_centavos"))

GOLD: Final = Gold(
    "gold.account_receipts",
    keys=(Column("day", Kind.DATE), Column("account_id", Kind.BYTES)),
    measured=integers(
        "sent", "sent_centavos", "received", "received_centavos", "claimed", "accepted"
    ),
    parts=(
        Part("silver.transfer", _PAYER, _SENT),
        Part("silver.transfer", _PAYEE, _RECEIVED),
        # What was decided in place is the attempt itself.
        Part("silver.decision", _PAYER, _SENT, where={"in_place": True}),
        Part("silver.decision", _PAYEE, _RECEIVED, where={"in_place": True}),
        Part(
            "silver.report",
            _PAYEE,
            (
                count("claimed", {"status": "CLAIMED"}),
                count("accepted", {"status": "ACCEPTED"}),
            ),
        ),
    ),
)
