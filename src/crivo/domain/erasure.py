"""Erasures: the keys of a person's identity parts were deleted, and nobody can read them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import Count, EntityId, Instant, OwnId, Word

SCHEMA: Final = "erasure.v1"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, for whom and why. The order of the fields is the schema: only append.

    `records` decisions of the log, or transfers of one elsewhere that was read too, held a part of
    the person. The newest part was received at
    `newest_at`, by this log or by one elsewhere that keys of this home sealed for; `is_early` says
    that this was within the legal retention, so that somebody answers for it.

    Raises:
        Refused: the first fact that cannot be.
    """

    erasure_id: OwnId
    occurred_at: Instant
    person_id: EntityId
    records: Count
    newest_at: Instant | None
    requested_by: Word
    reason: Word
    is_early: bool

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(
            self.newest_at is not None or self.records == 0,
            "newest_at",
            "there where there are records",
            self.newest_at,
        )

    @property
    def subject_id(self) -> bytes:
        """Whose keys they were."""
        return self.person_id

    @property
    def own_id(self) -> str:
        """The id of the erasure."""
        return self.erasure_id
