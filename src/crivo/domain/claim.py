"""Claims: a key changes its owner, or its owner changes the institution."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, EntityId, Instant, Ispb, OwnId
from crivo.domain.pix_key import KeyType
from crivo.domain.steps import steps

SCHEMA: Final = "claim.v1"


class ClaimType(StrEnum):
    """Of whom the key becomes, or only where it lies."""

    OWNERSHIP = "OWNERSHIP"
    PORTABILITY = "PORTABILITY"


class ClaimStatus(StrEnum):
    """Where the claim stands; the donor has seven days to answer."""

    OPEN = "OPEN"
    WAITING_RESOLUTION = "WAITING_RESOLUTION"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class ClaimReason(StrEnum):
    """Why it was confirmed or cancelled."""

    USER_REQUESTED = "USER_REQUESTED"
    ACCOUNT_CLOSURE = "ACCOUNT_CLOSURE"
    FRAUD = "FRAUD"
    DEFAULT_OPERATION = "DEFAULT_OPERATION"
    RECONCILIATION = "RECONCILIATION"
    RFB_VALIDATION = "RFB_VALIDATION"
    PARTICIPANT_EXCLUSION = "PARTICIPANT_EXCLUSION"


STEPS: Final = steps(
    (None, (ClaimStatus.OPEN,)),
    (ClaimStatus.OPEN, (ClaimStatus.WAITING_RESOLUTION, ClaimStatus.CANCELLED)),
    (ClaimStatus.WAITING_RESOLUTION, (ClaimStatus.CONFIRMED, ClaimStatus.CANCELLED)),
    (ClaimStatus.CONFIRMED, (ClaimStatus.COMPLETED, ClaimStatus.CANCELLED)),
)

#: Which keys can be claimed how: ownership is proven by a code sent to a telephone.
CLAIMABLE: Final = {
    ClaimType.OWNERSHIP: (KeyType.PHONE,),
    ClaimType.PORTABILITY: (KeyType.CPF, KeyType.CNPJ, KeyType.PHONE, KeyType.EMAIL),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One step of a claim. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    claim_id: OwnId
    occurred_at: Instant
    key_id: EntityId
    key_type: KeyType
    type: ClaimType
    previous: ClaimStatus | None
    status: ClaimStatus
    donor_ispb: Ispb
    claimer_ispb: Ispb
    reason: ClaimReason | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        allowed = CLAIMABLE[self.type]
        refuse_unless(
            self.key_type in allowed,
            "key_type",
            f"of {self.type} one of {', '.join(allowed)}",
            self.key_type.value,
        )

    @property
    def subject_id(self) -> bytes:
        """The key."""
        return self.key_id

    @property
    def own_id(self) -> str:
        """Each state of a claim is reached once."""
        return f"{self.claim_id}/{self.status}"
