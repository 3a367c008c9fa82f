"""Another simulator's published idea, written anew: the Fraud Detection Handbook's generator.

Its text ("Reproducible Machine Learning for Credit Card Fraud Detection", chapter 3.2, Le Borgne,
Siblini, Lebichot and Bontempi) describes customers and terminals on a plane, a loop over customers
and days with a Poisson number of transactions, times around noon, amounts around the customer's
mean, a terminal within reach, and three fraud scenarios. No line is copied. It keeps rows in lists
where the original makes a data frame a customer (`benchmarks/peers/handbook.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

_DAYS: Final = 30
_PER_CUSTOMER_DAY: Final = 2.0
_RADIUS: Final = 5.0
_SECONDS: Final = 86_400
_SUSPICIOUS_AMOUNT: Final = 220.0

#: (second, customer, terminal, amount, fraud or not)
HandbookRow = tuple[int, int, int, float, bool]


def handbook_rows(count: int, *, seed: int) -> list[HandbookRow]:
    """About `count` transactions in time order."""
    customers = max(1, int(count / (_DAYS * _PER_CUSTOMER_DAY)))
    dice = np.random.default_rng(seed)
    places = dice.uniform(0, 100, (customers, 2))
    terminals = dice.uniform(0, 100, (max(1, customers * 2), 2))
    means = dice.uniform(5, 100, customers)
    paces = dice.uniform(0, 2 * _PER_CUSTOMER_DAY, customers)
    rows: list[HandbookRow] = []
    for customer in range(customers):
        distance = np.sqrt(((terminals - places[customer]) ** 2).sum(axis=1))
        within = np.flatnonzero(distance < _RADIUS).tolist()
        if not within:
            continue
        own = np.random.default_rng(customer)
        mean = float(means[customer])
        for day in range(_DAYS):
            for _ in range(int(own.poisson(paces[customer]))):
                second = int(own.normal(_SECONDS / 2, 20_000))
                if not 0 < second < _SECONDS:
                    continue
                amount = float(own.normal(mean, mean / 2))
                amount = round(amount if amount >= 0 else float(own.uniform(0, 2 * mean)), 2)
                terminal = within[int(own.integers(len(within)))]
                rows.append((day * _SECONDS + second, customer, terminal, amount, False))
    rows.sort()
    return _with_frauds(rows, customers, len(terminals), dice)


def _with_frauds(
    rows: list[HandbookRow], customers: int, terminals: int, dice: np.random.Generator
) -> list[HandbookRow]:
    """Large amounts, two terminals a day for 28 days, three customers a day for 14."""
    by_terminal = [set(dice.integers(terminals, size=2).tolist()) for _ in range(_DAYS)]
    by_customer = [set(dice.integers(customers, size=3).tolist()) for _ in range(_DAYS)]
    found: list[HandbookRow] = []
    for second, customer, terminal, amount, _ in rows:
        day = second // _SECONDS
        taken = any(terminal in chosen for chosen in by_terminal[max(0, day - 27) : day + 1])
        leaked = any(customer in chosen for chosen in by_customer[max(0, day - 13) : day + 1])
        fraud = amount > _SUSPICIOUS_AMOUNT or taken or (leaked and second % 3 == 0)
        spent = amount * 5 if leaked and second % 3 == 0 else amount
        found.append((second, customer, terminal, spent, fraud))
    return found
