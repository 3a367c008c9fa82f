"""Alerts: a decision that somebody should look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields
from crivo.domain.fields import Billionths, Instant, OwnId, Word
from crivo.domain.steps import steps

SCHEMA: Final = "alert.v1"


#: Outcomes that somebody should look at.
ALERTED: Final = frozenset({Outcome.HOLD, Outcome.REJECT})


class AlertStatus(StrEnum):
    """Where it stands: nobody has looked, somebody does, it was fraud or it was not."""

    OPEN = "OPEN"
    IN_REVIEW = "IN_REVIEW"
    CONFIRMED = "CONFIRMED"
    DISMISSED = "DISMISSED"


STEPS: Final = steps(
    (None, (AlertStatus.OPEN,)),
    (AlertStatus.OPEN, (AlertStatus.IN_REVIEW, AlertStatus.CONFIRMED, AlertStatus.DISMISSED)),
    (AlertStatus.IN_REVIEW, (AlertStatus.OPEN, AlertStatus.CONFIRMED, AlertStatus.DISMISSED)),
)


@dataclass(frozen=True, slots=True)
class Alert(AboutTransfer):
    """One step of an alert. The order of the fields is the schema: only append.

    `score` counts 10⁻⁹ and is None where nothing was scored; `reasons` are codes.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    alert_id: OwnId
    occurred_at: Instant
    previous: AlertStatus | None
    status: AlertStatus
    outcome: Outcome
    reasons: tuple[Word, ...]
    score: Billionths | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)

    @property
    def own_id(self) -> str:
        """A step of an alert: it may come back to a state, at another instant."""
        return f"{self.alert_id}/{self.status}/{self.occurred_at}"
