"""Blocks: what the norms ask of transfers of marked users, and of credits that are suspected.

A marked user pays and receives nothing but returns (BCB Resolutions 506/2025 and 587/2026). The
payee's institution may credit what it suspects and freeze it for up to 72 hours, to release or to
return it (precautionary block, BCB Resolutions 147/2021 and 506/2025): a HOLD of its settlement
phase, with other terms than those of an order that is kept back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crivo.decision.limits import SEGMENT_NAMES
from crivo.decision.lists import HitKind, ListHit
from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind, PolicyValue
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import SETTLEMENT, Hold
from crivo.decision.standing import Standing, Step, standing
from crivo.domain.account import CustomerSegment
from crivo.domain.instant import HOUR
from crivo.domain.list_entry import ListSide
from crivo.domain.transfer import Transfer

#: No entry of the policy may block a credit for longer (BCB Resolution 147/2021).
BLOCK_HOURS_MAX: Final = 72

#: Whose credits may be blocked: a payee's institution names itself.
INSTITUTIONS: Final = "blocks.precautionary.institutions"
#: For how long, by the payee's segment, whose name follows.
HOURS: Final = "blocks.precautionary.hours"
#: What becomes of a block that nobody ended.
END: Final = "blocks.precautionary.end"
_MARKED: Final = {
    ListSide.PAYER: "blocks.marked.payer.outcome",
    ListSide.PAYEE: "blocks.marked.payee.outcome",
}
_REASONS: Final = {
    ListSide.PAYER: ReasonCode.PAYER_MARKED,
    ListSide.PAYEE: ReasonCode.PAYEE_MARKED,
}

BLOCK_KEYS: Final = (
    Key(INSTITUTIONS, Kind.ISPBS),
    *(Key(f"{HOURS}.{segment}", Kind.COUNT, optional=True) for segment in SEGMENT_NAMES.values()),
    Key(END, Kind.OUTCOME),
    *(Key(name, Kind.OUTCOME, optional=True) for name in _MARKED.values()),
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks in force on one date.

    `marked` is the least that is answered where a party is marked, by its role. `institutions`
    (ISPBs) block credits for at most `hours`, by the payee's segment (None: one that was not told;
    a value of None: nobody may); `ends_as` is ALLOW for a release, REJECT for a return.
    """

    marked: Mapping[ListSide, Outcome]
    institutions: frozenset[str]
    hours: Mapping[CustomerSegment | None, int | None]
    ends_as: Outcome

    def of_marked(self, hits: Sequence[ListHit]) -> tuple[Outcome, tuple[ReasonCode, ...]]:
        """The least that is answered for what stands out about the parties, and why."""
        sides = {hit.side for hit in hits if hit.kind is HitKind.MARKED}
        asked = [side for side in _MARKED if side in sides and self.marked[side] > Outcome.ALLOW]
        least = max((self.marked[side] for side in asked), default=Outcome.ALLOW)
        return least, tuple(_REASONS[side] for side in asked)

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
    institutions, ends_as = value(INSTITUTIONS), value(END)
    assert isinstance(institutions, frozenset)
    if ends_as not in {Outcome.ALLOW, Outcome.REJECT}:
        raise unfit(END, "ALLOW or REJECT", ends_as)
    assert isinstance(ends_as, Outcome)
    marked: dict[ListSide, Outcome] = {}
    for side, name in _MARKED.items():
        least = value(name)
        assert least is None or isinstance(least, Outcome)
        marked[side] = Outcome.ALLOW if least is None else least
    return Blocks(marked, institutions, hours, ends_as)
