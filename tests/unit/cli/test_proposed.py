"""What a proposal would do is told with what it may be: parts between the ends of whole days."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.cli.proposed import show_proposal
from crivo.decision.outcome import Outcome
from crivo.decision.proposal import Proposal, propose
from tests.unit.decision.test_proposal import COSTS, spread_over

PARTS = ("saved", "lost", "friction", "frozen", "reviews", "worth", "review minutes")


@pytest.mark.parametrize("days", [1, 10])
def test_every_part_of_a_proposal_is_told_with_its_interval_where_there_are_days_to_draw(
    capsys, days
):
    judged, scores = spread_over(days, 600) if days > 1 else spread_over(2, 600)
    if days == 1:
        judged = judged.of(judged.day == np.min(judged.day))
        scores = scores[: len(judged)]
    show_proposal(propose(judged, scores, judged, scores, COSTS), {})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for part in PARTS:
        (line,) = [each for each in lines if each.strip("│ ").startswith(f"{part} a day")]
        assert ("(no interval: one day)" in line) is (days == 1), line
        assert (" to " in line) is (days > 1), line


def said_of(capsys, proposal: Proposal) -> str:
    show_proposal(proposal, {})
    return " ".join(capsys.readouterr().err.split())


def test_how_many_frauds_a_proposal_rests_on_is_said_and_which_outcomes_it_asks_for_nobody(capsys):
    judged, scores = spread_over(10)
    said = said_of(capsys, propose(judged, scores, judged, scores, COSTS))
    assert f"chosen by {judged.labels.sum()} frauds" in said
    assert "was worth more as" not in said
    honest = replace(judged, labels=np.zeros_like(judged.labels))
    said = said_of(capsys, propose(honest, scores, judged, scores, COSTS))
    assert "chosen by 0 frauds" in said
    assert "no score was worth more as WARN or STEP_UP or HOLD than as another outcome" in said
    # Nothing follows a REJECT: its threshold is nobody's next one.
    assert "None was worth more as REJECT than as another outcome, so its threshold is" in said


def test_where_people_are_too_few_to_review_nothing_is_said_of_what_a_hold_costs(capsys):
    judged, scores = spread_over(10)
    usual = propose(judged, scores, judged, scores, COSTS)
    assert usual.judged.outcomes[Outcome.HOLD] > 0
    nobody = propose(judged, scores, judged, scores, replace(COSTS, reviews_per_day=0))
    assert nobody.review_price > 0
    assert nobody.judged.outcomes[Outcome.HOLD] == 0
    said = said_of(capsys, nobody)
    assert "no score was worth more as HOLD than as another outcome" in said
    assert "costs" not in said
