"""Small tables that look like the public ones: their columns, types and clocks, made of a seed.

Their frauds can be learnt, so that what is trained on them can be judged; nothing else about them
is true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def handbook(rows: int, *, seed: int = 5, days: int = 24) -> pa.Table:
    """The Fraud Detection Handbook's raw table: some terminals are bad, some amounts too high."""
    dice = np.random.default_rng(seed)
    seconds = np.sort(dice.choice(days * 86_400, rows, replace=False))
    first = datetime(2018, 4, 1)  # the file's times name no zone
    amount = np.round(dice.lognormal(3, 1, rows), 2)
    terminal = dice.integers(0, 20, rows)
    high, bad = amount > 150, (terminal < 3) & (dice.random(rows) < 0.7)
    fraud = high | bad
    return pa.table(
        {
            "TRANSACTION_ID": np.arange(rows),
            "TX_DATETIME": [first + timedelta(seconds=int(second)) for second in seconds],
            "CUSTOMER_ID": dice.integers(0, max(rows // 60, 9), rows),
            # Terminals have numbers that customers have too, as in the public table.
            "TERMINAL_ID": terminal,
            "TX_AMOUNT": amount,
            "TX_TIME_SECONDS": seconds,
            "TX_TIME_DAYS": seconds // 86_400,
            "TX_FRAUD": fraud.astype(np.int64),
            "TX_FRAUD_SCENARIO": np.where(high, 1, np.where(bad, 2, 0)),
        }
    )


def ulb(rows: int, *, seed: int = 5) -> pa.Table:
    """ULB's card rows of two days: components, an amount, and the weights of a sample."""
    dice = np.random.default_rng(seed)
    components = dice.normal(size=(rows, 28))
    amount = np.round(dice.lognormal(3, 1, rows), 2)
    risk = 2 * components[:, 13] - components[:, 16] - 5.5
    fraud = dice.random(rows) < 1 / (1 + np.exp(-risk))
    return pa.table(
        {
            "Time": np.sort(dice.integers(0, 2 * 86_400, rows)).astype(np.float64),
            **{f"V{number}": components[:, number - 1] for number in range(1, 29)},
            "Amount": amount,
            "Class": fraud.astype(np.int64),
            "origin": np.where(np.arange(rows) % 5 == 0, "holdout20", "sample"),
            "weight": np.where(fraud, 1.0, 3.6),
        }
    )


def paysim(rows: int, *, seed: int = 5) -> pa.Table:
    """PaySim's month of mobile money: hours, kinds, balances; frauds empty an account."""
    dice = np.random.default_rng(seed)
    kinds = np.array(["PAYMENT", "TRANSFER", "CASH_OUT", "CASH_IN", "DEBIT"])
    kind = kinds[dice.integers(0, len(kinds), rows)]
    before = np.round(dice.lognormal(9, 1, rows), 2)
    fraud = (kind == "TRANSFER") & (dice.random(rows) < 0.15)
    amount = np.where(fraud, before, np.round(before * dice.uniform(0.01, 0.3, rows), 2))
    # A mule is paid again and again; the other payees are many.
    payee = np.where(fraud, dice.integers(0, 8, rows), dice.integers(0, rows // 10, rows))
    return pa.table(
        {
            "step": np.sort(dice.integers(1, 744, rows)),
            "type": kind,
            "amount": amount,
            "nameOrig": [f"C{number}" for number in dice.integers(0, rows // 5, rows)],
            "oldbalanceOrg": before,
            "newbalanceOrig": np.round(before - amount, 2),
            "nameDest": [f"M{number}" for number in payee],
            "oldbalanceDest": np.zeros(rows),
            "newbalanceDest": amount,
            "isFraud": fraud.astype(np.int64),
            "isFlaggedFraud": np.zeros(rows, np.int64),
        }
    )


#: By the name of its mapping in `mappings/`.
LAYOUTS: Mapping[str, Callable[[int], pa.Table]] = {
    "handbook": handbook,
    "paysim": paysim,
    "ulb": ulb,
}


def write(table: pa.Table, path: Path) -> Path:
    """The table as a file of the path's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".parquet":
            pyarrow.parquet.write_table(table, path)
        case ".csv":
            pyarrow.csv.write_csv(table, path)
    return path
