"""The page about the policy has the rail's words, and the reasons, as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

from crivo.decision import rail
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.domain.settlement import Rejection
from crivo.domain.transfer import ServiceLevel

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "policy.md"


def test_the_page_maps_every_outcome_to_the_rail():
    assert tuple(rail.ON_RAIL) == tuple(Outcome)
    assert rail.rail_table() in PAGE.read_text(encoding="utf-8")
    assert rail.ON_RAIL[Outcome.HOLD].service_level is ServiceLevel.PAGFRD
    assert rail.ON_RAIL[Outcome.REJECT].rejection is Rejection.FRAD


def test_sabotage_an_outcome_of_other_words_is_noticed(monkeypatch):
    monkeypatch.setattr(rail, "ON_RAIL", {**rail.ON_RAIL, Outcome.HOLD: rail.OnRail("waits")})
    assert rail.rail_table() not in PAGE.read_text(encoding="utf-8")


def test_a_reason_that_the_page_says_is_missing_is_missing_and_its_stand_in_exists():
    text = PAGE.read_text(encoding="utf-8").split("## Reasons that have no code of their own")[1]
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", text, re.MULTILINE)
    assert len(rows) == 7
    for code, instead in rows:
        assert code not in set(ReasonCode)
        assert instead == "none" or instead.strip("`") in set(ReasonCode)
