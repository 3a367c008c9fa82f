"""Limits: what a transfer may be worth by its own facts, and together with its payer's others.

Sources: the norms named in `policy/decision.toml`. What a customer's own limits leave of a day or a
night is a feature (`payer_day_limit_used_today`), and a rule asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind, PolicyValue
from crivo.decision.reasons import ReasonCode
from crivo.decision.sums import CASH, NIGHT_FROM, NIGHT_TO, Sums, counts
from crivo.domain.account import CustomerSegment
from crivo.domain.instant import brasilia_hour
from crivo.domain.transfer import Initiation, Transfer

CONTACTLESS: Final = (Initiation.APDN, Initiation.APES)

#: In the order of the first fields of `Limits`.
_OF_ALL: Final = (
    "limits.transfer.amount",
    "limits.contactless.transfer",
    "limits.capped_institutions.transfer",
    "limits.cash.day",
    "limits.cash.night",
    "limits.device_unregistered.transfer",
)
#: In the order of `PeriodLimits`; a segment's name follows.
_OF_SUMS: Final = ("limits.day", "limits.night", "limits.device_unregistered.day")
#: How a key names the customers of a segment; None: nobody told which.
SEGMENT_NAMES: Final[Mapping[CustomerSegment | None, str]] = {
    **{segment: segment.value.lower() for segment in CustomerSegment},
    None: "unstated",
}
_CAPPED: Final = "segments.capped_institutions"
_EXCEEDED: Final = "limits.exceeded.outcome"

LIMIT_KEYS: Final = (
    *(Key(name, Kind.MONEY, optional=True) for name in _OF_ALL),
    *(
        Key(f"{name}.{segment}", Kind.MONEY, optional=True)
        for name in _OF_SUMS
        for segment in SEGMENT_NAMES.values()
    ),
    Key(_CAPPED, Kind.ISPBS),
    Key(_EXCEEDED, Kind.OUTCOME),
)


class PeriodLimits(NamedTuple):
    """What the customers of one segment may pay together, in centavos; None where there is none.

    `day` is since midnight, `night` since the account's night began, `device` since midnight from
    devices that are not registered.
    """

    day: int | None
    night: int | None
    device: int | None

    def exceeded(self, transfer: Transfer, sums: Sums) -> tuple[ReasonCode, ...]:
        """Why the transfer, after what its payer attempted before, is above a limit."""
        amount, night, device = transfer.amount_centavos, sums.night, sums.device
        in_period, by_device, _ = counts(transfer.initiation, transfer.purpose)
        found = []
        if in_period:
            if self.day is not None and sums.day + amount > self.day:
                found.append(ReasonCode.DAY_TOTAL_LIMIT)
            if self.night is not None and night is not None and night + amount > self.night:
                found.append(ReasonCode.NIGHT_TOTAL_LIMIT)
        if by_device and self.device is not None and device is not None:
            if device + amount > self.device:
                found.append(ReasonCode.DEVICE_DAY_LIMIT)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force on one date, in centavos; None where there is none.

    `transfer` is any transfer's, `contactless` that of payments by approximation, `institution` is
    of the payers' institutions in `institutions` (ISPBs); `cash_day` and `cash_night` are those of
    withdrawals and change together, by day and by night; `device` is that of a transfer from a
    device that is told as not registered. `periods` are those of sums, by the
    payer's segment, None for a payer whose segment was not told. `outcome` is what is asked for
    above one of them.
    """

    transfer: int | None
    contactless: int | None
    institution: int | None
    cash_day: int | None
    cash_night: int | None
    device: int | None
    institutions: frozenset[str]
    periods: Mapping[CustomerSegment | None, PeriodLimits]
    outcome: Outcome

    def exceeded(self, transfer: Transfer, sums: Sums | None = None) -> tuple[ReasonCode, ...]:
        """Why the transfer is above a limit; empty for nearly all.

        `sums` are what its payer attempted before; None where nobody can say.
        """
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
            before = 0 if sums is None or sums.cash is None else sums.cash
            if limit is not None and before + amount > limit:
                found.append(ReasonCode.CASH_LIMIT)
        if (
            self.institution is not None
            and amount > self.institution
            and transfer.payer_ispb in self.institutions
        ):
            found.append(ReasonCode.INSTITUTION_LIMIT)
        if sums is not None:
            by_device = counts(transfer.initiation, transfer.purpose).by_device
            if self.device is not None and by_device and sums.device is not None:
                if amount > self.device:
                    found.append(ReasonCode.DEVICE_UNREGISTERED_LIMIT)
            found += self.periods[transfer.payer_segment].exceeded(transfer, sums)
        return tuple(found)

    def _cash(self, occurred_at: int) -> int | None:
        is_day = NIGHT_TO <= brasilia_hour(occurred_at) < NIGHT_FROM
        return self.cash_day if is_day else self.cash_night


def bind_limits(value: Callable[[str], PolicyValue | None]) -> Limits:
    """The limits of one date, by what `value` says of the keys in force then."""

    def amount(key: str) -> int | None:
        found = value(key)
        assert found is None or type(found) is int
        return found

    transfer, contactless, institution, cash_day, cash_night, device = map(amount, _OF_ALL)
    institutions, outcome = value(_CAPPED), value(_EXCEEDED)
    assert isinstance(institutions, frozenset) and isinstance(outcome, Outcome)
    periods = {
        segment: PeriodLimits(*(amount(f"{key}.{name}") for key in _OF_SUMS))
        for segment, name in SEGMENT_NAMES.items()
    }
    return Limits(
        transfer=transfer,
        contactless=contactless,
        institution=institution,
        cash_day=cash_day,
        cash_night=cash_night,
        device=device,
        institutions=institutions,
        periods=periods,
        outcome=outcome,
    )
