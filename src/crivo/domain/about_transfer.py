"""What an event about a transfer repeats of it, so that folding never looks another event up."""

from __future__ import annotations

from dataclasses import dataclass

from crivo.domain.declared import check_fields
from crivo.domain.fields import Centavos, EndToEndId, EntityId, Instant


@dataclass(frozen=True, slots=True)
class AboutTransfer:
    """The facts of the transfer, filled in by the door. The payer is the event's subject.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    end_to_end_id: EndToEndId
    payer_id: EntityId
    payee_id: EntityId
    amount_centavos: Centavos
    transfer_occurred_at: Instant

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's account."""
        return self.payer_id
