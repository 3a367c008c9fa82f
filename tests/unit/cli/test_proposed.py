"""What a proposal would do is told with what it may be: parts between the ends of whole days."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.cli.proposed import show_proposal
from crivo.decision.proposal import propose
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


def test_how_many_frauds_a_proposal_rests_on_is_said_and_what_was_never_worth_its_cost(capsys):
    judged, scores = spread_over(10)
    show_proposal(propose(judged, scores, judged, scores, COSTS), {})
    said = " ".join(capsys.readouterr().err.split())
    assert f"chosen by {judged.labels.sum()} frauds" in said
    assert "no score was worth" not in said
    honest = replace(judged, labels=np.zeros_like(judged.labels))
    show_proposal(propose(honest, scores, judged, scores, COSTS), {})
    said = " ".join(capsys.readouterr().err.split())
    assert "chosen by 0 frauds" in said
    assert "no score was worth what WARN, STEP_UP, HOLD, REJECT costs" in said
