"""Every text that a template asks for exists in both languages, and every text is asked for."""

from __future__ import annotations

import re
from importlib.resources import files

from crivo.adapters.http.pages.words import WORDS
from crivo.adapters.http.problems import STATUS
from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.domain.report import ReportStatus
from crivo.domain.review import ReviewResult, ReviewSide
from crivo.flows.following import RAIL_STEPS

FOLDER = files("crivo.adapters.http.pages")
SOURCES = [path for path in FOLDER.iterdir() if path.name.endswith(".py")]
TEMPLATES = list((FOLDER / "templates").iterdir())

#: Texts whose names are values of closed lists, so that no template spells them.
LISTED = {
    *(word.value for words in (Outcome, ReviewSide, ReviewResult) for word in words),
    *(kind.value for kind in FollowUpKind),
    *(status.value.lower() for status in RAIL_STEPS),
    *(f"report_{status.value.lower()}" for status in ReportStatus),
    *(f"refused_{status}" for status in (*STATUS.values(), 500)),
    *("revised", "hold_end"),
}


def test_every_text_of_a_template_is_there() -> None:
    asked = {
        name
        for path in TEMPLATES
        for name in re.findall(r'\bt\("([a-zA-Z_]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert asked <= set(WORDS)
    assert set(WORDS) >= LISTED


def test_no_text_is_kept_that_nobody_asks_for() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in [*TEMPLATES, *SOURCES])
    said = said.replace(FOLDER.joinpath("words.py").read_text(encoding="utf-8"), "")
    named = set(re.findall(r"\w+", said)) | LISTED
    assert set(WORDS) - named == set()


def test_every_text_is_there_in_both_languages() -> None:
    for name, texts in WORDS.items():
        assert all(text.strip() for text in texts), name
