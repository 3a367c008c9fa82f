"""The page about events says what the kinds and faults declare."""

from __future__ import annotations

from tests.docs.events_page import PAGE, page_with, tables


def test_the_page_says_what_is_declared():
    text = PAGE.read_text("utf-8")
    assert page_with(text, tables()) == text, "run: python -m tests.docs.events_page"


def test_sabotage_a_field_missing_from_the_page_is_noticed():
    text = PAGE.read_text("utf-8")
    shorter = "\n".join(line for line in text.splitlines() if "`txid`" not in line) + "\n"
    assert page_with(shorter, tables()) != shorter
