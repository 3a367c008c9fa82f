"""No raw field alone finds fraud: average precision at most 0.2 at a prevalence of 0.5 %.

It is a law about how worlds are made, so it is the mean over some worlds: in one of them a single
large campaign may lie across the day at which the reported rates are read.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from crivo.simulator.people import Town, account_institutions
from crivo.simulator.rhythm import hours_of
from crivo.simulator.rows import DEVICE_SLOTS, Rows
from crivo.simulator.signals import Signal
from crivo.simulator.world import simulate
from tests.laws.average_precision import average_precision
from tests.unit.simulator.worlds import all_rows, medium_rows, medium_world

pytestmark = pytest.mark.slow

LIMIT = 0.2
SEEDS = (5, 6, 7, 8)


@cache
def worlds() -> list[tuple[Town, Rows]]:
    options = medium_world().options
    found = [simulate(replace(options, seed=seed)) for seed in SEEDS]
    return [(world.town, all_rows(world)) for world in found]


def best_of_field(rows: Rows, is_fraud: np.ndarray, values: np.ndarray) -> float:
    """The best of ranking by the value, by its reverse, and by the reported rate of each value.

    The rates are those of the first half as known at its end, and are judged on the second half.
    """
    half = len(values) // 2
    known = rows["accepted"] & (rows["settled_at"] < rows["occurred_at"][half])
    _, place = np.unique(values, return_inverse=True)
    seen = np.bincount(place[:half], minlength=place.max() + 1)
    bad = np.bincount(place[:half], weights=known[:half], minlength=place.max() + 1)
    rates = (bad + is_fraud.mean()) / (seen + 1)
    numbers = values.astype(np.float64)
    return max(
        average_precision(is_fraud, numbers),
        average_precision(is_fraud, -numbers),
        average_precision(is_fraud[half:], rates[place[half:]]),
    )


def hidden(numbers: np.ndarray) -> np.ndarray:
    """The numbers without their order, as the names in the tables are without it."""
    return numbers * 2_654_435_761 % 2**32


def fields(town: Town, rows: Rows) -> dict[str, np.ndarray]:
    hours = hours_of(rows["occurred_at"])
    days = (rows["occurred_at"] - 3 * 3_600_000_000) // 86_400_000_000
    return {
        "amount": rows["amount_centavos"],
        "centavos": rows["amount_centavos"] % 100,
        "hour": hours,
        "weekday": days % 7,
        "millisecond": rows["occurred_at"] // 1000 % 1000,
        "initiation": rows["initiation"],
        "purpose": rows["purpose"],
        "device_is_known": rows["device"] >= 0,
        "device": hidden(rows["device"]),
        "payer": hidden(rows["payer"]),
        "payee": hidden(rows["payee"]),
        "device_is_usual": rows["device"] == rows["payer"] * DEVICE_SLOTS,
        "device_is_another_accounts": rows["device"] // DEVICE_SLOTS != rows["payer"],
        "signals": rows["signals"],
        "signals_noticed": np.bitwise_count(rows["signals"]),
        **{signal.name or "": (rows["signals"] & int(signal)) > 0 for signal in Signal},
        "payer_ispb": account_institutions(town, rows["payer"]),
        "payee_ispb": account_institutions(town, rows["payee"]),
    }


def precisions() -> dict[str, float]:
    """For each field the mean over the worlds."""
    found = [
        {
            name: best_of_field(rows, rows["typology"] >= 0, values)
            for name, values in fields(town, rows).items()
        }
        for town, rows in worlds()
    ]
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]}


@pytest.mark.slow
def test_no_raw_field_alone_finds_fraud():
    assert {name: score for name, score in precisions().items() if score > LIMIT} == {}


def test_sabotage_a_field_that_betrays_fraud_is_noticed():
    rows = medium_rows()
    is_fraud = rows["typology"] >= 0
    assert best_of_field(rows, is_fraud, is_fraud * 5 + rows["initiation"] % 2) > LIMIT
    assert best_of_field(rows, is_fraud, np.where(is_fraud, 77, rows["payer"] % 50)) > LIMIT
