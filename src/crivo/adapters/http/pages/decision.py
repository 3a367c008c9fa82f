"""A decision's page: facts, reasons, what each input added, both histories, versions, proof."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from markupsafe import Markup
from msgspec.structs import asdict

from crivo.adapters.http.answers import (
    ExplanationAnswer,
    InputAnswer,
    explanation_body,
    found_body,
)
from crivo.adapters.http.pages.followed import followed_lines
from crivo.adapters.http.pages.lists import DecisionLine, line_of
from crivo.adapters.http.pages.render import brasilia, decimal_of, shortened
from crivo.adapters.http.pages.terms import named_versions, term
from crivo.adapters.http.pages.words import word
from crivo.adapters.http.service import Parts
from crivo.decision.reason_texts import Language
from crivo.decision.record import transfer_of
from crivo.domain.phase import Phase
from crivo.flows.answers import no_decision
from crivo.flows.decision_index import DecisionQuery
from crivo.flows.following import followed
from crivo.governance.plots import contributions

#: Inputs that the chart shows by name, the greatest first; the others are one bar.
BARS: Final = 12
#: Inputs that the table beside it lists.
ROWS: Final = 40
#: Earlier decisions of each side.
HISTORY: Final = 10


def decision_values(
    parts: Parts, end_to_end_id: str, phase: Phase, language: Language
) -> dict[str, Any]:
    """What the page of a decision shows.

    Raises:
        Refused: NOT_FOUND; CONFLICT where another release decided. Misconfigured: as `Explainer`.
        Unavailable: INDEX_UNAVAILABLE.
    """
    answer = parts.decisions.find(end_to_end_id, phase)
    if answer is None:
        raise no_decision(end_to_end_id)
    log = parts.decisions.log
    events = [each for each in followed(log, end_to_end_id, phase) if each.seq < log.end()]
    body = found_body(answer, events)
    explanation = parts.explainer.explain(end_to_end_id, phase)
    explained, transfer = explanation_body(explanation), transfer_of(explanation.record)

    def named(*names: str, **values: Any) -> list[tuple[str, Any]]:
        return [(word(name, language), values[name]) for name in names if values[name] is not None]

    def lines(query: DecisionQuery) -> list[DecisionLine]:
        return [line_of(each) for each in parts.index.search(query)]

    return {
        "end_to_end_id": end_to_end_id,
        "of_phase": _of_phase(phase),
        "outcome": body.outcome,
        "score": body.score,
        "amount_centavos": transfer.amount_centavos,
        "given": named(
            "end_to_end_id", "phase", "occurred_at", "received_at", "standing", "degraded",
            "payer", "payee", "initiation", "purpose", "as_of",
            end_to_end_id=end_to_end_id,
            phase=term("phase", body.phase, language),
            occurred_at=brasilia(transfer.occurred_at),
            received_at=brasilia(answer.received_at),
            standing=term("standing", body.standing, language),
            degraded=", ".join(term("mode", each, language) for each in body.degraded) or None,
            payer=shortened(transfer.payer_id),
            payee=shortened(transfer.payee_id),
            initiation=transfer.initiation,
            purpose=transfer.purpose,
            as_of=body.as_of,
        ),
        "reasons": [
            (each.code, each.text_pt if language is Language.PT else each.text_en)
            for each in body.reasons
        ],
        "rules": named(
            "rules",
            "shadow_rules",
            rules=", ".join(explained.rules) or word("none", language),
            shadow_rules=", ".join(explained.shadow_rules) or word("none", language),
        ),
        "chart": _chart(explained, language),
        "inputs": _telling(explained)[:ROWS],
        "histories": [
            (
                word("payer_history", language),
                lines(DecisionQuery(transfer.payer_id, before=answer.seq, limit=HISTORY)),
            ),
            (
                word("payee_history", language),
                lines(DecisionQuery(payee_id=transfer.payee_id, before=answer.seq, limit=HISTORY)),
            ),
        ],
        "followed": followed_lines(log, events, end_to_end_id, phase, language),
        "versions": named_versions(asdict(body.versions), language),
    }  # fmt: skip


def _of_phase(phase: Phase) -> dict[str, str]:
    """The query that names the phase; the first needs none."""
    return {} if phase is Phase.INITIATION else {"phase": phase.value}


def _chart(explained: ExplanationAnswer, language: Language) -> Markup | None:
    if explained.base is None:
        return None
    telling = _telling(explained)
    shown, others = telling[:BARS], telling[BARS:]
    bars = [(word("base", language), explained.base), *map(_bar, shown)]
    if others:
        bars.append((word("others", language), sum(each.contribution for each in others)))
    # The plot escapes the names itself: they are text nodes of its own tree.
    title, decimal = word("contributions", language), decimal_of(language)
    return Markup(contributions(bars, title=title, decimal=decimal))  # noqa: S704


def _telling(explained: ExplanationAnswer) -> list[InputAnswer]:
    """The inputs that added anything."""
    return [each for each in explained.inputs if each.contribution]


def _bar(found: InputAnswer) -> tuple[str, float]:
    return found.name, found.contribution


def proof_values(
    parts: Parts, end_to_end_id: str, phase: Phase, language: Language
) -> dict[str, Any]:
    """What the page of a proof shows, after the proof was checked.

    Raises:
        Refused: NOT_FOUND. Unfit: LEDGER_BROKEN. Misconfigured: FILE_UNREADABLE.
    """
    proof = parts.prove(end_to_end_id, phase)
    segment = proof.segment
    facts = {
        "end_to_end_id": end_to_end_id,
        "phase": term("phase", phase.value, language),
        "record_sha256": hashlib.sha256(proof.record).hexdigest(),
        "partition": segment.partition,
        "offset": proof.offset,
        "segment": segment.number,
        "root": segment.root.hex(),
        "signer": segment.signer.hex(),
    }
    return {
        "end_to_end_id": end_to_end_id,
        "of_phase": _of_phase(phase),
        "found": [(word(name, language), value) for name, value in facts.items()],
        "path": [each.hex() for each in proof.path],
    }
