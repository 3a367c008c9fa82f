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
    comes from none.
    """

    day: int
    night: int | None
    device: int | None


class Counts(NamedTuple):
    """Whether a transfer counts in day and night, and whether in what its device may pay."""

    in_period: bool
    by_device: bool


def _counts(initiation: Initiation | None, purpose: Purpose | None) -> Counts:
    if initiation is Initiation.AUTO or purpose in RETURNS:
        return Counts(in_period=False, by_device=False)
    return Counts(in_period=purpose not in CASH, by_device=True)


#: Looked up, since comparing members of an enumeration costs more than all the rest.
_COUNTS: Final = {
    initiation: {purpose: _counts(initiation, purpose) for purpose in (None, *Purpose)}
    for initiation in (None, *Initiation)
}


def counts(initiation: Initiation | None, purpose: Purpose | None) -> Counts:
    """Where a transfer of this kind counts, and by which limits of sums it is judged."""
    return _COUNTS[initiation][purpose]
