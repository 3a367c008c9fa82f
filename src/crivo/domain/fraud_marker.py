"""Fraud markers: a person, and perhaps a key, that an institution concluded took part in fraud."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, EntityId, Instant, Ispb, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "fraud_marker.v1"


class FraudType(StrEnum):
    """The receiver's conclusion: opened with somebody's papers, lent, the deceiver's own, other."""

    APPLICATION_FRAUD = "APPLICATION_FRAUD"
    MULE_ACCOUNT = "MULE_ACCOUNT"
    SCAMMER_ACCOUNT = "SCAMMER_ACCOUNT"
    OTHER = "OTHER"


class MarkerStatus(StrEnum):
    """Whether the marker counts."""

    REGISTERED = "REGISTERED"
    CANCELLED = "CANCELLED"


STEPS: Final = steps(
    (None, (MarkerStatus.REGISTERED,)),
    (MarkerStatus.REGISTERED, (MarkerStatus.CANCELLED,)),
)


@dataclass(frozen=True, slots=True)
class FraudMarker:
    """One step of a marker. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    marker_id: OwnId
    occurred_at: Instant
    person_id: EntityId
    fraud_type: FraudType
    previous: MarkerStatus | None
    status: MarkerStatus
    key_id: EntityId | None = None
    reporter_ispb: Ispb | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)

    @property
    def subject_id(self) -> bytes:
        """The person."""
        return self.person_id

    @property
    def own_id(self) -> str:
        """A marker is set once and cancelled at most once."""
        return f"{self.marker_id}/{self.status}"

    @property
    def other_own_ids(self) -> list[str]:
        """What its other steps are called."""
        return [f"{self.marker_id}/{each}" for each in MarkerStatus if each is not self.status]
