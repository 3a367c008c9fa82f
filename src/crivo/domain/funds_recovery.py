"""Funds recovery: the money of a contested payment is followed and given back (MED 2.0)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, CentavosOrZero, Count, Instant, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "funds_recovery.v1"


class RecoveryStatus(StrEnum):
    """Where it stands."""

    CREATED = "CREATED"
    TRACKED = "TRACKED"
    AWAITING_ANALYSIS = "AWAITING_ANALYSIS"
    ANALYSED = "ANALYSED"
    REFUNDING = "REFUNDING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


_CANCELLED: Final = RecoveryStatus.CANCELLED

STEPS: Final = steps(
    (None, (RecoveryStatus.CREATED,)),
    (RecoveryStatus.CREATED, (RecoveryStatus.TRACKED, _CANCELLED)),
    (RecoveryStatus.TRACKED, (RecoveryStatus.AWAITING_ANALYSIS, _CANCELLED)),
    (RecoveryStatus.AWAITING_ANALYSIS, (RecoveryStatus.ANALYSED, _CANCELLED)),
    (RecoveryStatus.ANALYSED, (RecoveryStatus.REFUNDING, _CANCELLED)),
    (RecoveryStatus.REFUNDING, (RecoveryStatus.COMPLETED, _CANCELLED)),
)


@dataclass(frozen=True, slots=True)
class FundsRecovery(AboutTransfer):
    """One step of a recovery, about the payment that was contested. Only append fields.

    `traced_transfers` were found on the money's way, `reports` were opened about them.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    recovery_id: OwnId
    occurred_at: Instant
    previous: RecoveryStatus | None
    status: RecoveryStatus
    traced_transfers: Count | None = None
    reports: Count | None = None
    refunded_centavos: CentavosOrZero | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)

    @property
    def own_id(self) -> str:
        """Each state of a recovery is reached once."""
        return f"{self.recovery_id}/{self.status}"
