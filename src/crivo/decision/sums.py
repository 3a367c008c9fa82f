"""Sums: what an account attempted today and tonight, before one transfer.

Which transfers count where follows the norms: a return uses no limit; automatic Pix (Normative
Instruction 746/2026) and withdrawals and change (512/2024) have limits of their own beside those
of the day and the night; automatic Pix needs no registered device (594/2025).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from crivo.domain.transfer import Initiation, Purpose

#: The night of the limits, in hours of Brasília (Normative Instruction 185/2021).
NIGHT_FROM: Final = 20
NIGHT_TO: Final = 6

RETURNS: Final = frozenset({Purpose.REFU, Purpose.IPRT})
CASH: Final = frozenset({Purpose.GSCB, Purpose.OTHR})


class Sums(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Centavos of a payer's earlier attempts, less those that came to nothing.

    `day` is since midnight of Brasília; `night` since the account's night began, None by day;
    `device` since midnight from devices that are told as not registered, None where this transfer
    comes from none. `cash` is what was withdrawn or given as change in the same day from 6 to 20 h,
    or in the same night, None where this transfer is neither.
    """

    day: int
    night: int | None
    device: int | None
    cash: int | None = None


class Counts(NamedTuple):
    """Whether a transfer counts in day and night, in its device's total, and in withdrawals."""

    in_period: bool
    by_device: bool
    is_cash: bool


def _counts(initiation: Initiation | None, purpose: Purpose | None) -> Counts:
    if initiation is Initiation.AUTO or purpose in RETURNS:
        return Counts(in_period=False, by_device=False, is_cash=False)
    is_cash = purpose in CASH
    return Counts(in_period=not is_cash, by_device=True, is_cash=is_cash)


#: Looked up, since comparing members of an enumeration costs more than all the rest.
_COUNTS: Final = {
    initiation: {purpose: _counts(initiation, purpose) for purpose in (None, *Purpose)}
    for initiation in (None, *Initiation)
}


def counts(initiation: Initiation | None, purpose: Purpose | None) -> Counts:
    """Where a transfer of this kind counts, and by which limits of sums it is judged."""
    return _COUNTS[initiation][purpose]
