"""The queue of reviews: what parties asked for, and what waits for a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crivo.adapters.http.pages.followed import VERDICTS
from crivo.adapters.http.pages.lists import DecisionLine, line_of
from crivo.adapters.http.search import parse_cursor, place_cursor
from crivo.adapters.http.service import Parts
from crivo.domain.choice import parse_choice
from crivo.domain.errors import Code, invalid
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.phase import Phase
from crivo.domain.review import ReviewResult, ReviewSide
from crivo.flows.open_reviews import OpenReview
from crivo.flows.ports import LogReader
from crivo.flows.review import Asked, steps_of
from crivo.flows.verdicts import WaitingPage, verdict_of, waiting_for_verdict

#: Requests of a page, and digits of how many may be passed over.
REQUESTS: Final = 50
SKIP_DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A review that was asked for: by which side, when, and what was decided."""

    side: str
    asked_at: int
    decision: DecisionLine


@dataclass(frozen=True, slots=True)
class Done:
    """What was just done about a decision, in the names of texts."""

    end_to_end_id: str
    title: str
    said: str
    phase: str = Phase.INITIATION.value


async def queue_values(parts: Parts, given: Mapping[str, str]) -> dict[str, Any]:
    """What the page of the queue shows.

    Raises:
        Refused: FIELD_VALUE for a cursor or number that is none. Unavailable: INDEX_UNAVAILABLE.
    """
    cursor, skip = given.get("cursor", ""), _skip(given.get("skip", "0"))
    reviews = parts.decisions.replica.reviews
    # On the thread that folds; the tables are looked up beside it.
    asked, open_count = reviews.oldest(REQUESTS, skip=skip), len(reviews)
    requests, page = await asyncio.to_thread(
        _looked_up, parts, asked, parse_cursor(cursor) if cursor else None
    )
    done = await asyncio.to_thread(_done, parts.decisions.log, given)
    more = skip + len(asked)
    return {
        "done": done,
        "requests": requests,
        "requests_open": open_count,
        "more_requests": {"skip": str(more)} if more < open_count else None,
        "waiting": [line_of(each) for each in page.waiting],
        "older": None if page.before is None else {"cursor": place_cursor(page.before)},
    }


def _done(log: LogReader, given: Mapping[str, str]) -> Done | None:
    """The verdict or answer that the query names, as it stands in the log."""
    if id_ := given.get("verdict"):
        end_to_end_id_minute(id_)
        verdict = verdict_of(log, id_)
        return None if verdict is None else Done(id_, "verdict_given", VERDICTS[verdict[1].status])
    if id_ := given.get("answer"):
        end_to_end_id_minute(id_)
        side = parse_choice(ReviewSide, given.get("side", "")[:80], field="side")
        phase = parse_choice(Phase, given.get("phase", "")[:80], field="phase")
        for step in steps_of(log, id_, phase):
            if step.review.side is side and step.review.result is not None:
                return Done(id_, "answer_given", step.review.result.value, phase.value)
    return None


def _skip(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SKIP_DIGITS_MAX):
        raise invalid(Code.FIELD_VALUE, field="skip", expected="a number", found=text[:80])
    return int(text)


def _looked_up(
    parts: Parts, asked: list[OpenReview], before: int | None
) -> tuple[list[RequestLine], WaitingPage]:
    """The requests with their decisions, but for those that the table has not read yet."""
    requests = []
    for each in asked:
        found = parts.index.get(each.end_to_end_id, phase=each.phase)
        if found is not None:
            requests.append(RequestLine(each.side, each.asked_at, line_of(found)))
    return requests, waiting_for_verdict(parts.index, parts.decisions.log, before=before)


def parse_answer(form: Mapping[str, str], *, reviewer: str) -> Asked:
    """The answer to a request that a form gives, in the name of a reviewer.

    Raises:
        Refused: FIELD_VALUE.
    """
    return Asked(
        form.get("id", ""),
        parse_choice(ReviewSide, form.get("side", "")[:80], field="side"),
        parse_choice(Phase, form.get("phase", "")[:80], field="phase"),
        reviewer,
        parse_choice(ReviewResult, form.get("result", "")[:80], field="result"),
    )
