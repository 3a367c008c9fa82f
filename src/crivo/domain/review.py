"""Reviews of automated decisions: asked for by a party, answered by a person (LGPD, art. 20)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Instant, Word
from crivo.domain.phase import Phase
from crivo.domain.steps import steps

SCHEMA: Final = "review.v1"


class ReviewStatus(StrEnum):
    """Where it stands: asked for, or answered by somebody with a name."""

    REQUESTED = "REQUESTED"
    ANSWERED = "ANSWERED"


class ReviewSide(StrEnum):
    """Who asks."""

    PAYER = "PAYER"
    PAYEE = "PAYEE"


class ReviewResult(StrEnum):
    """What the person found: the decision was right, or it was not."""

    UPHELD = "UPHELD"
    CHANGED = "CHANGED"


STEPS: Final = steps(
    (None, (ReviewStatus.REQUESTED,)), (ReviewStatus.REQUESTED, (ReviewStatus.ANSWERED,))
)


@dataclass(frozen=True, slots=True)
class Review(AboutTransfer):
    """One step of a review. The order of the fields is the schema: only append.

    `reviewer` and `result` are there exactly where it is answered. What was written before reviews
    knew their `phase` is of the initiation. `reviewer` is the word of who answers; `caller` is
    whose key or token sent the step, None where none was asked for, or it was not kept yet.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    occurred_at: Instant
    previous: ReviewStatus | None
    status: ReviewStatus
    side: ReviewSide
    reviewer: Word | None = None
    result: ReviewResult | None = None
    phase: Phase = Phase.INITIATION
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        answered = self.status is ReviewStatus.ANSWERED
        for name in ("reviewer", "result"):
            found = getattr(self, name)
            refuse_unless((found is not None) == answered, name, "given with the answer", found)

    @property
    def own_id(self) -> str:
        """A side asks once for the review of a decision, and is answered once."""
        return review_own_id(self.end_to_end_id, self.phase, self.side, self.status)


def review_own_id(end_to_end_id: str, phase: Phase, side: ReviewSide, status: ReviewStatus) -> str:
    """The own id of a step. The initiation is named in none, as it was before there were phases."""
    decision = end_to_end_id if phase is Phase.INITIATION else f"{end_to_end_id}/{phase}"
    return f"{decision}/{side}/{status}"
