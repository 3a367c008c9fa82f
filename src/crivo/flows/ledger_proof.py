"""The proof that one decision is in the ledger: a record, its path, and the segment it leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crivo.decision.record import decision_event_id
from crivo.domain.errors import Code, Refused, Unfit
from crivo.domain.phase import Phase
from crivo.flows.event_rows import event_id_of
from crivo.flows.ledger_findings import Evidence
from crivo.flows.seal import StoredRecord
from crivo.governance.merkle import leaf_hash, merkle_path, root_of_path
from crivo.governance.segment import Segment, is_signed_by


@dataclass(frozen=True, slots=True)
class Proof:
    """Whoever has the public key needs nothing else: `record` are the stored bytes, encrypted.

    `end_to_end_id` and `phase` say which decision it is of, which the record itself keeps as a
    hash: None in a proof from before proofs said so.
    """

    record: bytes
    offset: int
    segment: Segment
    path: tuple[bytes, ...]
    end_to_end_id: str | None = None
    phase: Phase | None = None


def prove(record: StoredRecord, evidence: Iterable[Evidence]) -> Proof:
    """The proof of a record.

    Raises:
        Refused: NOT_FOUND where no segment holds it yet.
        Unfit: LEDGER_BROKEN where the segment was signed over another record.
    """
    for each in evidence:
        segment = each.segment
        is_here = segment.first_offset <= record.offset < segment.end
        if segment.partition == record.partition and is_here:
            path = tuple(merkle_path(each.leaves, record.offset - segment.first_offset))
            return Proof(record.data, record.offset, segment, path)
    raise Refused(
        Code.NOT_FOUND,
        f"record {record.seq} is in no segment yet",
        hint="A service that runs closes a segment a second.",
        field="end_to_end_id",
        expected="a record that was sealed",
        found=f"offset {record.offset} of partition {record.partition}",
    )


def check_proof(proof: Proof, public_key: bytes) -> None:
    """Nothing, if the key's holder signed that this record lies at this offset, and it is of the
    decision that the proof names.

    Raises:
        Unfit: LEDGER_BROKEN.
    """
    segment = proof.segment
    root = root_of_path(
        leaf_hash(proof.record),
        index=proof.offset - segment.first_offset,
        count=segment.count,
        path=proof.path,
    )
    if not segment.first_offset <= proof.offset < segment.end or root != segment.root:
        raise _unproven(segment.root.hex(), "no root" if root is None else root.hex())
    if not is_signed_by(segment, public_key):
        raise _unproven("a segment signed under this public key", "another")
    if proof.end_to_end_id is not None and proof.phase is not None:
        check_decision(proof, proof.end_to_end_id, proof.phase)


def check_decision(proof: Proof, end_to_end_id: str, phase: Phase) -> None:
    """Nothing, if the record of the proof is that of this decision.

    Raises:
        Unfit: LEDGER_BROKEN.
    """
    if event_id_of(proof.record) != decision_event_id(end_to_end_id, phase):
        named = proof.end_to_end_id, proof.phase
        is_other = None not in named and named != (end_to_end_id, phase)
        raise Unfit(
            Code.LEDGER_BROKEN,
            f"the proof is not of {end_to_end_id} in its {phase} phase",
            hint="It proves the record of another decision: ask for the one of this decision.",
            expected=decision_event_id(end_to_end_id, phase).hex(),
            found=" ".join(map(str, named)) if is_other else event_id_of(proof.record).hex(),
        )


def _unproven(expected: str, found: str) -> Unfit:
    return Unfit(
        Code.LEDGER_BROKEN,
        "the proof does not hold",
        hint="The record, its path or the segment was changed, or the key is another log's.",
        expected=expected,
        found=found,
    )
