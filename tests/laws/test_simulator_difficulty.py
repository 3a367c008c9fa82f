"""No raw field alone finds fraud: average precision at most 0.2 at a prevalence of 0.5 %."""

from __future__ import annotations

import numpy as np

from crivo.simulator.people import account_institutions
from crivo.simulator.rhythm import hours_of
from tests.unit.simulator.worlds import medium_rows, medium_world

LIMIT = 0.2


def average_precision(is_fraud: np.ndarray, scores: np.ndarray) -> float:
    """The mean precision at each fraud, in order of falling score; ties count as one step."""
    _, place = np.unique(-scores, return_inverse=True)
    frauds = np.bincount(place, weights=is_fraud)
    precision = np.cumsum(frauds) / np.cumsum(np.bincount(place))
    return float((precision * frauds).sum() / frauds.sum())


def best_of_field(is_fraud: np.ndarray, values: np.ndarray) -> float:
    """The best of ranking by the value, by its reverse, and by the reported rate of each value.

    The rates are those of the first half as known at its end, and are judged on the second half.
    """
    rows = medium_rows()
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


def fields() -> dict[str, np.ndarray]:
    rows, town = medium_rows(), medium_world().town
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
        "payer_ispb": account_institutions(town, rows["payer"]),
        "payee_ispb": account_institutions(town, rows["payee"]),
    }


def test_no_raw_field_alone_finds_fraud():
    is_fraud = medium_rows()["typology"] >= 0
    found = {name: best_of_field(is_fraud, values) for name, values in fields().items()}
    assert {name: score for name, score in found.items() if score > LIMIT} == {}


def test_sabotage_a_field_that_betrays_fraud_is_noticed():
    is_fraud = medium_rows()["typology"] >= 0
    assert best_of_field(is_fraud, is_fraud * 5 + medium_rows()["initiation"] % 2) > LIMIT
    assert best_of_field(is_fraud, np.where(is_fraud, 77, medium_rows()["payer"] % 50)) > LIMIT
