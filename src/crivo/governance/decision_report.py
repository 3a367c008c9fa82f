"""The report of one automated decision, and the pack for its review by a person (LGPD, art. 20).

Rows 1 and 2 of the reports that a compliance officer needs: what was decided, when, with which
inputs and versions, why, and who looked at it. Made of the decision's record, the bundle that it
names and what followed it, of nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from crivo.governance.html import facts, page, paragraph, section, table

#: Inputs that the pack for a review names: the main factors, not the model.
FACTORS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class ReportedReason:
    """A reason and its texts: for the party in Portuguese and English, and the inner one."""

    code: str
    public_pt: str
    public_en: str
    internal: str


@dataclass(frozen=True, slots=True)
class ReportedInput:
    """An input of the model: its value (None: null), and what it added, in log-odds."""

    name: str
    value: float | None
    added: float
    meaning: str


@dataclass(frozen=True, slots=True)
class ReportedReview:
    """A review: when it was asked for and by which side, and what became of it.

    `reviewer` is the word of whoever answered; `request_caller` and `answer_caller` are whose keys
    or tokens sent the two, None where none was asked for or it was not kept.
    """

    side: str
    requested_at: str
    answered_at: str | None
    reviewer: str | None
    result: str | None
    request_caller: str | None
    answer_caller: str | None


@dataclass(frozen=True, slots=True)
class ReportedVerdict:
    """What a person found of the transfer on the page: ACCEPTED a fraud, REJECTED none."""

    status: str
    known_at: str
    reviewer: str | None
    caller: str | None


@dataclass(frozen=True, slots=True)
class ReportedClaim:
    """A report of fraud about the transfer, under its sender's own id: what is claimed, and since
    when that is known. `source` is the door that it came through, or whose table it stood in.
    """

    report_id: str
    status: str
    known_at: str
    source: str
    reviewer: str | None
    caller: str | None


@dataclass(frozen=True, slots=True)
class ReportedHold:
    """Until when a transfer is held at most, and what it becomes then."""

    until: str
    ends_as: str


@dataclass(frozen=True, slots=True)
class ReportedStep:
    """An event that followed: when it was and was received; `outcome` where it gave one, and
    `caller` whose key or token told it: None where nobody did, or it was not kept.
    """

    name: str
    occurred_at: str
    received_at: str
    outcome: str | None
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedSums:
    """What the payer had attempted before in centavos; None: there is no such period or device, or
    the transfer is no withdrawal and no change.
    """

    day: int
    night: int | None
    device: int | None
    cash: int | None


@dataclass(frozen=True, slots=True)
class ReportedWatermark:
    """How old a count of the directory about the payee's person was, as it was read; None: the
    directory had told none. `until` is the watermark itself, None also for what was read late.
    """

    of: str
    age_seconds: float | None
    until: str | None


@dataclass(frozen=True, slots=True)
class ReportedRail:
    """What the payer's institution does, or the payee's where it asks; the rail's words, if any."""

    action: str
    payee_action: str
    service_level: str | None
    rejection: str | None


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """Everything that is known of one decision. Times are RFC 3339, `score` counts 10⁻⁹.

    `as_of` is the sequence number of the last event that it had seen; `inputs` are all of the
    model's, what adds most first; `microseconds` are how long each stage took. `standing` is what
    the transfer is after the `events` that followed, `lists` the entries that held for its parties.
    `directory` is empty where nothing was read. `log_microseconds` is what the log took for the
    newest decision before it that was looked at, None where that is not known. `caller` is whose
    key or token asked for the decision, None where none was asked for or it was not kept. `reports`
    are those of fraud but for the `verdict` of the page, in the order in which they became known.
    """

    end_to_end_id: str
    phase: str
    outcome: str
    standing: str
    on_rail: ReportedRail
    hold: ReportedHold | None
    events: tuple[ReportedStep, ...]
    lists: tuple[str, ...]
    sums: ReportedSums | None
    score: int | None
    occurred_at: str
    received_at: str
    amount_centavos: int
    payer: str
    payee: str
    as_of: int
    seq: int
    log_id: str
    host: str
    caller: str | None
    degraded: tuple[str, ...]
    reasons: tuple[ReportedReason, ...]
    rules: tuple[str, ...]
    shadow_rules: tuple[str, ...]
    null_rules: tuple[str, ...]
    versions: Mapping[str, str]
    microseconds: Mapping[str, int]
    log_microseconds: int | None
    directory: tuple[ReportedWatermark, ...]
    inputs: tuple[ReportedInput, ...]
    reviews: tuple[ReportedReview, ...]
    verdict: ReportedVerdict | None
    reports: tuple[ReportedClaim, ...]


