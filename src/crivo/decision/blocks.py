"""Blocks: the payee's institution may credit what it suspects, and freeze that.

It does so for up to 72 hours, to release or to return it (precautionary block, BCB Resolutions
147/2021 and 506/2025): a HOLD of its settlement phase, with other terms than those of an order that
is kept back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from crivo.decision.hold import bind_end
from crivo.decision.limits import SEGMENT_NAMES
from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind, PolicyValue
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import SETTLEMENT, Hold
from crivo.decision.standing import Standing, Step, standing
from crivo.domain.account import CustomerSegment
from crivo.domain.instant import HOUR
from crivo.domain.transfer import Transfer

#: No entry of the policy may block a credit for longer (BCB Resolution 147/2021).
BLOCK_HOURS_MAX: Final = 72

#: Whose credits may be blocked: a payee's institution names itself.
INSTITUTIONS: Final = "blocks.precautionary.institutions"
#: For how long, by the payee's segment, whose name follows.
HOURS: Final = "blocks.precautionary.hours"
#: What becomes of a block that nobody ended.
END: Final = "blocks.precautionary.end"

BLOCK_KEYS: Final = (
    Key(INSTITUTIONS, Kind.ISPBS),
    *(Key(f"{HOURS}.{segment}", Kind.COUNT, optional=True) for segment in SEGMENT_NAMES.values()),
    Key(END, Kind.OUTCOME),
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks in force on one date.

    `institutions` (ISPBs) block credits for at most `hours`, by the payee's segment (None: one that
    was not told; a value of None: nobody may); `ends_as` is ALLOW for a release, REJECT for a
    return.
    """

    institutions: frozenset[str]
    hours: Mapping[CustomerSegment | None, int | None]
    ends_as: Outcome

    def of_credit(self, transfer: Transfer, phase: str) -> Hold | None:
        """The terms of the block of a credit that is not to be had at once; None where there can
        be none: the order is held then.
        """
        if phase != SETTLEMENT or transfer.payee_ispb not in self.institutions:
            return None
        hours = self.hours[transfer.payee_segment]
        if hours is None:
            return None
        return Hold(transfer.occurred_at + hours * HOUR, self.ends_as.value)


def is_block(reasons: Collection[str]) -> bool:
    """Whether a HOLD of these reasons blocks a credit, and holds no order."""
    return ReasonCode.PRECAUTIONARY_BLOCK in reasons


def standing_of(
    outcome: Outcome, reasons: Collection[str], steps: Iterable[Step | Outcome]
) -> Standing:
    """Where a transfer stands that was decided so for these reasons, after these steps."""
    return standing(outcome, steps, is_block=is_block(reasons))


def bind_blocks(
    value: Callable[[str], PolicyValue | None], unfit: Callable[[str, str, object], Exception]
) -> Blocks:
    """The blocks of one date, by what `value` says of the keys in force then.

    Raises:
        Misconfigured: what `unfit` makes of a key, what it must be, and what it is.
    """
    hours: dict[CustomerSegment | None, int | None] = {}
    for segment, name in SEGMENT_NAMES.items():
        found = value(f"{HOURS}.{name}")
        assert found is None or type(found) is int
        if found is not None and not 1 <= found <= BLOCK_HOURS_MAX:
            raise unfit(f"{HOURS}.{name}", f"1 to {BLOCK_HOURS_MAX} hours", found)
        hours[segment] = found
    institutions = value(INSTITUTIONS)
    assert isinstance(institutions, frozenset)
    return Blocks(institutions, hours, bind_end(END, value, unfit))
