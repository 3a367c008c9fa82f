"""Reveals: somebody read the identity part of a decision, and said why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import EndToEndId, EntityId, Instant, OwnId, Word
from crivo.domain.phase import Phase

SCHEMA: Final = "reveal.v1"


@dataclass(frozen=True, slots=True)
class Reveal:
    """Whose decision was looked into, by whom and why. Fields are the schema: only append.

    What was written before reveals knew their `phase` is of the initiation.

    Raises:
        Refused: the first fact that cannot be.
    """

    reveal_id: OwnId
    occurred_at: Instant
    payer_id: EntityId
    end_to_end_id: EndToEndId
    revealed_by: Word
    reason: Word
    phase: Phase = Phase.INITIATION

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """The payer of the decision."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """The id of the reveal."""
        return self.reveal_id
