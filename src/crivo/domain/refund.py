"""Refunds: what the payee's institution was asked to give back, and what it gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Centavos, CentavosOrZero, Instant, OwnId, ReturnId
from crivo.domain.steps import steps

SCHEMA: Final = "refund.v1"


class RefundReason(StrEnum):
    """Why it is asked for."""

    FRAUD = "FRAUD"
    OPERATIONAL_FLAW = "OPERATIONAL_FLAW"
    PIX_AUTOMATICO = "PIX_AUTOMATICO"


class RefundStatus(StrEnum):
    """Where it stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class RefundResult(StrEnum):
    """What came of it."""

    TOTALLY_ACCEPTED = "TOTALLY_ACCEPTED"
    PARTIALLY_ACCEPTED = "PARTIALLY_ACCEPTED"
    REJECTED = "REJECTED"


class RefundRejection(StrEnum):
    """Why nothing was given back."""

    NO_BALANCE = "NO_BALANCE"
    ACCOUNT_CLOSURE = "ACCOUNT_CLOSURE"
    INVALID_REQUEST = "INVALID_REQUEST"
    OTHER = "OTHER"
    PARTICIPANT_EXCLUSION = "PARTICIPANT_EXCLUSION"


STEPS: Final = steps(
    (None, (RefundStatus.OPEN,)),
    (RefundStatus.OPEN, (RefundStatus.CLOSED, RefundStatus.CANCELLED)),
)


@dataclass(frozen=True, slots=True)
class Refund(AboutTransfer):
    """One step of a refund. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    refund_id: OwnId
    occurred_at: Instant
    previous: RefundStatus | None
    status: RefundStatus
    reason: RefundReason
    requested_centavos: Centavos
    result: RefundResult | None = None
    rejection: RefundRejection | None = None
    refunded_centavos: CentavosOrZero | None = None
    return_id: ReturnId | None = None
    recovery_id: OwnId | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        is_closed = self.status is RefundStatus.CLOSED
        for field in ("result", "refunded_centavos"):
            refuse_unless(
                (getattr(self, field) is not None) == is_closed,
                field,
                "a fact where it is closed, and only there",
                getattr(self, field),
            )
        refuse_unless(
            (self.rejection is not None) == (self.result is RefundResult.REJECTED),
            "rejection",
            "a reason where it is rejected, and only there",
            self.rejection,
        )
        refuse_unless(
            self.refunded_centavos in _given_back(self.result, self.requested_centavos),
            "refunded_centavos",
            f"what {self.result} of {self.requested_centavos} says",
            self.refunded_centavos,
        )

    @property
    def own_id(self) -> str:
        """Each state of a refund is reached once."""
        return f"{self.refund_id}/{self.status}"


def _given_back(result: RefundResult | None, requested: int) -> range | tuple[None]:
    """The amounts that a result can mean: all, a part, or nothing."""
    match result:
        case RefundResult.TOTALLY_ACCEPTED:
            return range(requested, requested + 1)
        case RefundResult.PARTIALLY_ACCEPTED:
            return range(1, requested)
        case RefundResult.REJECTED:
            return range(1)
        case None:
            return (None,)
