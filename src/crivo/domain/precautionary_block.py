"""Precautionary blocks: the payee's institution credits, freezes, and then releases or returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.about_transfer import AboutTransfer
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Centavos, Instant, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "precautionary_block.v1"


class BlockStatus(StrEnum):
    """A block ends within 72 hours (Res. BCB 147/2021), one way or the other."""

    PLACED = "PLACED"
    RELEASED = "RELEASED"
    RETURNED = "RETURNED"


STEPS: Final = steps(
    (None, (BlockStatus.PLACED,)),
    (BlockStatus.PLACED, (BlockStatus.RELEASED, BlockStatus.RETURNED)),
)


@dataclass(frozen=True, slots=True)
class PrecautionaryBlock(AboutTransfer):
    """One step of a block. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    block_id: OwnId
    occurred_at: Instant
    previous: BlockStatus | None
    status: BlockStatus
    blocked_centavos: Centavos
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)
        refuse_unless(
            self.blocked_centavos <= self.amount_centavos,
            "blocked_centavos",
            f"at most the transfer's {self.amount_centavos}",
            self.blocked_centavos,
        )

    @property
    def own_id(self) -> str:
        """Each step of a block happens once."""
        return f"{self.block_id}/{self.status}"
