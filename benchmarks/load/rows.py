"""Event rows made from a seed, as many as asked for, without one Python object a row."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.features.row import ABSENT, EVENT_ROW, RowKind

ACCOUNTS: Final = 50_000
TRANSFERS_PER_ACCOUNT_DAY: Final = 1.0
REPORTED_SHARE: Final = 0.003
KNOWN_PAYEES: Final = 6
INSTITUTION: Final = int.from_bytes(b"00000000", "little")
FIRST_DAY: Final = 20_500 * DAY


def event_rows(count: int, *, seed: int) -> NDArray[np.void]:
    """`count` rows in log order: transfers with a daily rhythm and habits, and late reports.

    Payers are drawn with a long tail; four of five payees are among the payer's known ones;
    amounts are log-normal; receipts follow within seconds; reports come days later.
    """
    dice = np.random.default_rng(seed)
    reports = int(count * REPORTED_SHARE)
    transfers = count - reports
    days = transfers / (ACCOUNTS * TRANSFERS_PER_ACCOUNT_DAY)
    rows = np.zeros(count, EVENT_ROW)
    hours = dice.triangular(0.0, 15.0, 24.0, transfers)
    day = np.floor(dice.random(transfers) * max(days, 1.0)).astype(np.int64)
    occurred = FIRST_DAY + day * DAY + (hours * HOUR).astype(np.int64)
    payer = _long_tailed(dice, transfers)
    known = (payer * 31 + dice.integers(0, KNOWN_PAYEES, transfers) * 977 + 1) % ACCOUNTS
    strange = (_long_tailed(dice, transfers) * 7919 + 1) % ACCOUNTS
    payee = np.where(dice.random(transfers) < 0.8, known, strange)

    head = rows[:transfers]
    head["kind"] = RowKind.TRANSFER.value
    head["occurred_at"] = occurred
    head["received_at"] = occurred + (dice.exponential(0.3, transfers) * SECOND).astype(np.int64)
    head["amount_centavos"] = np.clip(dice.lognormal(8.9, 1.3, transfers), 1, 10**9)
    head["initiation"] = dice.integers(0, 4, transfers)
    head["purpose"] = 0
    head["accepted"] = ABSENT
    # A payer has a device, some two; institutions are few, and large ones hold most accounts.
    device = payer * 2 + (dice.random(transfers) < 0.1)
    head["device_0"], head["device_1"] = spread(device + 10**9), spread(device + 2 * 10**9)
    head["payer_ispb"] = INSTITUTION + payer % 7 * (payer % 3)
    head["payee_ispb"] = INSTITUTION + payee % 7 * (payee % 3)
    for name, account in (("payer", payer), ("payee", payee)):
        # Two words spread over all 128 bits, as pseudonyms are.
        head[f"{name}_0"] = spread(account)
        head[f"{name}_1"] = spread(account + ACCOUNTS)

    chosen = dice.integers(0, transfers, reports)
    tail = rows[transfers:]
    tail[:] = head[chosen]
    known_at = head["received_at"][chosen] + (dice.exponential(3.0, reports) * DAY).astype(np.int64)
    tail["kind"] = RowKind.REPORT.value
    tail["occurred_at"] = known_at
    tail["received_at"] = known_at
    tail["initiation"] = ABSENT
    tail["device_0"] = tail["device_1"] = 0
    tail["payer_ispb"] = tail["payee_ispb"] = ABSENT
    tail["purpose"] = ABSENT
    tail["accepted"] = dice.random(reports) < 0.7
    rows["event_0"] = spread(np.arange(count))
    rows["event_1"] = spread(np.arange(count) + count)
    return rows[np.argsort(rows["received_at"], kind="stable")]


def _long_tailed(dice: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Accounts of which the busiest are some ten times as busy as the middle one."""
    return (dice.pareto(1.5, count) * ACCOUNTS / 10).astype(np.int64) % ACCOUNTS


def spread(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One word a number, spread over all 64 bits; equal numbers give equal words."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
