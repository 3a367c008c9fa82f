"""What may follow which outcome, enumerated: each pair of standing and step has its answer."""

from __future__ import annotations

import itertools

import pytest

from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.decision.standing import FIRST, NEXT, Standing, Step, standing

S = Standing
RAIL = {Step.SETTLED: S.SETTLED, Step.REJECTED: S.STOPPED}
#: Written out a second time, by hand, from PIX.md §10.
MAY = {
    (S.CLEAR, Step.SETTLED): S.SETTLED,
    (S.CLEAR, Step.REJECTED): S.STOPPED,
    (S.CLEAR, Step.CANCELLED): S.STOPPED,
    (S.WARNED, Step.WARN_CONFIRMED): S.CLEAR,
    (S.WARNED, Step.WARN_ABANDONED): S.STOPPED,
    (S.WARNED, Step.CANCELLED): S.STOPPED,
    (S.CHALLENGED, Step.STEP_UP_PASSED): S.CLEAR,
    (S.CHALLENGED, Step.STEP_UP_FAILED): S.STOPPED,
    (S.CHALLENGED, Step.CANCELLED): S.STOPPED,
    (S.HELD, Step.RELEASED): S.CLEAR,
    (S.HELD, Step.CANCELLED): S.STOPPED,
    (S.HELD, Step.REJECTED): S.STOPPED,
    (S.HELD, Step.HOLD_PAID): S.CLEAR,
    (S.HELD, Step.HOLD_REJECTED): S.STOPPED,
    (S.BLOCKED, Step.SETTLED): S.BLOCKED,
    (S.BLOCKED, Step.REJECTED): S.STOPPED,
    (S.BLOCKED, Step.RELEASED): S.SETTLED,
    (S.BLOCKED, Step.RETURNED): S.STOPPED,
    (S.BLOCKED, Step.HOLD_PAID): S.SETTLED,
    (S.BLOCKED, Step.HOLD_REJECTED): S.STOPPED,
}


@pytest.mark.parametrize(("now", "step"), list(itertools.product(Standing, Step)))
def test_every_step_from_every_standing_leads_where_it_should_or_nowhere(now, step):
    assert NEXT[now].get(step) == MAY.get((now, step))


def test_every_outcome_stands_somewhere_and_every_kind_is_a_step():
    assert set(FIRST) == set(Outcome)
    assert set(NEXT) == set(Standing)
    assert {kind.value for kind in FollowUpKind} <= {step.value for step in Step}


@pytest.mark.parametrize(
    ("outcome", "steps", "end"),
    [
        (Outcome.ALLOW, [], S.CLEAR),
        (Outcome.WARN, [Step.WARN_CONFIRMED, Step.SETTLED], S.SETTLED),
        (Outcome.STEP_UP, [Step.STEP_UP_FAILED], S.STOPPED),
        (Outcome.HOLD, [Step.RELEASED, Step.REJECTED], S.STOPPED),
        (Outcome.HOLD, [Step.HOLD_REJECTED], S.STOPPED),
        # What the rail did happened, whatever was asked.
        (Outcome.REJECT, [Step.SETTLED], S.SETTLED),
        (Outcome.WARN, [Step.SETTLED], S.SETTLED),
        # What cannot follow moves nothing.
        (Outcome.ALLOW, [Step.RELEASED], S.CLEAR),
    ],
)
def test_a_transfer_stands_where_its_steps_led(outcome, steps, end):
    assert standing(outcome, steps) is end


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([], S.BLOCKED),
        # The credit is what is blocked, and no end of it.
        ([Step.SETTLED], S.BLOCKED),
        ([Step.SETTLED, Step.RELEASED], S.SETTLED),
        ([Step.RELEASED, Step.SETTLED], S.SETTLED),
        ([Step.SETTLED, Step.RETURNED], S.STOPPED),
        ([Step.SETTLED, Step.HOLD_REJECTED], S.STOPPED),
        ([Step.SETTLED, Step.HOLD_PAID], S.SETTLED),
        # The payer cannot take back what was credited.
        ([Step.SETTLED, Step.CANCELLED], S.BLOCKED),
        ([Outcome.ALLOW, Step.SETTLED], S.SETTLED),
    ],
)
def test_a_blocked_credit_stands_until_it_is_released_or_returned(steps, end):
    assert standing(Outcome.HOLD, steps, is_block=True) is end


@pytest.mark.parametrize(
    ("outcome", "is_block"), [*((each, False) for each in Outcome), (Outcome.HOLD, True)]
)
def test_every_way_ends_after_few_steps(outcome, is_block):
    """Each step follows once, by its identity."""
    ways, ends = [[]], []
    for _ in range(4):
        longer = []
        for way in ways:
            may = NEXT[standing(outcome, way, is_block=is_block)]
            ends += [] if may else [way]
            longer += [[*way, step] for step in may if step not in way]
        ways = longer
    assert ends and not ways
