"""Writes docs/reference/rules.md from the declarations of the rules and the policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from crivo.decision.page import rules_page
from crivo.domain.errors import CrivoError
from crivo.flows.bundle import read_policy

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "reference" / "rules.md"

if __name__ == "__main__":
    try:
        page = rules_page(read_policy(ROOT / "policy"))
    except CrivoError as error:
        sys.exit(str(error))
    PAGE.write_text(page, encoding="utf-8")
