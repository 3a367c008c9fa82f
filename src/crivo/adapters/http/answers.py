"""Answer bodies: what leaves the door, and how a response is put on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from starlette.types import Send

from crivo.decision.blocks import standing_of
from crivo.decision.reason_texts import AUDIENCES, Audience, Language, public_text
from crivo.decision.reasons import REASON_CODES, ReasonCode
from crivo.decision.record import Hold, Versions
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.flows.answers import Answer
from crivo.flows.decision_index import IndexedDecision
from crivo.flows.explain import Explanation
from crivo.flows.following import Followed
from crivo.flows.noted import Seen
from crivo.flows.project import UNSCORED
from crivo.flows.report import ReportAnswer
from crivo.flows.telling import TellAnswer
from crivo.model.artifact import MARGIN_BITS

JSON: Final = b"application/json"

MARGIN_ONE: Final = 1 << MARGIN_BITS

_ENCODER: Final = msgspec.json.Encoder()


class ReasonAnswer(msgspec.Struct, frozen=True, gc=False):
    """One reason: its stable code, and what the phase's customer may read of it: the payer in the
    initiation, the payee in the settlement phase.
    """

    code: str
    text_pt: str
    text_en: str


class VersionsAnswer(msgspec.Struct, frozen=True, gc=False):
    """The hashes of everything that took part in a decision."""

    bundle: str
    features: str
    plan: str
    model: str
    rules: str
    policy: str


class HoldAnswer(msgspec.Struct, frozen=True, gc=False):
    """Until when the transfer is held at most, and what becomes of it if nobody ends that."""

    until: str
    ends_as: str


class DecisionAnswer(msgspec.Struct, frozen=True):
    """The answer to a transfer: the same for every repeat. `score` is an integer of 10⁻⁹."""

    end_to_end_id: str
    phase: str
    outcome: str
    score: int | None
    reasons: tuple[ReasonAnswer, ...]
    versions: VersionsAnswer
    as_of: int
    received_at: str
    degraded: tuple[str, ...]
    hold: HoldAnswer | None = None


class FollowedAnswer(msgspec.Struct, frozen=True, gc=False):
    """One event that followed a decision; `outcome` is there where it gave another one."""

    event: str
    occurred_at: str
    received_at: str
    outcome: str | None = None


class ListedAnswer(msgspec.Struct, frozen=True, gc=False):
    """An entry of a list that held for a party; `side` is the party's role in the transfer."""

    kind: str
    side: str
    entry_id: str


class SumsAnswer(msgspec.Struct, frozen=True, gc=False):
    """What the payer had attempted before, in centavos: today, tonight (null by day), today from
    devices that are not registered (null where this one is none), and, of withdrawals and change,
    in the same day from 6 to 20 h or night (null where this is neither).
    """

    day_centavos: int
    night_centavos: int | None
    device_centavos: int | None
    cash_centavos: int | None


class DecisionFound(DecisionAnswer, frozen=True, kw_only=True):
    """The answer as it was given, where the transfer stands, and what followed, in log order.

    `lists` are the entries that held, which no customer is told of.
    """

    standing: str
    events: tuple[FollowedAnswer, ...] = ()
    lists: tuple[ListedAnswer, ...] = ()
    sums: SumsAnswer | None = None


class FoundDecision(msgspec.Struct, frozen=True, gc=False):
    """A decision in a list; the whole of it is under its id."""

    end_to_end_id: str
    phase: str
    outcome: str
    score: int | None
    amount_centavos: int
    occurred_at: str
    received_at: str


class FoundDecisions(msgspec.Struct, frozen=True):
    """A page, the newest first. `cursor` asks for the next one and is null on the last.

    Every decision whose record lies below `as_of` in the log was looked through.
    """

    decisions: tuple[FoundDecision, ...]
    cursor: str | None
    as_of: int


class InputAnswer(msgspec.Struct, frozen=True, gc=False):
    """An input of the model: its value, and what it added to the margin (in log-odds)."""

    name: str
    value: float | None
    contribution: float
    meaning: str


class ExplanationAnswer(msgspec.Struct, frozen=True):
    """What a decision followed from: `base` and all contributions together are the `margin`."""

    end_to_end_id: str
    outcome: str
    score: int | None
    margin: float | None
    base: float | None
    inputs: tuple[InputAnswer, ...]
    rules: tuple[str, ...]
    shadow_rules: tuple[str, ...]
    null_rules: tuple[str, ...]
    reasons: tuple[ReasonAnswer, ...]
    versions: VersionsAnswer
    as_of: int
    degraded: tuple[str, ...]


class ReportTaken(msgspec.Struct, frozen=True):
    """The answer to a report. `known_at` is when it counts from."""

    report_id: str
    end_to_end_id: str
    status: str
    known_at: str


class FollowUpTaken(msgspec.Struct, frozen=True):
    """The answer to what is told of a decision. `received_at` is from when it is known."""

    end_to_end_id: str
    phase: str
    event: str
    event_id: str
    received_at: str


class EventTaken(msgspec.Struct, frozen=True):
    """The answer to an event. `received_at` is from when it is known."""

    schema: str
    event_id: str
    received_at: str


class ScoreAnswer(msgspec.Struct, frozen=True, gc=False):
    """One row's score, an integer of 10⁻⁹, and the model that gave it."""

    score: int
    model: str


class ScoresAnswer(msgspec.Struct, frozen=True):
    """The scores of a list of rows, in its order."""

    scores: list[int]
    model: str


