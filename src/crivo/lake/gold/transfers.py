"""One row a transfer with all that is known of it: facts, decision, claims, what the rail did."""

from __future__ import annotations

from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part, count, greatest, integers, least, total

_KEYS: Final = {"day": "transfer_day", "end_to_end_id": "end_to_end_id"}
_FACTS: Final = (
    greatest("transfer_occurred_at"),
    greatest("hour", "transfer_hour"),
    greatest("amount_centavos"),
    greatest("payer_id"),
    greatest("payee_id"),
    greatest("payee_key_id"),
    greatest("payer_ispb"),
    greatest("payee_ispb"),
    greatest("initiation"),
)

GOLD: Final = Gold(
    "gold.transfers",
    keys=(Column("day", Kind.DATE), Column("end_to_end_id", Kind.TEXT)),
    measured=(
        *integers("transfer_occurred_at", "hour", "amount_centavos"),
        *(Column(name, Kind.BYTES) for name in ("payer_id", "payee_id", "payee_key_id")),
        *(Column(name, Kind.TEXT) for name in ("payer_ispb", "payee_ispb", "initiation")),
        *integers("decisions", "decided_at", "score"),
        *(Column(name, Kind.TEXT) for name in ("outcome", "degraded", "model")),
        *integers("reports", "accepted_reports", "first_reported_at", "first_accepted_at"),
        *integers("settled", "rejected", "returned_centavos"),
    ),
    parts=(
        Part("silver.transfer", _KEYS, _FACTS),
        # What was decided in place is the attempt itself.
        Part("silver.decision", _KEYS, _FACTS, where={"in_place": True}),
        Part(
            "silver.decision",
            _KEYS,
            (
                count("decisions"),
                least("decided_at", "received_at"),
                greatest("score"),
                greatest("outcome"),
                greatest("degraded"),
                greatest("model"),
            ),
            where={"phase": "initiation"},
        ),
        Part(
            "silver.report",
            _KEYS,
            (
                count("reports", {"status": "CLAIMED"}),
                count("accepted_reports", {"status": "ACCEPTED"}),
                # A report is known when it is received: that is when a label may be used.
                least("first_reported_at", "received_at"),
                least("first_accepted_at", "received_at", {"status": "ACCEPTED"}),
            ),
        ),
        Part(
            "silver.settlement",
            _KEYS,
            (
                count("settled", {"status": "SETTLED"}),
                count("rejected", {"status": "REJECTED"}),
                total("returned_centavos", "returned_centavos"),
            ),
        ),
    ),
)
