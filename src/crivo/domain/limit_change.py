"""Changes of what an account may pay: limits, the start of the night, payees known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, CentavosOrZero, EntityId, HourOfDay, Instant, OwnId

SCHEMA: Final = "limit_change.v1"


class LimitKind(StrEnum):
    """What is limited, or set. PAYEE is a payee registered beforehand with a limit of its own."""

    DAY = "DAY"
    NIGHT = "NIGHT"
    TRANSFER = "TRANSFER"
    UNREGISTERED_DEVICE = "UNREGISTERED_DEVICE"
    CASH = "CASH"
    AUTOMATIC = "AUTOMATIC"
    PAYEE = "PAYEE"
    NIGHT_START = "NIGHT_START"


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change, asked for at `occurred_at` and in force from `effective_at`. Only append fields.

    How long a raise has to wait is a matter of dated policy; a lowering takes effect at once. An
    amount of None before says that the account had no limit of its own.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    change_id: OwnId
    occurred_at: Instant
    effective_at: Instant
    account_id: EntityId
    kind: LimitKind
    before_centavos: CentavosOrZero | None = None
    after_centavos: CentavosOrZero | None = None
    payee_id: EntityId | None = None
    night_start_hour: HourOfDay | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(
            self.effective_at >= self.occurred_at,
            "effective_at",
            "no earlier than occurred_at",
            self.effective_at,
        )
        is_start = self.kind is LimitKind.NIGHT_START
        refuse_unless(
            (self.night_start_hour is not None) == is_start,
            "night_start_hour",
            "an hour with NIGHT_START, and with nothing else",
            self.night_start_hour,
        )
        refuse_unless(
            (self.after_centavos is None) == is_start,
            "after_centavos",
            "an amount, but none with NIGHT_START",
            self.after_centavos,
        )
        refuse_unless(
            (self.payee_id is not None) == (self.kind is LimitKind.PAYEE),
            "payee_id",
            "a payee with PAYEE, and with nothing else",
            self.payee_id,
        )

    @property
    def subject_id(self) -> bytes:
        """The payer's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """The id that the institution gave the change."""
        return self.change_id
