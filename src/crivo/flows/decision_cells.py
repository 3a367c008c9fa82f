"""The record of a decision as cells of a table: what was asked, what was answered, by which model.

The model's input stays in the sealed record: a lake is read by more people than a log.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from crivo.decision.record import decode_derived, decode_record
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows.codec import TransferFields

_TRANSFERS = msgspec.msgpack.Decoder(TransferFields)


@dataclass(frozen=True, slots=True)
class DecisionCells:
    """A decision in one row. Hashes name what decided; `score` counts 10⁻⁹."""

    end_to_end_id: str
    phase: str
    in_place: bool
    transfer_occurred_at: int
    amount_centavos: int
    payer_id: bytes
    payee_id: bytes
    payee_key_id: bytes | None
    payer_ispb: str | None
    payee_ispb: str | None
    initiation: Initiation | None
    purpose: Purpose | None
    outcome: str
    score: int | None
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    shadow_rules: tuple[str, ...]
    hold_until: int | None
    degraded: str | None
    as_of: int
    bundle: str
    plan: str
    model: str
    policy: str
    vector_hash: bytes


def decision_cells(payload: bytes) -> DecisionCells:
    """The cells of a decision's payload.

    Raises:
        Refused: FIELD_TYPE for what is no record.
        msgspec.DecodeError: its transfer cannot be read.
    """
    found = decode_record(payload)
    derived, given = decode_derived(found.derived), found.given
    asked = _TRANSFERS.decode(found.transfer)
    return DecisionCells(
        found.end_to_end_id,
        found.phase,
        found.in_place,
        asked.occurred_at,
        asked.amount_centavos,
        asked.payer_account_id or asked.payer_person_id or b"",
        asked.payee_account_id or asked.payee_person_id or asked.payee_key_id or b"",
        asked.payee_key_id,
        asked.payer_ispb,
        asked.payee_ispb,
        asked.initiation,
        asked.purpose,
        derived.outcome,
        derived.score,
        derived.reasons,
        derived.rules,
        derived.shadow_rules,
        None if derived.hold is None else derived.hold.until,
        ",".join(given.degraded) or None,
        given.as_of,
        given.versions.bundle,
        given.versions.plan,
        given.versions.model,
        given.versions.policy,
        derived.vector_hash,
    )
