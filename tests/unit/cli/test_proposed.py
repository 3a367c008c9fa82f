"""What a proposal would do is told with what it may be: each part between the ends of whole days."""

from __future__ import annotations

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
