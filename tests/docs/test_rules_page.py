"""The page about rules says what their declarations and the policy say."""

from __future__ import annotations

from pathlib import Path

from crivo.decision.page import rules_page
from crivo.decision.rule import declared_rules
from crivo.flows.bundle import read_policy

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "rules.md"


def test_the_page_is_what_the_rules_say():
    made = rules_page(read_policy(ROOT / "policy"))
    assert PAGE.read_text(encoding="utf-8") == made, "run .venv/bin/python scripts/rules.py"


def test_every_rule_has_its_row():
    page = PAGE.read_text(encoding="utf-8")
    for rule in declared_rules():
        assert page.count(f"| `{rule.name}` |") == 1
        assert rule.threat in page


def test_sabotage_a_changed_policy_is_noticed():
    texts = read_policy(ROOT / "policy")
    changed = {**texts, "rules.toml": texts["rules.toml"].replace('"shadow"', '"on"')}
    assert rules_page(changed) != PAGE.read_text(encoding="utf-8")
