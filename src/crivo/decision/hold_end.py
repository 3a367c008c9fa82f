"""The end of a hold that nobody ended: what the policy said it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.decision.hold import ENDS, ENDS_SAID
from crivo.decision.outcome import Outcome
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import EndToEndId, EntityId, Instant
from crivo.domain.phase import Phase

SCHEMA: Final = "hold_end.v1"


@dataclass(frozen=True, slots=True)
class HoldEnd:
    """A hold whose time is over. The order of the fields is the schema: only append.

    `occurred_at` is the instant at which the hold's time was over, and `outcome` one of `ENDS`.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    end_to_end_id: EndToEndId
    phase: Phase
    payer_id: EntityId
    occurred_at: Instant
    outcome: Outcome

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(self.outcome in ENDS, "outcome", ENDS_SAID, self.outcome.value)

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's account."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """A hold ends once, however often it is told."""
        return f"{self.end_to_end_id}/{self.phase}"
