"""The live page as it comes: the newest decisions and all counts; its script goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crivo.adapters.http.answers import PageDecision
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.pages.lists import DecisionLine
from crivo.decision.reason_texts import Language
from crivo.domain.instant import parse_rfc3339


@dataclass(frozen=True, slots=True)
class LiveLine(DecisionLine):
    """A decision with its public reasons, in the language that is read."""

    reasons: str


def live_values(feed: Feed, language: Language) -> dict[str, Any]:
    """What the live page shows before its script asks for more."""
    found = feed.page(0)
    return {
        "after": found.after,
        "counts": found.counts,
        "decisions": [_line(each, language) for each in found.decisions],
    }


def _line(shown: PageDecision, language: Language) -> LiveLine:
    return LiveLine(
        shown.end_to_end_id,
        shown.phase,
        parse_rfc3339(shown.received_at, field="received_at"),
        shown.outcome,
        shown.score,
        shown.amount_centavos,
        shown.payer,
        shown.payee,
        " ".join(
            each.text_pt if language is Language.PT else each.text_en for each in shown.reasons
        ),
    )
