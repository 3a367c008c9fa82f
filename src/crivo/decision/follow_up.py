"""What the institution tells of a decision afterwards: how the payer or an analyst went on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, EndToEndId, EntityId, Instant
from crivo.domain.phase import Phase

SCHEMA: Final = "follow_up.v1"


class FollowUpKind(StrEnum):
    """What happened; each at most once a decision."""

    WARN_CONFIRMED = "warn_confirmed"
    WARN_ABANDONED = "warn_abandoned"
    STEP_UP_PASSED = "step_up_passed"
    STEP_UP_FAILED = "step_up_failed"
    RELEASED = "released"
    CANCELLED = "cancelled"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One thing that followed a decision. The order of the fields is the schema: only append.

    `caller` is whose key or token told it; None where none was asked for, or it was not kept yet.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    end_to_end_id: EndToEndId
    phase: Phase
    payer_id: EntityId
    occurred_at: Instant
    kind: FollowUpKind
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's account."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """Each kind follows a decision once."""
        return f"{self.end_to_end_id}/{self.phase}/{self.kind}"
