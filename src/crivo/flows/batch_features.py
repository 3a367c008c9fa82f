"""Batch features: what was known of both parties before the day of a transfer's receipt.

They are told by `gold.account_receipts`, whose days are days of receipt, and joined by the days
before a transfer's own: so nothing enters that was known later than the midnight before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crivo.decision.reasons import ReasonCode
from crivo.features.card import Card
from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import sha256_of
from crivo.flows.feature_tables import id_words
from crivo.flows.labels import Words
from crivo.lake.column import Column, Kind
from crivo.lake.gold.account_receipts import GOLD as RECEIPTS
from crivo.lake.table import DAY, Table
from crivo.model.labels import Int64s

#: Raised whenever an unchanged name comes to mean another number.
_SEMANTICS: Final = 1

#: The sides of a transfer, and how people call them.
SIDES: Final = ("payer", "payee")
MEASURES: Final = tuple(column.name for column in RECEIPTS.measured)
#: How many earlier days told anything of the account.
DAYS: Final = "days"

_MEANS: Final = {
    "sent": ("transfers that it sent", "transfers"),
    "sent_centavos": ("what it sent", "centavos"),
    "received": ("transfers that it received", "transfers"),
    "received_centavos": ("what it received", "centavos"),
    "claimed": ("claims of fraud about what it received", "claims"),
    "accepted": ("accepted claims of fraud about what it received", "claims"),
    DAYS: ("days on which anything was told of it", "days"),
}

#: The columns that both sides have.
COLUMNS: Final = tuple(
    Column(f"{side}_{name}_before_today", Kind.INTEGER, is_nullable=False)
    for side in SIDES
    for name in (*MEASURES, DAYS)
)


def batch_columns(
    receipts: pa.Table, ids: Sequence[Words], received: pa.Array | pa.ChunkedArray
) -> dict[str, pa.Array]:
    """The cells of `COLUMNS` for transfers whose payers and payees are `ids` (uint64[n, 2] each),
    received on those days.
    """
    found: dict[str, pa.Array] = {}
    for side, words in zip(SIDES, ids, strict=True):
        totals = totals_before(receipts, words, _numbers(received))
        found |= {f"{side}_{name}_before_today": pa.array(totals[name]) for name in totals}
    return found


def totals_before(receipts: pa.Table, ids: Words, days: Int64s) -> dict[str, Int64s]:
    """Of each account (uint64[n, 2]) and day (int64[n] since 1970): the sums of its rows of all
    earlier days, and how many these are.
    """
    theirs = id_words(receipts["account_id"])
    _, codes = np.unique(_joined(np.concatenate([theirs, ids])), return_inverse=True)
    codes = codes.astype(np.int64)
    own, asked = codes[: len(theirs)], codes[len(theirs) :]
    told = _numbers(receipts[DAY])
    first = min(int(told.min(initial=0)), int(days.min(initial=0)))
    order = np.lexsort((told, own))
    line = _placed(own[order], told[order] - first)
    start = np.searchsorted(line, _placed(asked, np.zeros_like(asked)))
    stop = np.searchsorted(line, _placed(asked, days - first))
    found = {}
    for name in MEASURES:
        sums = np.concatenate([[0], np.cumsum(receipts[name].to_numpy()[order], dtype=np.int64)])
        found[name] = sums[stop] - sums[start]
    found[DAYS] = (stop - start).astype(np.int64)
    return found


def batch_cards() -> tuple[Table, list[tuple[str, str, Card]]]:
    """The table that tells batch features, and (name, hash, card) of each."""
    names = [(side, name) for side in SIDES for name in (*MEASURES, DAYS)]
    return RECEIPTS.table, [
        (
            f"{side}_{name}_before_today",
            sha256_of([RECEIPTS.name, side, name, _SEMANTICS]),
            _card(side, name),
        )
        for side, name in names
    ]


def _card(side: str, name: str) -> Card:
    means, unit = _MEANS[name]
    is_claim = name in {"claimed", "accepted"}
    return Card(
        meaning=f"of the {side}'s account: {means}, over all days before that of the receipt",
        unit=unit,
        null_meaning="never null: an account of which nothing was told counts 0",
        leakage="days are days of receipt, and the transfer's own day is left out whole",
        rationale="a long past is dear to build, and claims follow accounts that receive fraud",
        purpose=LawfulPurpose.FRAUD_PREVENTION,
        reason=(ReasonCode.PAYEE_REPORTED if is_claim else ReasonCode.AMOUNT_VS_PROFILE).value,
        owner="features",
    )


def _joined(ids: Words) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(ids, dtype="<u8").view("V16").ravel()


def _numbers(days: pa.Array | pa.ChunkedArray) -> Int64s:
    found: Int64s = days.cast(pa.int32()).to_numpy().astype(np.int64)
    return found


def _placed(codes: Int64s, days: Int64s) -> Int64s:
    """Codes and days as numbers in the order of both."""
    found: Int64s = (codes << 32) + days
    return found
