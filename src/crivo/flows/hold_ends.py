"""Ending holds: one that nobody ended becomes, when its time is over, what its record says; a
block whose credit the rail gave back was returned.

The end is an event, one a hold by its id, so that repeats collapse, also after a start.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crivo.decision.follow_up import FollowUp, FollowUpKind
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import OUTCOMES
from crivo.domain.errors import Unavailable
from crivo.domain.phase import Phase
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of
from crivo.flows.holds import OpenHold

#: How often it is looked for holds whose time is over.
LOOK_SECONDS: Final = 0.25
#: Holds ended in one turn of the deciding thread, at some tens of microseconds each.
ENDED_AT_ONCE: Final = 32
#: Who tells of an end.
SOURCE: Final = "crivo"

_LOGGER: Final = logging.getLogger("crivo.holds")


def look_after_holds(
    stop: threading.Event,
    hand_over: Callable[[Callable[[], None]], None],
    *looks: Callable[[], None],
) -> None:
    """Has the deciding thread make each look now and then, until `stop`."""
    while not stop.wait(LOOK_SECONDS):
        for look in looks:
            hand_over(look)


@dataclass(frozen=True, slots=True)
class HoldService:
    """Ends holds on the thread of its `DecisionService`.

    `told` hears the outcome of each whose time was over.
    """

    decisions: DecisionService
    told: Callable[[str], None]

    def end_due(self) -> None:
        """Ends the holds whose time is over: an event each, which no answer waits for.

        A log that takes nothing just now is asked again by the next look.
        """
        clock, holds = self.decisions.clock, self.decisions.holds
        now = clock.now()
        for _ in range(ENDED_AT_ONCE):
            hold = holds.due(now)
            if hold is None:
                return
            value = _end_of(hold)
            event = event_of(value, occurred_at=hold.until, received_at=now, source=SOURCE)
            try:
                self.decisions.append(event, (), self._done(hold))
            except Unavailable as error:
                _LOGGER.warning("hold_end.waits", extra={"code": error.code})
                return

    def _done(self, hold: OpenHold) -> Callable[[Exception | None], None]:
        def done(failure: Exception | None) -> None:
            # After a failure the log writes the same bytes again by itself.
            if not hold.is_returned:
                self.told(hold.ends_as)
            if failure is not None:
                _LOGGER.warning("hold_end.delayed", extra={"facts": {"words": str(failure)}})

        return done


def _end_of(hold: OpenHold) -> HoldEnd | FollowUp:
    id_, phase, payer_id = hold.end_to_end_id, Phase(hold.phase), hold.payer_id
    if hold.is_returned:
        return FollowUp(id_, phase, payer_id, hold.until, FollowUpKind.RETURNED)
    return HoldEnd(id_, phase, payer_id, hold.until, OUTCOMES[hold.ends_as])