class PageDecision(msgspec.Struct, frozen=True):
    """A decision as the page shows it: pseudonyms are shortened, nothing else names anybody."""

    end_to_end_id: str
    phase: str
    received_at: str
    outcome: str
    score: int | None
    amount_centavos: int
    payer: str
    payee: str
    reasons: tuple[ReasonAnswer, ...]


def decision_body(answer: Answer) -> DecisionAnswer:
    """What the caller reads of a decision: all of it is stored, so that repeats read the same."""
    return DecisionAnswer(
        end_to_end_id=answer.end_to_end_id,
        phase=answer.phase,
        outcome=answer.outcome.wire,
        score=answer.score,
        reasons=_reasons(answer.phase, answer.reasons),
        versions=_versions(answer.versions),
        as_of=answer.as_of,
        received_at=format_rfc3339(answer.received_at),
        degraded=answer.degraded,
        hold=None if answer.hold is None else _hold(answer.hold),
    )


def found_body(answer: Answer, events: Sequence[Followed]) -> DecisionFound:
    """What the caller reads of a decision made before."""
    told = tuple(
        FollowedAnswer(
            each.name,
            format_rfc3339(each.occurred_at),
            format_rfc3339(each.received_at),
            each.outcome,
        )
        for each in events
    )
    now = standing_of(answer.outcome, answer.reasons, (each.step for each in events))
    body = msgspec.structs.asdict(decision_body(answer))
    sums = answer.sums
    return DecisionFound(
        **body,
        standing=now.value,
        events=told,
        lists=tuple(ListedAnswer(*each.split("/", 2)) for each in answer.lists),
        sums=None if sums is None else SumsAnswer(sums.day, sums.night, sums.device, sums.cash),
    )


def encode_decision(answer: Answer) -> bytes:
    """`decision_body` as JSON."""
    return _ENCODER.encode(decision_body(answer))


def found_decision(decision: IndexedDecision) -> FoundDecision:
    """What a list shows of a decision."""
    return FoundDecision(
        end_to_end_id=decision.end_to_end_id,
        phase=decision.phase,
        outcome=decision.outcome,
        score=None if decision.score == UNSCORED else decision.score,
        amount_centavos=decision.amount_centavos,
        occurred_at=format_rfc3339(decision.occurred_at),
        received_at=format_rfc3339(decision.received_at),
    )


def explanation_body(explanation: Explanation) -> ExplanationAnswer:
    """What an analyst reads of a decision."""
    record, derived = explanation.record, explanation.derived
    return ExplanationAnswer(
        end_to_end_id=record.end_to_end_id,
        outcome=derived.outcome,
        score=derived.score,
        margin=_log_odds(derived.margin),
        base=_log_odds(explanation.base),
        inputs=tuple(
            InputAnswer(each.name, each.value, each.part / MARGIN_ONE, each.meaning)
            for each in explanation.inputs
        ),
        rules=derived.rules,
        shadow_rules=derived.shadow_rules,
        null_rules=derived.nulls,
        reasons=_reasons(record.phase, [REASON_CODES[code] for code in derived.reasons]),
        versions=_versions(record.given.versions),
        as_of=record.given.as_of,
        degraded=record.given.degraded,
    )


def _hold(hold: Hold) -> HoldAnswer:
    return HoldAnswer(format_rfc3339(hold.until), hold.ends_as)


def _log_odds(margin: int | None) -> float | None:
    return None if margin is None else margin / MARGIN_ONE


def report_body(answer: ReportAnswer) -> ReportTaken:
    """What the reporter reads."""
    return ReportTaken(
        report_id=answer.report.report_id,
        end_to_end_id=answer.report.end_to_end_id,
        status=answer.report.status.value,
        known_at=format_rfc3339(answer.known_at),
    )


def event_body(answer: TellAnswer) -> EventTaken:
    """What the teller reads."""
    return EventTaken(
        schema=answer.schema,
        event_id=answer.event_id.hex(),
        received_at=format_rfc3339(answer.received_at),
    )


def page_decision(seen: Seen) -> PageDecision:
    """What the page shows of a decision."""
    transfer, body = seen.transfer, decision_body(seen.answer)
    return PageDecision(
        end_to_end_id=body.end_to_end_id,
        phase=body.phase,
        received_at=body.received_at,
        outcome=body.outcome,
        score=body.score,
        amount_centavos=transfer.amount_centavos,
        payer=transfer.payer_id.hex()[:8],
        payee=transfer.payee_id.hex()[:8],
        reasons=body.reasons,
    )


def _reasons(phase: str, codes: Sequence[ReasonCode]) -> tuple[ReasonAnswer, ...]:
    audience = AUDIENCES[Phase(phase)]
    return tuple([_reason(code, audience) for code in codes])


@lru_cache(maxsize=256)
def _reason(code: ReasonCode, audience: Audience) -> ReasonAnswer:
    return ReasonAnswer(
        code.value,
        public_text(code, audience, Language.PT),
        public_text(code, audience, Language.EN),
    )


@lru_cache(maxsize=64)
def _versions(versions: Versions) -> VersionsAnswer:
    return VersionsAnswer(
        bundle=versions.bundle,
        features=versions.features,
        plan=versions.plan,
        model=versions.model,
        rules=versions.rules,
        policy=versions.policy,
    )


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """One whole response."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def respond_json(send: Send, body: bytes, *, status: int = 200) -> None:
    """One whole JSON response, which no cache may keep."""
    await respond(send, status, body, json_headers(body))


def json_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a JSON response, which no cache may keep."""
    return [
        (b"content-type", JSON),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
