"""What the two sides of transfers are told by, whoever the sides are: accounts, institutions."""

from __future__ import annotations

from typing import Final

from crivo.lake.measure import Measure, count, total

SENT: Final[tuple[Measure, ...]] = (
    count("sent"),
    total("sent_centavos", "amount_centavos"),
    total("sent_reports", "reports"),
)
RECEIVED: Final[tuple[Measure, ...]] = (
    count("received"),
    total("received_centavos", "amount_centavos"),
    total("received_reports", "reports"),
    total("received_accepted_reports", "accepted_reports"),
)

#: The columns that both of them make.
SIDES: Final[tuple[str, ...]] = tuple(measure.name for measure in (*SENT, *RECEIVED))
