"""Lists of decisions: what a line shows, and what may be searched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crivo.adapters.http.pages.render import shortened
from crivo.adapters.http.search import make_cursor, parse_cursor
from crivo.adapters.http.service import Parts
from crivo.decision.outcome import parse_outcome
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import EARLIEST, LATEST, parse_rfc3339
from crivo.flows.decision_index import DecisionQuery, IndexedDecision
from crivo.flows.project import UNSCORED
from crivo.governance.pseudonym import IdDomain

#: Decisions of a page.
LINES: Final = 50
#: What is asked, by the names of the form; an empty field asks for nothing.
FIELDS: Final = ("id", "payer", "payee", "outcome", "from", "to", "cursor")


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A decision in a list; `score` is None where nothing was scored."""

    end_to_end_id: str
    phase: str
    received_at: int
    outcome: str
    score: int | None
    amount_centavos: int
    payer: str
    payee: str


def line_of(found: IndexedDecision) -> DecisionLine:
    """What a list shows of a decision."""
    return DecisionLine(
        found.end_to_end_id,
        found.phase,
        found.received_at,
        found.outcome,
        None if found.score == UNSCORED else found.score,
        found.amount_centavos,
        shortened(found.payer_id),
        shortened(found.payee_id),
    )


def search_values(parts: Parts, given: Mapping[str, str]) -> dict[str, Any]:
    """What the page of a search shows.

    Raises:
        Refused: the first field that cannot be. Unavailable: INDEX_UNAVAILABLE.
    """
    asked = {name: given.get(name, "").strip() for name in FIELDS}
    if asked["id"]:
        end_to_end_id_minute(asked["id"])
        phases = (
            parts.index.get(asked["id"], phase=phase) for phase in ("initiation", "settlement")
        )
        found = [each for each in phases if each is not None]
        return {"asked": asked, "decisions": [line_of(each) for each in found], "older": None}
    found = parts.index.search(query_of(parts, asked))
    older = None
    if len(found) == LINES:
        older = {name: value for name, value in asked.items() if value}
        older["cursor"] = make_cursor(found[-1])
    return {"asked": asked, "decisions": [line_of(each) for each in found], "older": older}


def query_of(parts: Parts, asked: Mapping[str, str]) -> DecisionQuery:
    """The query of a form.

    Raises:
        Refused: the first field that cannot be.
    """
    accounts = {
        side: parts.pseudonyms.known(IdDomain.ACCOUNT, asked[side], field=side)
        if asked[side]
        else None
        for side in ("payer", "payee")
    }
    outcome = asked["outcome"]
    return DecisionQuery(
        payer_id=accounts["payer"],
        payee_id=accounts["payee"],
        outcome=parse_outcome(outcome, field="outcome").value if outcome else None,
        since=parse_rfc3339(asked["from"], field="from") if asked["from"] else EARLIEST,
        until=parse_rfc3339(asked["to"], field="to") if asked["to"] else LATEST,
        before=parse_cursor(asked["cursor"]) if asked["cursor"] else None,
        limit=LINES,
    )