def report_json(report: DecisionReport) -> dict[str, Any]:
    """The whole report as plain values."""
    return asdict(report)


def review_pack_json(report: DecisionReport) -> dict[str, Any]:
    """What a review asks for: criteria in plain words, main factors, versions, the reviews."""
    return {
        "end_to_end_id": report.end_to_end_id,
        "outcome": report.outcome,
        "criteria": [
            {"code": each.code, "pt": each.public_pt, "en": each.public_en}
            for each in report.reasons
        ],
        "main_factors": [
            {"name": each.name, "value": each.value, "meaning": each.meaning}
            for each in main_factors(report)
        ],
        "model": report.versions["model"],
        "policy": report.versions["policy"],
        "rules": report.versions["rules"],
        "reviews": [asdict(each) for each in report.reviews],
    }


def main_factors(report: DecisionReport) -> tuple[ReportedInput, ...]:
    """The inputs that moved the score most; none where nothing was scored."""
    return tuple(each for each in report.inputs[:FACTORS_MAX] if each.added)


def report_html(report: DecisionReport) -> str:
    """The whole report as one page without scripts; every text in it is escaped."""
    body = (
        _summary(report),
        section("Time line", _time_line(report)),
        section("Reasons", _reasons(report, internal=True)),
        section("Lists", table(("list, side and entry",), [(each,) for each in report.lists])),
        section("Attempted before by the payer (centavos)", _sums(report.sums)),
        section(
            "Rules",
            facts(
                {
                    "fired": ", ".join(report.rules) or "none",
                    "in shadow": ", ".join(report.shadow_rules) or "none",
                    "condition read a null": ", ".join(report.null_rules) or "none",
                }
            ),
        ),
        section("Versions", facts(report.versions)),
        section("Microseconds", _microseconds(report)),
        section("What the directory had counted of the payee's person", _directory(report)),
        section("Inputs of the model, and what each added (log-odds)", _inputs(report.inputs)),
        section("Reviews (LGPD, art. 20)", _reviews(report)),
        section("Verdict of a person", _verdict(report.verdict)),
        section("Reports of fraud", _claims(report.reports)),
    )
    return page(f"Decision {report.end_to_end_id}", body)


def review_pack_html(report: DecisionReport) -> str:
    """The pack for a review as one page: no weight and no threshold is in it."""
    factors = [(each.name, _value(each.value), each.meaning) for each in main_factors(report)]
    body = (
        facts(
            {
                "EndToEndId": report.end_to_end_id,
                "outcome": report.outcome,
                "received": report.received_at,
                "model": report.versions["model"],
                "policy": report.versions["policy"],
            }
        ),
        section("Criteria", _reasons(report, internal=False)),
        section("Main factors", table(("input", "value", "meaning"), factors)),
        section("Reviews", _reviews(report)),
    )
    return page(f"Review of decision {report.end_to_end_id}", body)


