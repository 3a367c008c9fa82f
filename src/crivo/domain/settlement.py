"""What the rail did with a transfer: settled, rejected, cancelled or returned it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Centavos, Instant, MessageId, ReturnId

SCHEMA: Final = "settlement.v1"


class SettlementStatus(StrEnum):
    """The ends of an attempt. A return may follow a settlement, more than once, in parts."""

    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


class Rejection(StrEnum):
    """Why a payment was rejected (pacs.002): AB03 40 seconds passed, AC03 no such account, AC06
    account blocked, AC07 account closed, AM02 over a limit, AM04 no balance, BE01 another holder,
    FRAD well-founded suspicion of fraud, RR04 sanctions; the others as the SPI manual has them.
    """

    AB03 = "AB03"
    AB09 = "AB09"
    AB11 = "AB11"
    AC03 = "AC03"
    AC06 = "AC06"
    AC07 = "AC07"
    AC14 = "AC14"
    AG03 = "AG03"
    AM02 = "AM02"
    AM04 = "AM04"
    AM09 = "AM09"
    AM12 = "AM12"
    AM18 = "AM18"
    BE01 = "BE01"
    BE17 = "BE17"
    DS04 = "DS04"
    DS27 = "DS27"
    DT02 = "DT02"
    DUPL = "DUPL"
    ED05 = "ED05"
    FF07 = "FF07"
    FF08 = "FF08"
    FRAD = "FRAD"
    MD01 = "MD01"
    RC09 = "RC09"
    RC10 = "RC10"
    RR04 = "RR04"
    RR06 = "RR06"
    SL02 = "SL02"
    UPAY = "UPAY"


class ReturnReason(StrEnum):
    """Why money came back (pacs.004): a fault of an institution, fraud, the payee's wish, a
    withdrawal that did not happen, an error of Pix Automático.
    """

    BE08 = "BE08"
    FR01 = "FR01"
    MD06 = "MD06"
    SL02 = "SL02"
    REFU = "REFU"


@dataclass(frozen=True, slots=True)
class Settlement(AboutTransfer):
    """One thing that the rail did. The order of the fields is the schema: only append.

    `message_id` is that of the message that said so, where it is known. A return never exceeds its
    transfer; whether several returns together do is for whoever sees them all. `caller` is
    whose key or token told it, None where none was asked for, or it was not kept.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    occurred_at: Instant
    status: SettlementStatus
    message_id: MessageId | None = None
    rejection: Rejection | None = None
    return_id: ReturnId | None = None
    return_reason: ReturnReason | None = None
    returned_centavos: Centavos | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        is_rejected = self.status is SettlementStatus.REJECTED
        refuse_unless(
            (self.rejection is not None) == is_rejected,
            "rejection",
            "the reason of a rejection, and nothing else's",
            self.rejection,
        )
        is_returned = self.status is SettlementStatus.RETURNED
        for field in ("return_id", "return_reason", "returned_centavos"):
            refuse_unless(
                (getattr(self, field) is not None) == is_returned,
                field,
                "a fact of a return, and of nothing else",
                getattr(self, field),
            )
        refuse_unless(
            (self.returned_centavos or 0) <= self.amount_centavos,
            "returned_centavos",
            f"at most the transfer's {self.amount_centavos}",
            self.returned_centavos,
        )

    @property
    def own_id(self) -> str:
        """A transfer settles, fails or is cancelled once; each return has an id of its own."""
        return self.return_id or f"{self.end_to_end_id}/{self.status}"
