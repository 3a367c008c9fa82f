"""A report: somebody's claim that a transfer was fraud. It becomes a label when it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, Centavos, EndToEndId, EntityId, Instant, OwnId, Word

SCHEMA: Final = "report.v1"


class ReportStatus(StrEnum):
    """What the participants made of the claim (the regulator's special return mechanism, MED)."""

    CLAIMED = "CLAIMED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Report:
    """A claim with the facts of its transfer filled in by the door, so that no fold looks them up.

    The order of the fields is the schema `report.v1`: only append. The report's own instant, its
    `known_at`, is the `received_at` of its event: nothing here is known any earlier. `reviewer` is
    who gave it, where it is the verdict of a person on the page; `caller` whose key or token told
    it, None where none was asked for, or it was not kept: by older releases, and by an import.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    report_id: OwnId
    status: ReportStatus
    end_to_end_id: EndToEndId
    payer_id: EntityId
    payee_id: EntityId
    amount_centavos: Centavos
    transfer_occurred_at: Instant
    reviewer: Word | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """The id that the reporter chose."""
        return self.report_id
