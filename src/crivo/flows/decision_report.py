"""Reporting a decision: its record, the bundle that it names, and the reviews that followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import asdict

from crivo.decision.blocks import is_block, standing_of
from crivo.decision.degraded import DICT_AGE
from crivo.decision.outcome import OUTCOMES
from crivo.decision.rail import on_rail
from crivo.decision.reason_texts import REASONS, Audience, Language, public_text
from crivo.decision.reasons import REASON_CODES, ReasonCode
from crivo.decision.record import INITIATION, Derived, Hold, decision_event_id, transfer_of
from crivo.decision.standing import Standing
from crivo.decision.sums import Sums
from crivo.domain.instant import SECOND, format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.review import ReviewSide, ReviewStatus
from crivo.features.engine import BEHIND
from crivo.flows.answers import no_decision
from crivo.flows.explain import Explainer, InputPart
from crivo.flows.following import Followed, followed
from crivo.flows.ports import LogReader
from crivo.flows.report import reports_of
from crivo.flows.review import ReviewStep, steps_of
from crivo.flows.verdicts import verdict_of, verdict_report_id
from crivo.governance.decision_report import (
    DecisionReport,
    ReportedClaim,
    ReportedHold,
    ReportedInput,
    ReportedRail,
    ReportedReason,
    ReportedReview,
    ReportedStep,
    ReportedSums,
    ReportedVerdict,
    ReportedWatermark,
)

#: What the directory counts about a person, by the features that hold the counts' ages.
WATERMARKS: Final = {
    "transfers received": "payee_person_settlements_watermark_age_ever",
    "fraud markers": DICT_AGE,
    "reports": "payee_person_reports_watermark_age_ever",
}

#: 2⁴⁰ is a log-odd of one.
_MARGIN_ONE = 1 << 40


def report_decision(
    log: LogReader,
    explainer: Explainer,
    end_to_end_id: str,
    *,
    audience: Audience,
    phase: str = INITIATION,
) -> DecisionReport:
    """What is known of the durable decision of a phase; public texts are this audience's.

    Raises:
        Refused: NOT_FOUND; CONFLICT where another release decided.
        Misconfigured: where the bundle that decided is damaged or gone.
    """
    stored = log.find(decision_event_id(end_to_end_id, phase))
    if stored is None or stored.seq >= log.end():
        raise no_decision(end_to_end_id)
    explained = explainer.explain(end_to_end_id, phase)
    record, derived, event = explained.record, explained.derived, stored.event
    transfer, given, observed = transfer_of(record), record.given, record.observed
    found = followed(log, end_to_end_id, phase)
    steps = [each for each in found if each.seq < log.end()]
    return DecisionReport(
        end_to_end_id=record.end_to_end_id,
        phase=str(record.phase),
        outcome=derived.outcome,
        standing=_standing(derived, steps).value,
        on_rail=_on_rail(derived),
        hold=_hold(derived.hold),
        events=tuple(_step(each) for each in steps),
        lists=given.lists,
        sums=_sums(given.sums),
        score=derived.score,
        occurred_at=format_rfc3339(event.occurred_at),
        received_at=format_rfc3339(event.received_at),
        amount_centavos=transfer.amount_centavos,
        payer=transfer.payer_id.hex(),
        payee=transfer.payee_id.hex(),
        as_of=given.as_of,
        seq=stored.seq,
        log_id=given.log_id,
        host=observed.host,
        caller=record.caller,
        degraded=given.degraded,
        reasons=tuple(_reason(REASON_CODES[code], audience) for code in derived.reasons),
        rules=derived.rules,
        shadow_rules=derived.shadow_rules,
        null_rules=derived.nulls,
        versions=asdict(given.versions),
        microseconds={
            "waited": observed.waited_ns // 1_000,
            "features": observed.read_ns // 1_000,
            "model": observed.score_ns // 1_000,
        },
        log_microseconds=None if observed.log_ns is None else observed.log_ns // 1_000,
        directory=_directory(explainer.values(record), derived, event.occurred_at),
        inputs=tuple(_input(each) for each in explained.inputs),
        reviews=_reviews(steps_of(log, end_to_end_id, Phase(phase))),
        verdict=_verdict(log, end_to_end_id) if phase == INITIATION else None,
        reports=_claims(log, end_to_end_id),
    )


def _standing(derived: Derived, steps: Sequence[Followed]) -> Standing:
    outcome = OUTCOMES[derived.outcome]
    return standing_of(outcome, derived.reasons, (each.step for each in steps))


def _on_rail(derived: Derived) -> ReportedRail:
    found = on_rail(OUTCOMES[derived.outcome], is_block=is_block(derived.reasons))
    return ReportedRail(found.action, found.payee_action, found.service_level, found.rejection)


def _directory(
    values: Mapping[str, float | None], derived: Derived, occurred_at: int
) -> tuple[ReportedWatermark, ...]:
    """The ages that were read, and the watermarks that they count from: the transfer's instant,
    unless a key had to be read later than that.
    """
    is_late = bool(derived.flags & BEHIND)
    found = []
    for of, name in WATERMARKS.items():
        if name not in values:
            continue
        age, until = values[name], None
        if age is not None and not is_late:
            until = format_rfc3339(occurred_at - round(age * SECOND))
        found.append(ReportedWatermark(of, age, until))
    return tuple(found)


def _hold(hold: Hold | None) -> ReportedHold | None:
    return None if hold is None else ReportedHold(format_rfc3339(hold.until), hold.ends_as)


def _sums(sums: Sums | None) -> ReportedSums | None:
    return None if sums is None else ReportedSums(sums.day, sums.night, sums.device, sums.cash)


def _step(each: Followed) -> ReportedStep:
    occurred_at, received_at = format_rfc3339(each.occurred_at), format_rfc3339(each.received_at)
    return ReportedStep(each.name, occurred_at, received_at, each.outcome, each.caller)


def _reason(code: ReasonCode, audience: Audience) -> ReportedReason:
    return ReportedReason(
        code.value,
        public_text(code, audience, Language.PT),
        public_text(code, audience, Language.EN),
        REASONS[code].internal,
    )


def _input(part: InputPart) -> ReportedInput:
    return ReportedInput(part.name, part.value, part.part / _MARGIN_ONE, part.meaning)


def _reviews(steps: Sequence[ReviewStep]) -> tuple[ReportedReview, ...]:
    found = []
    for side in ReviewSide:
        own = {each.review.status: each for each in steps if each.review.side is side}
        request, answer = own.get(ReviewStatus.REQUESTED), own.get(ReviewStatus.ANSWERED)
        if request is not None:
            review = None if answer is None else answer.review
            found.append(
                ReportedReview(
                    side=side.value,
                    requested_at=format_rfc3339(request.received_at),
                    answered_at=None if answer is None else format_rfc3339(answer.received_at),
                    reviewer=None if review is None else review.reviewer,
                    result=None if review is None or review.result is None else review.result.value,
                    request_caller=request.review.caller,
                    answer_caller=None if review is None else review.caller,
                )
            )
    return tuple(found)


def _verdict(log: LogReader, end_to_end_id: str) -> ReportedVerdict | None:
    """The durable verdict that a person gave on the page: a transfer has one."""
    verdict = verdict_of(log, end_to_end_id)
    if verdict is None:
        return None
    stored, found = verdict
    known_at = format_rfc3339(stored.event.received_at)
    return ReportedVerdict(found.status.value, known_at, found.reviewer, found.caller)


def _claims(log: LogReader, end_to_end_id: str) -> tuple[ReportedClaim, ...]:
    """The durable reports of fraud about the transfer, but for the verdict of the page.

    None can lie before the first of its decisions: a report is of a transfer that is known.
    """
    decisions = [log.find(decision_event_id(end_to_end_id, phase.value)) for phase in Phase]
    start = min(stored.seq for stored in decisions if stored is not None)
    verdict = verdict_report_id(end_to_end_id)
    return tuple(
        ReportedClaim(
            report_id=report.report_id,
            status=report.status.value,
            known_at=format_rfc3339(stored.event.received_at),
            source=stored.event.source,
            reviewer=report.reviewer,
            caller=report.caller,
        )
        for stored, report in reports_of(log, end_to_end_id, start=start)
        if report.report_id != verdict
    )
