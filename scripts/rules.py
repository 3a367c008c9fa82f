"""Writes docs/rules.md from the declarations of the rules and the policy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.decision.page import rules_page
from crivo.flows.bundle import read_policy

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "rules.md"

if __name__ == "__main__":
    PAGE.write_text(rules_page(read_policy(ROOT / "policy")), encoding="utf-8")
