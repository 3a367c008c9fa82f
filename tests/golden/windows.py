"""Windows worked out by hand: what was before a transfer, and the numbers a person finds.

The instant asked at, T, is 2026-07-21 08:15 in Brasília, a Tuesday. It was chosen as an edge of
the tiles of both long windows: 7 days have 128 tiles of 4,725 s, 30 days 128 tiles of 20,250 s, and
1,784,632,500 s since 1970 are 377,700 of the former and 88,130 of the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.features.row import ABSENT, EVENT_ROW, RowKind

T = 1_784_632_500 * SECOND
TILE_7D = 4_725 * SECOND
TILE_30D = 20_250 * SECOND
#: 20 h of the evening before in Brasília (23 h UTC), and 6 h of that day.
EVENING = T - 12 * HOUR - 15 * MINUTE
MORNING = T - 26 * HOUR - 15 * MINUTE
ANA, BIA, CAIO = 1, 2, 3


@dataclass(frozen=True)
class Paid:
    """A transfer; `reais` are whole, `delay` lies between its instant and its receipt.

    `device` 0 is none that was told of, and `bank` is the payee's.
    """

    at: int
    payer: int = ANA
    payee: int = BIA
    reais: int = 10
    delay: int = 0
    device: int = 0
    bank: int = ABSENT


@dataclass(frozen=True)
class Said:
    """A report about a transfer of payer and payee, at the instant it was known."""

    at: int
    payer: int = ANA
    payee: int = BIA
    accepted: bool = True
    reais: int = 10


@dataclass(frozen=True)
class Case:
    """Events in the order of the log, the transfer asked about, and what must be found.

    `flags` is of {"LATE", "BEHIND"}. A feature that is not named is not looked at.
    """

    title: str
    asked: Paid
    before: tuple[Paid | Said, ...]
    found: Mapping[str, float | None]
    flags: frozenset[str] = field(default_factory=frozenset)


def rows(events: tuple[Paid | Said, ...]) -> np.ndarray[Any, Any]:
    """The events as rows, each with an id of its own; a column that is not named has nothing."""
    made = np.zeros(len(events), EVENT_ROW)
    for name in ("initiation", "purpose", "accepted", "payer_ispb", "payee_ispb"):
        made[name] = ABSENT
    for number, event in enumerate(events):
        row = made[number]
        row["occurred_at"] = row["received_at"] = event.at
        row["payer_0"], row["payee_0"], row["event_0"] = event.payer, event.payee, number
        row["amount_centavos"] = 100 * event.reais
        if isinstance(event, Paid):
            row["kind"] = RowKind.TRANSFER
            row["received_at"] += event.delay
            row["device_0"], row["payee_ispb"] = event.device, event.bank
        else:
            row["kind"] = RowKind.REPORT
            row["accepted"] = int(event.accepted)
    return made


CASES = (
    Case(
        "nobody has done anything before",
        Paid(T, reais=45),
        (),
        {
            "transfer_amount_value_now": 4_500.0,
            "transfer_hour_value_now": 8.0,
            "transfer_weekday_value_now": 1.0,
            "transfer_night_value_now": 0.0,
            "payer_transfer_count_1h": 0.0,
            "payer_transfer_count_30d": 0.0,
            "payer_amount_sum_24h": 0.0,
            "payer_amount_mean_7d": None,
            "payer_amount_ratio_30d": None,
            "payer_transfer_since_first_ever": None,
            "payer_transfer_since_last_24h": None,
            "payee_report_count_30d_where_accepted": 0.0,
            "payee_report_per_transfer_30d_where_accepted": None,
            "pair_transfer_count_30d": 0.0,
        },
    ),
    Case(
        "R$ 60 to Bia 25 h ago, R$ 20 to Caio 2 h ago, R$ 10 to Bia half an hour ago; now R$ 45",
        Paid(T, reais=45),
        (
            Paid(T - 25 * HOUR, reais=60),
            Paid(T - 2 * HOUR, payee=CAIO, reais=20),
            Paid(T - 30 * MINUTE, reais=10),
        ),
        {
            "payer_transfer_count_1h": 1.0,
            "payer_transfer_count_24h": 2.0,
            "payer_transfer_count_7d": 3.0,
            "payer_transfer_count_30d": 3.0,
            "payer_amount_sum_24h": 3_000.0,  # 20 + 10
            "payer_amount_mean_7d": 3_000.0,  # (60 + 20 + 10) / 3
            "payer_amount_mean_30d": 3_000.0,
            "payer_amount_ratio_7d": 1.5,  # 45 / 30
            "payer_amount_ratio_30d": 1.5,
            "payer_transfer_since_last_24h": 1_800.0,
            "payer_transfer_since_first_ever": 90_000.0,  # 25 h
            "payer_amount_sum_1h": 1_000.0,
            "payer_amount_sum_30d": 9_000.0,  # 60 + 20 + 10
            "payee_amount_sum_24h": 1_000.0,
            "payee_transfer_count_24h": 1.0,
            "payee_transfer_count_7d": 2.0,
            "payee_amount_mean_7d": 3_500.0,  # (60 + 10) / 2
            "payee_amount_ratio_30d": 9.0 / 7.0,  # 45 / 35
            "pair_transfer_count_30d": 2.0,
            "pair_transfer_since_first_ever": 90_000.0,
        },
    ),
    Case(
        "what Bia paid is none of Bia's receipts",
        Paid(T),
        (Paid(T - HOUR, payer=BIA, payee=CAIO),),
        {"payee_transfer_count_24h": 0.0, "payer_transfer_count_24h": 0.0},
    ),
    Case(
        "exactly an hour ago is out, a microsecond less is in, the same instant is out",
        Paid(T),
        (Paid(T - HOUR), Paid(T - HOUR + 1), Paid(T - 1), Paid(T)),
        {"payer_transfer_count_1h": 2.0, "payer_transfer_count_24h": 3.0},
    ),
    Case(
        "exactly 24 h ago is out, a microsecond less is in",
        Paid(T),
        (Paid(T - 24 * HOUR, reais=1), Paid(T - 24 * HOUR + 1, reais=2)),
        {
            "payer_transfer_count_24h": 1.0,
            "payer_amount_sum_24h": 200.0,
            "payer_transfer_since_last_24h": (86_400 * SECOND - 1) / SECOND,
        },
    ),
    Case(
        "7 days begin with the first tile that starts after T − 7 d",
        Paid(T),
        (Paid(T - 7 * DAY), Paid(T - 7 * DAY + TILE_7D - 1), Paid(T - 7 * DAY + TILE_7D)),
        {"payer_transfer_count_7d": 1.0, "payer_transfer_count_30d": 3.0},
    ),
    Case(
        "a microsecond before an edge, the tile that starts at T − 7 d still counts",
        Paid(T - 1),
        (Paid(T - 7 * DAY - 1), Paid(T - 7 * DAY), Paid(T - 7 * DAY + TILE_7D)),
        {"payer_transfer_count_7d": 2.0},
    ),
    Case(
        "30 days begin with the first tile that starts after T − 30 d",
        Paid(T),
        (Paid(T - 30 * DAY), Paid(T - 30 * DAY + TILE_30D - 1), Paid(T - 30 * DAY + TILE_30D)),
        {"payer_transfer_count_30d": 1.0, "payee_transfer_count_30d": 1.0},
    ),
    Case(
        "received an hour later is in time",
        Paid(T),
        (Paid(T - 2 * HOUR, delay=HOUR),),
        {"payer_transfer_count_24h": 1.0, "payer_transfer_since_first_ever": 7_200.0},
    ),
    Case(
        "received a microsecond later than that is late, and is not inserted",
        Paid(T),
        (Paid(T - 2 * HOUR, delay=HOUR + 1),),
        {"payer_transfer_count_24h": 0.0, "payer_transfer_since_first_ever": None},
    ),
    Case("asked at the hour: not late", Paid(T, delay=HOUR), (), {}),
    Case("asked after the hour: late", Paid(T, delay=HOUR + 1), (), {}, frozenset({"LATE"})),
    Case(
        "first seen 399 days ago",
        Paid(T),
        (Paid(T - 399 * DAY),),
        {"payer_transfer_since_first_ever": 399 * 86_400.0, "payer_transfer_count_30d": 0.0},
    ),
    Case(
        "first seen 401 days ago reads as 400",
        Paid(T),
        (Paid(T - 401 * DAY),),
        {
            "payer_transfer_since_first_ever": 400 * 86_400.0,
            "payee_transfer_since_first_ever": 400 * 86_400.0,
            "pair_transfer_since_first_ever": 400 * 86_400.0,
        },
    ),
    Case(
        "two transfers, one accepted report, one claim, and a report known only now",
        Paid(T),
        (
            Paid(T - 5 * HOUR),
            Paid(T - 4 * HOUR),
            Said(T - 2 * HOUR),
        )
        + (Said(T - HOUR, accepted=False), Said(T)),
        {
            "payee_report_count_24h_where_accepted": 1.0,
            "payee_report_per_transfer_24h_where_accepted": 0.5,
            "payee_report_per_transfer_30d_where_accepted": 0.5,
            "payer_report_count_7d_where_accepted": 1.0,
        },
    ),
    Case(
        "the night is from 20 h to 6 h in Brasília",
        Paid(T),
        (Paid(MORNING - 1), Paid(MORNING), Paid(EVENING - 1), Paid(EVENING)),
        {"payer_transfer_count_30d_where_night": 2.0, "payer_transfer_count_30d": 4.0},
    ),
    Case(
        "20 h is night",
        Paid(EVENING),
        (),
        {
            "transfer_night_value_now": 1.0,
            "transfer_hour_value_now": 20.0,
            "transfer_weekday_value_now": 0.0,
        },
    ),
    Case(
        "a key that is 2 h ahead is read 61 minutes before its newest event",
        Paid(T, delay=2 * HOUR, payee=CAIO),
        (
            Paid(T - MINUTE),
            Paid(T + 58 * MINUTE + 30 * SECOND),
            Paid(T + 59 * MINUTE + 30 * SECOND),
            Paid(T + 2 * HOUR),
        ),
        {
            "payer_transfer_count_1h": 1.0,  # read at T + 59 min, whose hour begins at T − 1 min
            "payer_transfer_count_24h": 2.0,
            "payer_transfer_since_last_24h": 30.0,
        },
        frozenset({"LATE", "BEHIND"}),
    ),
)
