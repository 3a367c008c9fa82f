"""Holds that are not over yet: who is held, until when, and what that becomes then.

Which holds are open follows from the events of the log below a cut, so a replica keeps them, and a
start finds them again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from crivo.decision import follow_up, hold_end, revision
from crivo.decision.blocks import is_block
from crivo.decision.degraded import CAUSES
from crivo.decision.follow_up import FollowUp
from crivo.decision.hold_end import HoldEnd
from crivo.decision.record import Hold
from crivo.decision.revision import DecisionRevised
from crivo.decision.standing import Standing, ends_hold
from crivo.domain import settlement
from crivo.domain.event import Event
from crivo.domain.phase import Phase
from crivo.domain.settlement import Settlement, SettlementStatus
from crivo.flows.event_of import value_of
from crivo.flows.following import RAIL_STEPS
from crivo.flows.packed_state import pack, unpack

_ARRAY: Final = "holds"
_ENDING: Final = frozenset({hold_end.SCHEMA, follow_up.SCHEMA, revision.SCHEMA})


class OpenHold(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A transfer that is held: whose it is, until when at most, and what it becomes then.

    `is_degraded`: for want of something that may be there by and by. `is_block`: what is held is
    the credit, not the order. `returned_centavos` is how much of it the rail gave back so far; once
    that is all of it, `is_returned`, and `until` is when the last of it went.
    """

    end_to_end_id: str
    phase: str
    payer_id: bytes
    until: int
    ends_as: str
    is_degraded: bool = False
    is_block: bool = False
    returned_centavos: int = 0
    is_returned: bool = False

    @property
    def standing(self) -> Standing:
        """Where the transfer stands for as long as the hold is open."""
        return Standing.BLOCKED if self.is_block else Standing.HELD


_HOLDS: Final = msgspec.msgpack.Decoder(list[OpenHold])


class OpenHolds:
    """The holds that have neither ended nor been ended by the events told so far."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], OpenHold] = {}
        self._due: list[tuple[int, str, str]] = []
        #: Holds that may be judged again, in the order in which they began.
        self._degraded: deque[tuple[str, str]] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def begin(
        self,
        end_to_end_id: str,
        phase: str,
        payer_id: bytes,
        hold: Hold,
        degraded: Sequence[str],
        reasons: Collection[str],
    ) -> None:
        """A decision that lacked what `degraded` names holds a transfer, for these reasons."""
        held = OpenHold(
            end_to_end_id,
            phase,
            payer_id,
            hold.until,
            hold.ends_as,
            is_degraded=not CAUSES.isdisjoint(degraded),
            is_block=is_block(reasons),
        )
        self._put(held)

    def fold(self, event: Event) -> None:
        """Takes note of what ends a hold; other events change nothing."""
        if not self._open:
            return
        if event.schema == settlement.SCHEMA:
            self._settle(value_of(event), event.received_at)
        elif event.schema in _ENDING:
            # A released, cancelled or revised hold is over; nothing else follows one.
            ended: HoldEnd | FollowUp | DecisionRevised = value_of(event)
            self._open.pop((ended.end_to_end_id, ended.phase.value), None)

    def _settle(self, value: Settlement, received_at: int) -> None:
        """What the rail did ends a hold in whichever phase; a return ends no order that is held."""
        for phase in Phase:
            at = (value.end_to_end_id, phase.value)
            held = self._open.get(at)
            if held is None:
                continue
            if value.status is SettlementStatus.RETURNED:
                if held.is_block:
                    self._return(held, value, received_at)
            elif ends_hold(held.standing, RAIL_STEPS[value.status]):
                del self._open[at]

    def _return(self, held: OpenHold, value: Settlement, received_at: int) -> None:
        """A block is over once all of its credit went back in its time: part of it ends nothing.

        It is due then, and whoever ends holds tells that it was returned: no identity leads from a
        transfer to its returns, so what stands in the log has to say so.
        """
        at = min(value.occurred_at, received_at)
        if held.is_returned or at >= held.until:
            return
        returned = held.returned_centavos + (value.returned_centavos or 0)
        if returned < value.amount_centavos:
            known = msgspec.structs.replace(held, returned_centavos=returned)
            self._open[held.end_to_end_id, held.phase] = known
            return
        over = msgspec.structs.replace(
            held, until=at, is_degraded=False, returned_centavos=returned, is_returned=True
        )
        self._put(over)

    def due(self, now: int) -> OpenHold | None:
        """The hold whose time was over first, if there is one by now."""
        while self._due and self._due[0][0] <= now:
            until, id_, phase = self._due[0]
            found = self._open.get((id_, phase))
            if found is not None and found.until == until:
                return found
            heapq.heappop(self._due)
        return None

    def next_degraded(self, now: int) -> OpenHold | None:
        """A hold to judge again, which is given once; None where none is left that still lasts."""
        while self._degraded:
            found = self._open.get(self._degraded.popleft())
            if found is not None and found.until > now:
                return found
        return None

    def degraded_again(self, hold: OpenHold) -> None:
        """It could not be judged: it is given once more."""
        self._degraded.append((hold.end_to_end_id, hold.phase))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The open holds as one array of bytes, in the order in which they end."""
        held = sorted(self._open.values(), key=lambda each: (each.until, each.end_to_end_id))
        return pack(_ARRAY, held)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Holds what `arrays` of another one gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID.
        """
        held = unpack(_ARRAY, arrays, _HOLDS, told="open holds", parts="holds")
        for each in held:
            self._put(each)

    def _put(self, hold: OpenHold) -> None:
        self._open[hold.end_to_end_id, hold.phase] = hold
        if hold.is_degraded:
            self._degraded.append((hold.end_to_end_id, hold.phase))
        heapq.heappush(self._due, (hold.until, hold.end_to_end_id, hold.phase))
