"""A stream as long as one asks for, part by part from a seed: memory holds a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.features.row import EVENT_ROW, RowKind
from tests.parity.streams import START

PART_ROWS = 50_000
ACCOUNTS = 100_000
INSTITUTIONS = 40
#: Receipts lie this far apart on average: a million of them make some twelve days.
STEP = SECOND

Rows = np.ndarray[Any, Any]


def parts(count: int, seed: int) -> Iterator[Rows]:
    """`count` rows in the order of the log: ties, delays, late ones, reports, a hot payee."""
    now = START
    for number, start in enumerate(range(0, count, PART_ROWS)):
        part = _part(min(PART_ROWS, count - start), np.random.default_rng([seed, number]), now)
        part["event_0"] = np.arange(start, start + len(part))
        now = int(part["received_at"][-1])
        yield part


def _part(count: int, dice: np.random.Generator, now: int) -> Rows:
    rows = np.zeros(count, dtype=EVENT_ROW)
    rows["received_at"] = now + np.cumsum(dice.integers(0, 2 * STEP, count) // 1_000 * 1_000)
    delays = [0, 0, 0, 0, 1, 30 * SECOND, 20 * MINUTE, HOUR, HOUR + 1, 3 * HOUR]
    ahead = np.where(dice.random(count) < 0.02, dice.integers(0, MINUTE, count), 0)
    rows["occurred_at"] = rows["received_at"] - dice.choice(delays, count) + ahead
    is_report = dice.random(count) < 0.05
    rows["kind"] = np.where(is_report, RowKind.REPORT, RowKind.TRANSFER)
    rows["occurred_at"][is_report] = rows["received_at"][is_report]
    rows["amount_centavos"] = np.clip(dice.lognormal(8.9, 1.5, count), 1, 10**11)
    # Half of the accounts' activity is that of a tenth of them; account 0 is paid by everybody.
    payer = _accounts(dice, count)
    payee = np.where(dice.random(count) < 0.02, 0, _accounts(dice, count))
    payee = np.where(dice.random(count) < 0.5, (payer * 7 + payee % 5) % ACCOUNTS, payee)
    for name, account in (("payer", payer), ("payee", payee)):
        rows[f"{name}_0"] = account.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        rows[f"{name}_1"] = account + 1
    rows["initiation"] = dice.integers(-1, 4, count)
    rows["purpose"] = -1
    rows["accepted"] = np.where(is_report, dice.integers(0, 2, count), -1)
    # One payer in ten has two devices, some say none; institutions are few.
    device = np.where(dice.random(count) < 0.01, 0, 2 * payer + (dice.random(count) < 0.1) + 1)
    rows["device_0"] = np.where(is_report, 0, device)
    rows["payer_ispb"] = np.where(is_report, -1, payer % INSTITUTIONS + 1)
    rows["payee_ispb"] = np.where(is_report, -1, payee % INSTITUTIONS + 1)
    return rows


def _accounts(dice: np.random.Generator, count: int) -> Any:
    busy = dice.random(count) < 0.5
    return np.where(
        busy, dice.integers(1, ACCOUNTS // 10, count), dice.integers(1, ACCOUNTS, count)
    )
