"""Infraction reports: the payer's institution tells the payee's that a payment was fraud (MED)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Centavos, Instant, Layer, OwnId
from crivo.domain.fraud_marker import FraudType
from crivo.domain.steps import steps

SCHEMA: Final = "infraction_report.v1"


class InfractionReason(StrEnum):
    """What is asked for."""

    REFUND_REQUEST = "REFUND_REQUEST"
    REFUND_CANCELLED = "REFUND_CANCELLED"


class Situation(StrEnum):
    """What the victim says: deceived, account taken over, forced, somebody else paid, other."""

    SCAM = "SCAM"
    ACCOUNT_TAKEOVER = "ACCOUNT_TAKEOVER"
    COERCION = "COERCION"
    FRAUDULENT_ACCESS = "FRAUDULENT_ACCESS"
    OTHER = "OTHER"


class InfractionStatus(StrEnum):
    """Where it stands; the analysis takes up to seven days."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Analysis(StrEnum):
    """What the payee's institution concluded. AGREED marks the payee."""

    AGREED = "AGREED"
    DISAGREED = "DISAGREED"


STEPS: Final = steps(
    (None, (InfractionStatus.OPEN,)),
    (InfractionStatus.OPEN, (InfractionStatus.ACKNOWLEDGED, InfractionStatus.CANCELLED)),
    (InfractionStatus.ACKNOWLEDGED, (InfractionStatus.CLOSED, InfractionStatus.CANCELLED)),
)


@dataclass(frozen=True, slots=True)
class InfractionReport(AboutTransfer):
    """One step of a report. The order of the fields is the schema: only append.

    `infraction_centavos` is what the payee's institution has to block; `layer` is 0 for the payment
    that was contested and counts the hops of the money after it.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    infraction_id: OwnId
    occurred_at: Instant
    previous: InfractionStatus | None
    status: InfractionStatus
    reason: InfractionReason
    situation: Situation
    analysis: Analysis | None = None
    fraud_type: FraudType | None = None
    infraction_centavos: Centavos | None = None
    layer: Layer | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        refuse_unless(
            (self.analysis is not None) == (self.status is InfractionStatus.CLOSED),
            "analysis",
            "a conclusion where it is closed, and only there",
            self.analysis,
        )
        refuse_unless(
            (self.fraud_type is not None) == (self.analysis is Analysis.AGREED),
            "fraud_type",
            "a type where it is agreed, and only there",
            self.fraud_type,
        )

    @property
    def own_id(self) -> str:
        """Each state of a report is reached once."""
        return f"{self.infraction_id}/{self.status}"
