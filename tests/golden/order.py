"""Exposure to marked accounts, worked out by hand.

People and instants are those of `windows.py`; D is a fourth person.
"""

from __future__ import annotations

from typing import Final

from crivo.domain.instant import DAY, HOUR, MINUTE
from tests.golden.windows import ANA, BIA, CAIO, Case, Paid, Said, T

DORA: Final = 4

CASES = (
    Case(
        "Caio was reported; he paid Bia before, and Ana paid him after",
        Paid(T),
        (
            Paid(T - 3 * DAY, payer=CAIO, payee=BIA),
            Said(T - 2 * DAY, payer=DORA, payee=CAIO),
            Said(T - DAY, payer=DORA, payee=CAIO),
            Paid(T - HOUR, payer=ANA, payee=CAIO),
            Paid(T - MINUTE, payer=ANA, payee=CAIO),
        ),
        {
            "payer_exposure_count_ever": 1.0,
            "payer_exposure_count_30d": 1.0,
            "payer_receiving_exposure_count_ever": 0.0,
            "payee_exposure_count_ever": 1.0,
            "payee_exposure_count_30d": 1.0,
            "payee_sending_exposure_count_ever": 0.0,
            "payee_exposure_since_last_ever": 172_800.0,
        },
    ),
    Case(
        "a report that was refused marks nobody",
        Paid(T),
        (
            Paid(T - 3 * DAY, payer=CAIO, payee=BIA),
            Said(T - 2 * DAY, payer=DORA, payee=CAIO, accepted=False),
        ),
        {"payee_exposure_count_ever": 0.0, "payee_exposure_since_last_ever": None},
    ),
)
