"""The page about the policy has the rail's words, and the reasons, as the code has them."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from crivo.decision import rail
from crivo.decision.outcome import Outcome
from crivo.decision.procedure import POLICY_FILES
from crivo.decision.reasons import ReasonCode
from crivo.domain.settlement import Rejection
from crivo.domain.transfer import ServiceLevel

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "policy.md"


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


def entries() -> dict[str, list[dict]]:
    """The entries of the policy files that decide, by key."""
    found: dict[str, list[dict]] = {}
    for name in POLICY_FILES:
        for each in tomllib.loads((ROOT / "policy" / name).read_text(encoding="utf-8"))["entry"]:
            found.setdefault(each["key"], []).append(each)
    return found


def named_keys(text: str) -> list[str]:
    """What the page calls a key: a family ends in `.*`."""
    heads = {key.split(".")[0] for key in entries()}
    words = re.findall(r"`([a-z_]+(?:\.[a-z_*]+)+)`", text)
    return [word for word in words if word.split(".")[0] in heads and not word.endswith("toml")]


def test_every_key_that_the_page_names_is_an_entry_of_the_policy():
    keys = entries()
    named = named_keys(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 20
    for name in named:
        assert any(fnmatchcase(key, name) for key in keys), name


def test_the_page_names_every_key_of_blocks_and_lists():
    named = named_keys(PAGE.read_text(encoding="utf-8"))
    for key in entries():
        if key.split(".")[0] in {"blocks", "lists"}:
            assert any(fnmatchcase(key, name) for name in named), key


def test_the_dates_of_blocks_on_the_page_are_those_of_the_policy():
    text = PAGE.read_text(encoding="utf-8").split("## Blocks")[1].split("\n## ")[0]
    starts = {
        each["from"]
        for key, of_key in entries().items()
        if key.startswith("blocks.")
        for each in of_key
    }
    said = {f"{day.day} {day:%B} {day.year}" for day in starts - {date(2000, 1, 1)}}
    assert said == {"16 November 2021", "26 September 2025"}
    assert all(each in text for each in said)


def test_sabotage_a_key_of_other_words_is_noticed():
    wrong, family = named_keys("`blocks.marked.payer.outcomes`, `limits.*`, `rail.py`")
    keys = entries()
    assert not any(fnmatchcase(key, wrong) for key in keys)
    assert any(fnmatchcase(key, family) for key in keys)
