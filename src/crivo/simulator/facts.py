"""What happens in a campaign besides transfers: orders, look-ups, requests, limits, devices.

These are facts of the simulated world. What of them a bank sees, and as which event, is decided by
whoever reads them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.simulator.draws import Int64s
from crivo.simulator.rows import NONE

Facts = npt.NDArray[np.void]


class FactKind(IntEnum):
    """What happened to `account`."""

    SCHEDULED = 1  # ordered a transfer to `other` for a later day
    SCHEDULE_CANCELLED = 2  # took that order back
    KEYS_LOOKED_UP = 3  # asked the directory for `count` keys, `missing` of which do not exist
    AUTHORISATIONS_ASKED = 4  # `other` asked `count` payers for recurring debits
    AUTHORISATION_GRANTED = 5  # allowed `other` to debit
    LIMIT_ASKED = 6  # asked for a limit of `amount_centavos`
    LOAN_DISBURSED = 7  # was lent `amount_centavos`
    DEVICE_ADDED = 8  # a device was registered
    CREDENTIAL_RESET = 9  # the password was set anew
    LIMIT_REFUSED = 10  # tried to pay `amount_centavos` to `other` beyond the limit


FACT: Final = np.dtype(
    [
        ("occurred_at", "<i8"),  # instant, microseconds since 1970 UTC
        ("kind", "<i1"),  # a FactKind
        ("campaign", "<i4"),
        ("account", "<i8"),  # account number of the town
        ("other", "<i8"),  # the other account, or NONE
        ("amount_centavos", "<i8"),  # or 0
        ("count", "<i4"),
        ("missing", "<i4"),
    ]
)


def no_facts() -> Facts:
    """An empty table."""
    return np.zeros(0, dtype=FACT)


def make_facts(
    kind: FactKind,
    occurred_at: Int64s,
    accounts: Int64s | int,
    *,
    others: Int64s | int = NONE,
    amounts: Int64s | int = 0,
    counts: Int64s | int = 1,
    missing: Int64s | int = 0,
) -> Facts:
    """One fact of that kind for each instant; `campaign` is written by whoever plans."""
    facts = np.zeros(len(occurred_at), dtype=FACT)
    facts["kind"] = kind
    facts["campaign"] = NONE
    facts["occurred_at"] = occurred_at
    facts["account"] = accounts
    facts["other"] = others
    facts["amount_centavos"] = amounts
    facts["count"] = counts
    facts["missing"] = missing
    return facts
