"""The Fraud Detection Handbook's generator as published: a loop a customer, a data frame each.

    python -m benchmarks.peers.handbook TRANSACTIONS SEED

Its text ("Reproducible Machine Learning for Credit Card Fraud Detection", chapter 3.2, Le Borgne,
Siblini, Lebichot and Bontempi) makes frames of customers and of terminals, a frame of transactions
for each customer by `groupby` and `apply`, one frame of all of them in the order of time, and marks
three scenarios of fraud day by day. Written anew after it; no line is copied. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

import numpy as np

DAYS: Final = 30
PER_CUSTOMER_DAY: Final = 2.0
RADIUS: Final = 5.0
SECONDS: Final = 86_400


def transactions(count: int, *, seed: int) -> Any:
    """A pandas frame of about `count` transactions."""
    import pandas

    dice = np.random.default_rng(seed)
    size = max(1, int(count / (DAYS * PER_CUSTOMER_DAY)))
    customers = pandas.DataFrame(
        {
            "customer": range(size),
            "x": dice.uniform(0, 100, size),
            "y": dice.uniform(0, 100, size),
            "mean": dice.uniform(5, 100, size),
            "pace": dice.uniform(0, 2 * PER_CUSTOMER_DAY, size),
        }
    )
    terminals = dice.uniform(0, 100, (2 * size, 2))
    customers["within"] = customers.apply(lambda row: _within(row, terminals), axis=1)
    of_each = customers.groupby("customer", group_keys=False)[list(customers.columns)]
    made = of_each.apply(lambda rows: _of_customer(rows.iloc[0]))
    made = made.sort_values("second").reset_index(drop=True)
    return _with_frauds(made, size, len(terminals), dice)


def _within(row: Any, terminals: np.ndarray[Any, Any]) -> list[int]:
    squares = np.square(np.array([row.x, row.y], dtype=float) - terminals)
    return np.flatnonzero(np.sqrt(squares.sum(axis=1)) < RADIUS).tolist()


def _of_customer(profile: Any) -> Any:
    import pandas

    own = np.random.default_rng(int(profile.customer))
    rows = []
    for day in range(DAYS):
        for _ in range(int(own.poisson(profile.pace))):
            second = int(own.normal(SECONDS / 2, 20_000))
            if not (0 < second < SECONDS and profile.within):
                continue
            amount = own.normal(profile["mean"], profile["mean"] / 2)
            if amount < 0:
                amount = own.uniform(0, 2 * profile["mean"])
            terminal = profile.within[int(own.integers(len(profile.within)))]
            rows.append([day * SECONDS + second, day, profile.customer, terminal, round(amount, 2)])
    return pandas.DataFrame(rows, columns=["second", "day", "customer", "terminal", "amount"])


def _with_frauds(made: Any, customers: int, terminals: int, dice: np.random.Generator) -> Any:
    made["fraud"] = made["amount"] > 220
    for day in range(DAYS):
        taken = dice.choice(terminals, size=min(2, terminals), replace=False)
        when = made["day"].between(day, day + 27)
        made.loc[when & made["terminal"].isin(taken), "fraud"] = True
        leaked = dice.choice(customers, size=min(3, customers), replace=False)
        when = made["day"].between(day, day + 13)
        some = made.index[when & made["customer"].isin(leaked)]
        third = dice.choice(some, size=len(some) // 3, replace=False)
        made.loc[third, "amount"] *= 5
        made.loc[third, "fraud"] = True
    return made


def main(count: int, seed: int) -> None:
    """Prints the processor seconds that it took, and of how many transactions and frauds."""
    import pandas

    begun = time.process_time()
    made = transactions(count, seed=seed)
    found = {
        "seconds": time.process_time() - begun,
        "transactions": len(made),
        "frauds": int(made["fraud"].sum()),
        "version": pandas.__version__,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
