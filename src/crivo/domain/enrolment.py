"""Enrolment of a device for payments without redirection (Open Finance Brasil)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, EntityId, Instant, Ispb, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "device_enrolment.v1"


class EnrolmentStatus(StrEnum):
    """Where it stands: signals within 15 minutes, then the holder, then the device's credential."""

    AWAITING_RISK_SIGNALS = "AWAITING_RISK_SIGNALS"
    AWAITING_ACCOUNT_HOLDER_VALIDATION = "AWAITING_ACCOUNT_HOLDER_VALIDATION"
    AWAITING_ENROLLMENT = "AWAITING_ENROLLMENT"
    AUTHORISED = "AUTHORISED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"


_SIGNALS: Final = EnrolmentStatus.AWAITING_RISK_SIGNALS
_HOLDER: Final = EnrolmentStatus.AWAITING_ACCOUNT_HOLDER_VALIDATION
_CREDENTIAL: Final = EnrolmentStatus.AWAITING_ENROLLMENT

STEPS: Final = steps(
    (None, (_SIGNALS,)),
    (_SIGNALS, (_HOLDER, EnrolmentStatus.REJECTED)),
    (_HOLDER, (_CREDENTIAL, EnrolmentStatus.REJECTED)),
    (_CREDENTIAL, (EnrolmentStatus.AUTHORISED, EnrolmentStatus.REJECTED)),
    (EnrolmentStatus.AUTHORISED, (EnrolmentStatus.REVOKED,)),
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One step of an enrolment. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    enrolment_id: OwnId
    occurred_at: Instant
    account_id: EntityId
    initiator_ispb: Ispb
    previous: EnrolmentStatus | None
    status: EnrolmentStatus
    device_id: EntityId | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)

    @property
    def subject_id(self) -> bytes:
        """The holder's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """Each state of an enrolment is reached once."""
        return f"{self.enrolment_id}/{self.status}"
