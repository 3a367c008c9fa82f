"""Where a transfer stands after its decision, and what may follow from there (PIX.md §10).

An outcome asks something of the payer or the institution; what they do is told as steps. A step
that cannot follow is refused, so that a report of holds or warnings adds up. What the rail did
stands whatever was asked: it happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from crivo.decision.outcome import Outcome


class Standing(StrEnum):
    """What the transfer waits for, or how it ended."""

    CLEAR = "CLEAR"
    WARNED = "WARNED"
    CHALLENGED = "CHALLENGED"
    HELD = "HELD"
    BLOCKED = "BLOCKED"
    STOPPED = "STOPPED"
    SETTLED = "SETTLED"


class Step(StrEnum):
    """What may follow a decision. HOLD_PAID and HOLD_REJECTED are the two ends of a hold's time;
    CANCELLED is the payer's word, ORDER_CANCELLED the rail's.
    """

    WARN_CONFIRMED = "warn_confirmed"
    WARN_ABANDONED = "warn_abandoned"
    STEP_UP_PASSED = "step_up_passed"
    STEP_UP_FAILED = "step_up_failed"
    RELEASED = "released"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    REJECTED = "rejected"
    ORDER_CANCELLED = "order_cancelled"
    HOLD_PAID = "hold_paid"
    HOLD_REJECTED = "hold_rejected"


#: Where an outcome leaves a transfer.
FIRST: Final[Mapping[Outcome, Standing]] = {
    Outcome.ALLOW: Standing.CLEAR,
    Outcome.WARN: Standing.WARNED,
    Outcome.STEP_UP: Standing.CHALLENGED,
    Outcome.HOLD: Standing.HELD,
    Outcome.REJECT: Standing.STOPPED,
}

#: Where a HOLD leaves a transfer: of the order, of the credit.
_HELD: Final = frozenset({Standing.HELD, Standing.BLOCKED})

_RAIL: Final = {Step.SETTLED: Standing.SETTLED, Step.REJECTED: Standing.STOPPED}
#: What the rail did moves a transfer wherever it stands; nobody else may tell of the last.
_HAPPENED: Final = {**_RAIL, Step.ORDER_CANCELLED: Standing.STOPPED}
_CANCELLED: Final = {Step.CANCELLED: Standing.STOPPED}

#: What may follow from where, and where it leads; nothing follows STOPPED and SETTLED.
NEXT: Final[Mapping[Standing, Mapping[Step, Standing]]] = {
    Standing.CLEAR: {**_RAIL, **_CANCELLED},
    Standing.WARNED: {
        Step.WARN_CONFIRMED: Standing.CLEAR,
        Step.WARN_ABANDONED: Standing.STOPPED,
        **_CANCELLED,
    },
    Standing.CHALLENGED: {
        Step.STEP_UP_PASSED: Standing.CLEAR,
        Step.STEP_UP_FAILED: Standing.STOPPED,
        **_CANCELLED,
    },
    Standing.HELD: {
        Step.RELEASED: Standing.CLEAR,
        Step.REJECTED: Standing.STOPPED,
        Step.HOLD_PAID: Standing.CLEAR,
        Step.HOLD_REJECTED: Standing.STOPPED,
        **_CANCELLED,
    },
    # The payee's institution credits and freezes: the credit is no end of it.
    Standing.BLOCKED: {
        Step.SETTLED: Standing.BLOCKED,
        Step.REJECTED: Standing.STOPPED,
        Step.RELEASED: Standing.SETTLED,
        Step.RETURNED: Standing.STOPPED,
        Step.HOLD_PAID: Standing.SETTLED,
        Step.HOLD_REJECTED: Standing.STOPPED,
    },
    Standing.STOPPED: {},
    Standing.SETTLED: {},
}


def standing(
    outcome: Outcome, steps: Iterable[Step | Outcome], *, is_block: bool = False
) -> Standing:
    """Where a transfer stands that was decided so, after these steps in their order.

    `is_block`: a HOLD of the credit, not of the order. An outcome among the steps is that of a
    revision: the transfer stands where it leaves it.
    """
    found = Standing.BLOCKED if is_block else FIRST[outcome]
    for step in steps:
        found = FIRST[step] if isinstance(step, Outcome) else _moved(found, step)
    return found


def ends_hold(at: Standing, step: Step) -> bool:
    """Whether a transfer that stands there is held, and the step ends that."""
    return at in _HELD and _moved(at, step) is not at


def _moved(at: Standing, step: Step) -> Standing:
    return NEXT[at].get(step, _HAPPENED.get(step, at))
