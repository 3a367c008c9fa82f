"""A report: somebody's claim that a transfer was fraud. It becomes a label when it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import check_instant
from crivo.domain.money import check_centavos

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
    `known_at`, is the `received_at` of its event: nothing here is known any earlier.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    report_id: str
    status: ReportStatus
    end_to_end_id: str
    payer_id: bytes
    payee_id: bytes
    amount_centavos: int
    transfer_occurred_at: int

    def __post_init__(self) -> None:
        if not 1 <= len(self.report_id) <= 64:
            raise invalid(
                Code.ID_INVALID,
                field="report_id",
                expected="1 to 64 characters",
                found=self.report_id,
            )
        end_to_end_id_minute(self.end_to_end_id)
        check_instant(self.transfer_occurred_at, field="transfer_occurred_at")
        check_centavos(self.amount_centavos)
