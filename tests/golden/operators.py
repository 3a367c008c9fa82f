"""Operators beyond counts, sums and means, worked out by hand; instants and people as in `windows`.

R$ 10 and R$ 30 have a mean of R$ 20 and deviate from it by R$ 10 each: that is their deviation.
"""

from __future__ import annotations

from typing import Final

from crivo.domain.instant import DAY, HOUR, MINUTE
from tests.golden.windows import ANA, BIA, CAIO, EVENING, Case, Paid, T

DORA: Final = 4
PHONE, TABLET = 7, 8
ONE_BANK, OTHER_BANK = 1, 2
MIDNIGHT = T - 8 * HOUR - 15 * MINUTE

CASES = (
    Case(
        "R$ 10 and R$ 30 before; now R$ 45",
        Paid(T, reais=45),
        (Paid(T - 2 * HOUR, reais=10), Paid(T - HOUR, reais=30)),
        {
            "payer_amount_std_30d": 1_000.0,
            "payer_amount_z_score_24h": 2.5,  # (45 − 20) / 10
            "payer_amount_z_score_30d": 2.5,
            "payer_amount_ratio_24h": 2.25,  # 45 / 20
            "payer_amount_last_24h": 3_000.0,
            "payee_amount_std_30d": 1_000.0,
            "payee_amount_z_score_30d": 2.5,
        },
    ),
    Case(
        "what never differed has no deviation to measure by",
        Paid(T, reais=45),
        (Paid(T - 2 * HOUR), Paid(T - HOUR)),
        {
            "payer_amount_std_30d": 0.0,
            "payer_amount_z_score_24h": None,
            "payer_amount_ratio_24h": 4.5,
            "payee_amount_z_score_30d": None,
        },
    ),
    Case(
        "the weight halves with each three hours of a day",
        Paid(T),
        (
            Paid(T - 24 * HOUR, reais=500),  # out
            Paid(T - 23 * HOUR, reais=128),  # the eighth part: 1/128
            Paid(T - 3 * HOUR, reais=20),  # exactly three hours: the second part, 1/2
            Paid(T - 3 * HOUR + 1, reais=10),  # the first
        ),
        {
            "payer_transfer_decayed_count_24h": 1.5078125,  # 1 + 1/2 + 1/128
            "payer_amount_decayed_sum_24h": 2_100.0,  # 1000 + 2000/2 + 12800/128
            "payee_transfer_decayed_count_24h": 1.5078125,
        },
    ),
    Case(
        "of four: one on a Saturday, one at night, two of R$ 200 or more",
        Paid(T),
        (
            Paid(T - 3 * DAY),
            Paid(EVENING, reais=300),
            Paid(T - 2 * HOUR, reais=200),
            Paid(T - HOUR, reais=199),
        ),
        {
            "payer_transfer_share_30d_where_weekend": 0.25,
            "payer_transfer_share_30d_where_night": 0.25,
            "payer_transfer_share_30d_where_large": 0.5,
            "payer_transfer_share_30d_where_by_hand": 0.0,  # nobody told how they began
            "payee_transfer_share_30d_where_night": 0.25,
            "payee_transfer_share_30d_where_large": 0.5,
        },
    ),
    Case(
        "of none there is no share",
        Paid(T),
        (),
        {"payer_transfer_share_30d_where_night": None, "payee_amount_pass_through_7d": None},
    ),
    Case(
        "three were paid, two of them today, one of those twice",
        Paid(T),
        (
            Paid(T - 10 * DAY, payee=DORA),
            Paid(MIDNIGHT - 1, payee=CAIO),
            Paid(MIDNIGHT, payee=BIA),
            Paid(T - 30 * MINUTE, payee=CAIO),
            Paid(T - 10 * MINUTE, payee=BIA),
        ),
        {
            "payer_payee_distinct_1h": 2.0,
            "payer_payee_distinct_today": 2.0,
            "payer_payee_distinct_24h": 2.0,
            "payer_payee_distinct_30d": 3.0,
            "payer_new_pair_count_24h": 2.0,
        },
    ),
    Case(
        "three paid Bia, two of them within the hour, one of those twice",
        Paid(T),
        (
            Paid(T - 3 * DAY, payer=DORA),
            Paid(T - 40 * MINUTE),
            Paid(T - 10 * MINUTE, payer=CAIO),
            Paid(T - 5 * MINUTE, payer=CAIO),
        ),
        {
            "payee_payer_distinct_1h": 2.0,
            "payee_payer_distinct_24h": 2.0,
            "payee_payer_distinct_7d": 3.0,
            "payee_payer_distinct_30d": 3.0,
            "payee_new_pair_count_24h": 2.0,
            "payee_new_pair_count_7d": 3.0,
        },
    ),
    Case(
        "two telephones in a month, one today that Caio uses too, at two banks",
        Paid(T, device=PHONE, bank=ONE_BANK),
        (
            Paid(T - 2 * DAY, device=TABLET, bank=OTHER_BANK),
            Paid(T - 2 * HOUR, device=PHONE, bank=ONE_BANK),
            Paid(T - HOUR, payer=CAIO, device=PHONE, bank=OTHER_BANK),
        ),
        {
            "payer_device_distinct_24h": 1.0,
            "payer_device_distinct_30d": 2.0,
            "device_payer_distinct_24h": 2.0,
            "device_payer_distinct_30d": 2.0,
            "payer_institution_distinct_30d": 2.0,
        },
    ),
    Case(
        "today begins with midnight itself; by day there is no night",
        Paid(T),
        (Paid(MIDNIGHT - 1, reais=1), Paid(MIDNIGHT, reais=2)),
        {
            "payer_transfer_count_today": 1.0,
            "payer_amount_sum_today": 200.0,
            "payer_transfer_count_own_night": None,
            "payer_amount_sum_own_night": None,
        },
    ),
    Case(
        "tonight begins with 20 h itself",
        Paid(EVENING + 2 * HOUR),
        (Paid(EVENING - 1, reais=1), Paid(EVENING, reais=2)),
        {"payer_transfer_count_own_night": 1.0, "payer_amount_sum_own_night": 200.0},
    ),
    Case(
        "an hour past midnight it is another day and the same night",
        Paid(EVENING + 5 * HOUR),
        (Paid(EVENING, reais=2),),
        {
            "payer_transfer_count_own_night": 1.0,
            "payer_amount_sum_own_night": 200.0,
            "payer_transfer_count_today": 0.0,
        },
    ),
    Case(
        "Bia was paid R$ 100 and R$ 20 and paid R$ 80; Ana was paid R$ 50 and paid R$ 20",
        Paid(T),
        (
            Paid(T - 3 * HOUR, payer=CAIO, reais=100),
            Paid(T - HOUR, payer=BIA, payee=CAIO, reais=80),
            Paid(T - 30 * MINUTE, payer=CAIO, payee=ANA, reais=50),
            Paid(T - 10 * MINUTE, reais=20),
        ),
        {
            "payee_amount_pass_through_24h": 2.0 / 3.0,  # 80 / 120
            "payee_amount_pass_through_7d": 2.0 / 3.0,
            "payer_amount_pass_through_24h": 0.4,  # 20 / 50
            "payee_sending_transfer_count_24h": 1.0,
            "payee_sending_amount_sum_24h": 8_000.0,
            "payee_sending_transfer_since_last_24h": 3_600.0,
            "payee_sending_transfer_since_first_ever": 3_600.0,
            "payee_sending_payee_distinct_24h": 1.0,
            "payer_receiving_transfer_count_24h": 1.0,
            "payer_receiving_amount_sum_24h": 5_000.0,
            "payer_receiving_transfer_since_last_24h": 1_800.0,
            "payer_receiving_payer_distinct_24h": 1.0,
            "pair_reversed_transfer_count_30d": 0.0,
        },
    ),
    Case(
        "Bia once paid Ana",
        Paid(T),
        (Paid(T - 20 * DAY, payer=BIA, payee=ANA),),
        {
            "pair_reversed_transfer_count_30d": 1.0,
            "payer_amount_pass_through_24h": None,
            "payee_amount_pass_through_24h": None,
        },
    ),
)
