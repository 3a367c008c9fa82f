"""18 plain windowed features, and streams that are easy, hard, or wide, each from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.rows import ACCOUNTS, FIRST_DAY, INSTITUTION, event_rows, spread
from benchmarks.peers.__main__ import WINDOWS_MINUTES
from crivo.domain.instant import DAY, SECOND
from crivo.features.lawful import LawfulPurpose
from crivo.features.row import ABSENT, EVENT_ROW, RowKind
from crivo.features.spec import (
    Card,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Measure,
    Statistic,
)
from crivo.features.window import Span, Window

Rows = NDArray[Any]

#: A stream of these makes some 17 events/s.
STEP_MAX: Final = SECOND // 8

#: Delays are lognormal: half below 5 s, one in a hundred above 10 min.
DELAY_MEDIAN_SECONDS: Final = 5.0
DELAY_SIGMA: Final = 2.058
DELAYED_SHARE: Final = 0.05
ZIPF: Final = 1.1
INSTITUTIONS: Final = 40

_CARD: Final = Card(
    meaning="A plain window, to compare.",
    unit="transfers, or centavos",
    null_meaning="Null where saturated.",
    leakage="Looks at earlier transfers alone.",
    rationale="A benchmark's.",
    purpose=LawfulPurpose.FRAUD_PREVENTION,
    reason="BURST_OUT",
    owner="benchmarks",
)


def windowed_set() -> FeatureSet:
    """Count and sum, over three windows, of payer, payee and pair."""
    kinds = ((Measure.TRANSFER, Statistic.COUNT), (Measure.AMOUNT, Statistic.SUM))
    return FeatureSet(
        tuple(
            Feature(
                entity=entity,
                event=EventKind.TRANSFER,
                measure=measure,
                statistic=statistic,
                window=Window(Span.SLIDING, length),
                card=_CARD,
            )
            for entity in (Entity.PAYER, Entity.PAYEE, Entity.PAIR)
            for length in WINDOWS_MINUTES
            for measure, statistic in kinds
        )
    )


def habitual_stream(count: int, *, seed: int) -> Rows:
    """Transfers alone, in the order in which they happen, between people with habits."""
    rows = event_rows(count + count // 50, seed=seed)
    rows = rows[rows["kind"] == RowKind.TRANSFER.value][:count]
    rows = rows[np.argsort(rows["occurred_at"], kind="stable")]
    rows["received_at"] = rows["occurred_at"]
    return rows


def uniform_stream(count: int, *, seed: int) -> Rows:
    """Transfers in order, received as they happen, between accounts drawn alike."""
    dice = np.random.default_rng(seed)
    payer, payee = dice.integers(0, ACCOUNTS, (2, count))
    return _peopled(_transfers(dice, payer, payee), payer, payee)


def hard_stream(count: int, *, seed: int) -> Rows:
    """Transfers between accounts drawn by Zipf's law, of which one in twenty is delayed."""
    dice = np.random.default_rng(seed)
    chances = np.cumsum(np.arange(1, ACCOUNTS + 1) ** -ZIPF)
    payer, payee = (np.searchsorted(chances / chances[-1], dice.random(count)) for _ in range(2))
    payee = (payee * 7919 + 1) % ACCOUNTS
    return _delayed(dice, _peopled(_transfers(dice, payer, payee), payer, payee))


def busy_merchant(transfers: int, more: int, *, seed: int) -> Rows:
    """A day of a merchant whom so many pay, and `more` at the same pace; one in twenty is delayed.

    Half as many pay as there are transfers, and what comes after the day is of 2,000 of them, so
    that it finds their own keys alike however many the merchant has.
    """
    dice = np.random.default_rng(seed)
    few = 2_000
    payer = dice.integers(0, max(transfers // 2, few), transfers + more)
    payer[transfers:] %= few
    rows = _transfers(dice, payer, np.full(len(payer), ACCOUNTS + len(payer)))
    rows["occurred_at"] = FIRST_DAY + np.cumsum(dice.integers(1, 2 * DAY // transfers, len(rows)))
    rows["received_at"] = rows["occurred_at"]
    rows["device_0"], rows["device_1"] = rows["payer_1"], rows["payer_0"]
    return _delayed(dice, rows)


def _peopled(rows: Rows, payer: Any, payee: Any) -> Rows:
    """The rows with a device a payer, a key and a person a payee, and institutions of accounts.

    So no key is in every row, and what differs between two streams is how accounts are drawn.
    """
    for place, (name, account) in enumerate(
        (("device", payer), ("payee_key", payee), ("payee_person", payee))
    ):
        for word in (0, 1):
            rows[f"{name}_{word}"] = spread(account + (2 * place + word + 1) * 10**9)
    for name, account in (("payer", payer), ("payee", payee)):
        rows[f"{name}_ispb"] = INSTITUTION + account % INSTITUTIONS
    return rows


def _delayed(dice: np.random.Generator, rows: Rows) -> Rows:
    """The rows as they are received, one in twenty after a delay."""
    delays = dice.lognormal(np.log(DELAY_MEDIAN_SECONDS), DELAY_SIGMA, len(rows)) * SECOND
    delayed = dice.random(len(rows)) < DELAYED_SHARE
    rows["received_at"] += np.where(delayed, delays, 0).astype(np.int64)
    return rows[np.argsort(rows["received_at"], kind="stable")]


def many_keys(keys: int, *, seed: int) -> Iterator[Rows]:
    """Parts of a stream in which so many keys appear, each twice: a payer, a payee, the two of
    them, and the payer with his device and with the institution.
    """
    dice = np.random.default_rng(seed)
    pairs = keys // 5
    for turn in range(2):
        for start in range(0, pairs, 500_000):
            account = np.arange(start, min(start + 500_000, pairs))
            part = _transfers(dice, account, account)
            part["occurred_at"] += (turn * pairs + start) * STEP_MAX
            part["received_at"] = part["occurred_at"]
            yield part


def _transfers(dice: np.random.Generator, payer: Any, payee: Any) -> Rows:
    count = len(payer)
    # A row of the usual stream lends what these do not set: devices, institutions.
    rows = np.repeat(event_rows(1, seed=1), count).astype(EVENT_ROW)
    rows["occurred_at"] = FIRST_DAY + np.cumsum(dice.integers(1, STEP_MAX, count))
    rows["received_at"] = rows["occurred_at"]
    rows["amount_centavos"] = np.clip(dice.lognormal(8.9, 1.3, count), 1, 10**9)
    for name, account in (("payer", payer), ("payee", payee)):
        mixed = (account.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        rows[f"{name}_0"], rows[f"{name}_1"] = mixed, mixed >> np.uint64(31)
    rows["event_0"] = np.arange(count)
    rows["initiation"] = rows["purpose"] = rows["accepted"] = ABSENT
    return rows