def _summary(report: DecisionReport) -> str:
    return facts(
        {
            "EndToEndId": report.end_to_end_id,
            "phase": report.phase,
            "outcome": report.outcome,
            "standing": report.standing,
            "the payer's institution": report.on_rail.action,
            "or the payee's, where it asks": report.on_rail.payee_action,
            "service level on the rail": report.on_rail.service_level or "that of the order",
            "code of a rejection": report.on_rail.rejection or "none",
            "score (10⁻⁹)": "not scored" if report.score is None else str(report.score),
            "degraded": ", ".join(report.degraded) or "no",
            "happened": report.occurred_at,
            "received": report.received_at,
            "amount (centavos)": str(report.amount_centavos),
            "payer (pseudonym)": report.payer,
            "payee (pseudonym)": report.payee,
            "had seen the log up to": str(report.as_of),
            "stands in the log at": f"{report.seq} of {report.log_id}",
            "asked for by the key or token": report.caller or "not known",
            "decided by": f"the service, on {report.host}",
        }
    )


def _time_line(report: DecisionReport) -> str:
    """What happened when; of a hold also when it was to end."""
    rows = [("happened", report.occurred_at, "", "", "")]
    rows.append(
        ("decided", report.received_at, report.received_at, report.outcome, report.caller or "")
    )
    if report.hold is not None:
        rows.append(("hold ends at the latest", report.hold.until, "", report.hold.ends_as, ""))
    rows += [
        (each.name, each.occurred_at, each.received_at, each.outcome or "", each.caller or "")
        for each in report.events
    ]
    return table(("what", "when", "received", "outcome", "by the key or token"), rows)


def _microseconds(report: DecisionReport) -> str:
    log = report.log_microseconds
    stages = {name: str(n) for name, n in report.microseconds.items()}
    return facts(stages | {"log, of a decision before": "not known" if log is None else str(log)})


def _directory(report: DecisionReport) -> str:
    if not report.directory:
        return paragraph("Not known: nothing was read for this decision.")
    rows = [
        (each.of, "never told", "–")
        if each.age_seconds is None
        else (each.of, f"{each.age_seconds:,.0f}", each.until or "read late")
        for each in report.directory
    ]
    return table(("count", "age (seconds)", "watermark"), rows)


def _sums(sums: ReportedSums | None) -> str:
    if sums is None:
        return paragraph("Not known: nothing was summed for this decision.")
    return facts(
        {
            "since midnight": str(sums.day),
            "since the night began": "no night" if sums.night is None else str(sums.night),
            "from devices that are not registered": "–"
            if sums.device is None
            else str(sums.device),
            "of withdrawals and change": "–" if sums.cash is None else str(sums.cash),
        }
    )


def _reasons(report: DecisionReport, *, internal: bool) -> str:
    head = ("code", "texto", "text", *(("internal",) if internal else ()))
    rows = [
        (each.code, each.public_pt, each.public_en, *((each.internal,) if internal else ()))
        for each in report.reasons
    ]
    return table(head, rows)


def _inputs(inputs: Sequence[ReportedInput]) -> str:
    rows = [(each.name, _value(each.value), f"{each.added:+.6f}", each.meaning) for each in inputs]
    return table(("input", "value", "added", "meaning"), rows)


def _reviews(report: DecisionReport) -> str:
    rows = [
        (
            each.side,
            each.requested_at,
            each.answered_at or "open",
            each.request_caller or "–",
            each.reviewer or "–",
            each.result or "–",
            each.answer_caller or "–",
        )
        for each in report.reviews
    ]
    head = ("asked by", "asked", "answered", "request sent by", "reviewer", "result", "sent by")
    return table(head, rows)


def _verdict(verdict: ReportedVerdict | None) -> str:
    if verdict is None:
        return paragraph("None was given.")
    return facts(
        {
            "verdict": verdict.status,
            "given": verdict.known_at,
            "by": verdict.reviewer or "not known",
            "key or token": verdict.caller or "not known",
        }
    )


def _claims(claims: Sequence[ReportedClaim]) -> str:
    rows = [
        (
            each.report_id,
            each.status,
            each.known_at,
            each.source,
            each.reviewer or "–",
            each.caller or "–",
        )
        for each in claims
    ]
    return table(("report", "claim", "known", "came by", "reviewer", "key or token"), rows)


def _value(value: float | None) -> str:
    return "null" if value is None else f"{value:.6g}"
