"""A revision: what a degraded hold became when it could be judged whole after all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import Billionths, Count, EndToEndId, EntityId, Instant, Word
from crivo.domain.phase import Phase

SCHEMA: Final = "decision_revised.v1"


@dataclass(frozen=True, slots=True)
class DecisionRevised:
    """The one revision of a decision. The order of the fields is the schema: only append.

    `occurred_at` is when it was judged again, from the log before the sequence number `as_of` + 1,
    with the bundle of that hash. `score` counts 10⁻⁹ and is None where nothing was scored;
    `reasons` are codes. The outcome is another one than HOLD.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    end_to_end_id: EndToEndId
    phase: Phase
    payer_id: EntityId
    occurred_at: Instant
    outcome: Outcome
    score: Billionths | None
    reasons: tuple[Word, ...]
    as_of: Count
    bundle: Word

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(
            self.outcome is not Outcome.HOLD, "outcome", "another one than HOLD", self.outcome.value
        )

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's account."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """A decision is revised once."""
        return f"{self.end_to_end_id}/{self.phase}"
