"""Limits of one transfer: what it may be worth by its own facts, with no look at any other.

Sources: the norms named in `policy/decision.toml`. What a customer's own limits leave of a day or a
night is a feature (`payer_day_limit_used_today`), and a rule asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.domain.instant import brasilia_hour
from crivo.domain.transfer import Initiation, Purpose, Transfer

#: The night of the limits for cash, in hours of Brasília.
NIGHT_FROM: Final = 20
NIGHT_TO: Final = 6

CONTACTLESS: Final = (Initiation.APDN, Initiation.APES)
CASH: Final = (Purpose.GSCB, Purpose.OTHR)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force on one date, in centavos; None where there is none.

    `transfer` is any transfer's, `contactless` that of payments by approximation, `cash_day` and
    `cash_night` those of withdrawals and change, `institution` that of the payers' institutions in
    `institutions` (ISPBs). `outcome` is what is asked for above one of them.
    """

    transfer: int | None
    contactless: int | None
    cash_day: int | None
    cash_night: int | None
    institution: int | None
    institutions: frozenset[str]
    outcome: Outcome

    def exceeded(self, transfer: Transfer) -> tuple[ReasonCode, ...]:
        """Why the transfer is above a limit; empty for nearly all."""
        found = []
        amount = transfer.amount_centavos
        if self.transfer is not None and amount > self.transfer:
            found.append(ReasonCode.TRANSFER_LIMIT)
        if (
            self.contactless is not None
            and amount > self.contactless
            and transfer.initiation in CONTACTLESS
        ):
            found.append(ReasonCode.CONTACTLESS_LIMIT)
        if transfer.purpose in CASH:
            limit = self._cash(transfer.occurred_at)
            if limit is not None and amount > limit:
                found.append(ReasonCode.CASH_LIMIT)
        if (
            self.institution is not None
            and amount > self.institution
            and transfer.payer_ispb in self.institutions
        ):
            found.append(ReasonCode.INSTITUTION_LIMIT)
        return tuple(found)

    def _cash(self, occurred_at: int) -> int | None:
        is_day = NIGHT_TO <= brasilia_hour(occurred_at) < NIGHT_FROM
        return self.cash_day if is_day else self.cash_night
