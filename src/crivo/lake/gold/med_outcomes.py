"""Outcomes of the special return mechanism (report 7): counts and centavos by day of the transfer.

`transfers` stands beside them, since the regulator asks for contested ones in 100,000.
"""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, integers, total

_DAY: Final = {"day": "transfer_day"}

GOLD: Final = Gold(
    "gold.med_outcomes",
    keys=(Column("day", Kind.DATE),),
    measured=integers(
        *("transfers", "amount_centavos", "contested", "contested_centavos", "agreed", "disagreed"),
        *("refunded_fully", "refunded_partly", "refund_rejected", "refunded_centavos"),
        *("rejected_no_balance", "rejected_account_closure"),
        *("blocked", "blocked_centavos", "released_centavos", "returned_centavos", "marked"),
    ),
    parts=(
        Part(
            "gold.volumes_hourly",
            {"day": "day"},
            (total("transfers", "transfers"), total("amount_centavos", "amount_centavos")),
        ),
        Part(
            "silver.infraction_report",
            _DAY,
            (
                count("contested", {"status": "OPEN"}),
                total("contested_centavos", "amount_centavos", {"status": "OPEN"}),
                count("agreed", {"analysis": "AGREED"}),
                count("disagreed", {"analysis": "DISAGREED"}),
            ),
        ),
        Part(
            "silver.refund",
            _DAY,
            (
                count("refunded_fully", {"result": "TOTALLY_ACCEPTED"}),
                count("refunded_partly", {"result": "PARTIALLY_ACCEPTED"}),
                count("refund_rejected", {"result": "REJECTED"}),
                total("refunded_centavos", "refunded_centavos"),
                count("rejected_no_balance", {"rejection": "NO_BALANCE"}),
                count("rejected_account_closure", {"rejection": "ACCOUNT_CLOSURE"}),
            ),
        ),
        Part(
            "silver.precautionary_block",
            _DAY,
            (
                count("blocked", {"status": "PLACED"}),
                total("blocked_centavos", "blocked_centavos", {"status": "PLACED"}),
                total("released_centavos", "blocked_centavos", {"status": "RELEASED"}),
                total("returned_centavos", "blocked_centavos", {"status": "RETURNED"}),
            ),
        ),
        Part("silver.fraud_marker", _DAY, (count("marked"),)),
    ),
)
