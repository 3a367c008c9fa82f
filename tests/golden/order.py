"""Amounts by their order, and exposure to marked accounts, worked out by hand.

People and instants are those of `windows.py`; D is a fourth person.
"""

from __future__ import annotations

from typing import Final

from crivo.domain.instant import DAY, HOUR, MINUTE
from tests.golden.windows import ANA, BIA, CAIO, Case, Paid, Said, T

DORA: Final = 4

CASES = (
    Case(
        "R$ 500 long ago, then R$ 10, R$ 30 and R$ 30; now R$ 30",
        Paid(T, reais=30),
        (
            Paid(T - 40 * DAY, reais=500),
            Paid(T - 3 * HOUR, reais=10),
            Paid(T - 2 * HOUR, reais=30),
            Paid(T - HOUR, reais=30),
        ),
        {
            "payer_amount_max_30d": 3_000.0,
            "payer_amount_max_ever": 50_000.0,
            "payer_amount_rank_30d": 2 / 3,  # one is less, two are equal: (2·1 + 2) / (2·3)
            "payee_amount_min_30d": 1_000.0,
            "payee_amount_max_30d": 3_000.0,
            "payee_amount_rank_30d": 2 / 3,
            "payee_amount_first_ever": 50_000.0,
        },
    ),
    Case(
        "who never paid, or was never paid, has no order",
        Paid(T, payer=CAIO, payee=DORA),
        (Paid(T - HOUR),),
        {
            "payer_amount_max_ever": None,
            "payer_amount_rank_30d": None,
            "payee_amount_min_30d": None,
            "payee_amount_first_ever": None,
        },
    ),
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
