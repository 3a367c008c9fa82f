"""Pix Automático: a payee asks to collect again and again, and the payer says yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Centavos, EntityId, Instant, Ispb, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "authorisation_request.v1"


class AuthorisationStatus(StrEnum):
    """Where the request stands."""

    REQUESTED = "REQUESTED"
    AUTHORISED = "AUTHORISED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Frequency(StrEnum):
    """How often the payee may collect."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    HALF_YEARLY = "HALF_YEARLY"
    YEARLY = "YEARLY"


STEPS: Final = steps(
    (None, (AuthorisationStatus.REQUESTED,)),
    (
        AuthorisationStatus.REQUESTED,
        (
            AuthorisationStatus.AUTHORISED,
            AuthorisationStatus.REJECTED,
            AuthorisationStatus.EXPIRED,
            AuthorisationStatus.CANCELLED,
        ),
    ),
    (AuthorisationStatus.AUTHORISED, (AuthorisationStatus.EXPIRED, AuthorisationStatus.CANCELLED)),
)


@dataclass(frozen=True, slots=True)
class AuthorisationRequest:
    """One step of a request. The order of the fields is the schema: only append.

    `amount_centavos` is the fixed amount of each collection, `most_centavos` the payer's ceiling.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    authorisation_id: OwnId
    occurred_at: Instant
    account_id: EntityId
    payee_id: EntityId
    previous: AuthorisationStatus | None
    status: AuthorisationStatus
    frequency: Frequency
    amount_centavos: Centavos | None = None
    most_centavos: Centavos | None = None
    payee_ispb: Ispb | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        refuse_unless(
            self.amount_centavos is None or self.most_centavos is None,
            "most_centavos",
            "nothing where the amount is fixed",
            self.most_centavos,
        )

    @property
    def subject_id(self) -> bytes:
        """The payer's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """Each state of a request is reached once."""
        return f"{self.authorisation_id}/{self.status}"
