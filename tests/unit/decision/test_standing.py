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


@pytest.mark.parametrize("outcome", Outcome)
def test_every_way_ends_after_few_steps(outcome):
    ways = [[]]
    for _ in range(3):
        ways = [[*way, step] for way in ways for step in NEXT[standing(outcome, way)]] or ways
    assert all(not NEXT[standing(outcome, way)] for way in ways)
