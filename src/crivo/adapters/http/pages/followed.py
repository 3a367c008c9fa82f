"""What followed a decision, as its page lists it: steps, reviews, reports of fraud, the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crivo.adapters.http.pages.words import word
from crivo.decision.reason_texts import Language
from crivo.decision.record import decision_event_id
from crivo.domain.phase import Phase
from crivo.domain.report import Report, ReportStatus
from crivo.domain.review import ReviewStatus
from crivo.flows.following import Followed
from crivo.flows.ports import LogReader
from crivo.flows.report import reports_of
from crivo.flows.review import ReviewStep, steps_of
from crivo.flows.verdicts import verdict_of, verdict_report_id

#: Events behind a decision among which reports are looked for: no id leads from it to them.
LOOKED_EVENTS_MAX: Final = 1_000_000

#: The text of what a verdict says.
VERDICTS: Final = {ReportStatus.ACCEPTED: "fraud", ReportStatus.REJECTED: "legitimate"}


@dataclass(frozen=True, slots=True)
class FollowedLine:
    """One thing that followed: what, when it was received (µs), and who told it, where known.

    `outcome` is what a hold or a revision made of the transfer. Who is a name of a key or token, or
    of a reviewer: nothing here names a party.
    """

    said: str
    received_at: int
    who: str | None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class FollowedLines:
    """All of it in the order of its receipt; `is_whole` unless reports were not looked for."""

    lines: Sequence[FollowedLine]
    is_whole: bool


def followed_lines(
    log: LogReader,
    events: Sequence[Followed],
    end_to_end_id: str,
    phase: Phase,
    language: Language,
) -> FollowedLines:
    """What followed the decision of a phase. A report and a verdict are of the transfer: both
    phases show them.

    Raises:
        Refused: as `decode_report`.
    """
    lines = [
        FollowedLine(word(each.name, language), each.received_at, each.caller, each.outcome)
        for each in events
    ]
    lines += [_review(each, language) for each in steps_of(log, end_to_end_id, phase)]
    verdict = verdict_of(log, end_to_end_id)
    if verdict is not None:
        stored, found = verdict
        said = f"{word('verdict', language)}: {word(VERDICTS[found.status], language)}"
        lines.append(FollowedLine(said, stored.event.received_at, _who(found)))
    start = _first_decision(log, end_to_end_id)
    is_whole = log.end() - start <= LOOKED_EVENTS_MAX
    if is_whole:
        lines += _reports(log, end_to_end_id, start, language)
    return FollowedLines(sorted(lines, key=lambda each: each.received_at), is_whole)


def _first_decision(log: LogReader, end_to_end_id: str) -> int:
    """Where reports begin: one is of a transfer that was decided, in whatever phase."""
    decided = (log.find(decision_event_id(end_to_end_id, each.value)) for each in Phase)
    return min(each.seq for each in decided if each is not None)


def _reports(
    log: LogReader, end_to_end_id: str, start: int, language: Language
) -> Iterator[FollowedLine]:
    verdict = verdict_report_id(end_to_end_id)
    for stored, report in reports_of(log, end_to_end_id, start=start):
        if report.report_id != verdict:
            said = word(f"report_{report.status.lower()}", language)
            yield FollowedLine(said, stored.event.received_at, _who(report))


def _who(report: Report) -> str | None:
    return report.reviewer or report.caller


def _review(step: ReviewStep, language: Language) -> FollowedLine:
    review = step.review
    side = word(review.side.value, language)
    if review.status is ReviewStatus.REQUESTED:
        said = f"{word('review_requested', language)} ({side})"
        return FollowedLine(said, step.received_at, review.caller)
    assert review.result is not None, "an answer has a result"
    answer = word(review.result.value, language)
    said = f"{word('review_answered', language)} ({side}): {answer}"
    return FollowedLine(said, step.received_at, review.reviewer)
