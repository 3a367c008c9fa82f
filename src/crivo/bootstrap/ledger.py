"""Composes what audits the ledger of a home folder, or of files that were taken elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from crivo.adapters.files.ledger_documents import PUBLIC_KEY_FILE, read_public_key
from crivo.adapters.files.segments_file import SEGMENTS_FILE, read_segments
from crivo.adapters.sqlite.reader import SqliteLogReader, open_reader
from crivo.bootstrap.home import Paths
from crivo.decision.record import decision_event_id
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream
from crivo.flows.answers import no_decision
from crivo.flows.event_of import value_of
from crivo.flows.ledger_audit import Audit, Evidence, Published, audit
from crivo.flows.ledger_proof import Proof, check_proof, prove
from crivo.flows.seal import StoredRecord
from crivo.governance.segment import Segment
from crivo.settings import Settings

_READ_ROWS: Final = 4_096


def ledger_folder(settings: Settings) -> Path:
    """The second place of the settings."""
    return settings.ledger.folder or settings.home / "ledger"


def stored_records(reader: SqliteLogReader) -> Iterator[StoredRecord]:
    """Every durable record of the log, by `seq`, as it is stored."""
    at, end = 0, reader.end()
    while at < end:
        found, at = reader.stored_records(start=at, limit=_READ_ROWS)
        yield from found


def published(reader: SqliteLogReader, *, settled: int) -> Iterator[Published]:
    """Every segment that the log holds; those before `settled` were there at first."""
    at, streams = 0, frozenset({Stream.LEDGER})
    while found := reader.read(start=at, limit=_READ_ROWS, streams=streams):
        at = found[-1].seq + 1
        for stored in found:
            yield Published(value_of(stored.event), stored.seq < settled)


def evidence(folder: Path) -> Iterator[Evidence]:
    """The segments of a second place, with their leaves.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    for kept in read_segments(folder / SEGMENTS_FILE):
        yield Evidence(kept.segment, kept.leaves)


def newest_segments(folder: Path) -> list[Segment]:
    """The newest segment of each partition: what a checkpoint holds.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    newest = {
        kept.segment.partition: kept.segment for kept in read_segments(folder / SEGMENTS_FILE)
    }
    return [newest[partition] for partition in sorted(newest)]


def audit_ledger(log: Path, folder: Path, *, key: bytes, checkpoint: Sequence[Segment]) -> Audit:
    """What of a log file is otherwise than the segments in the folder say; no secret is read.

    Raises:
        Misconfigured: FILE_UNREADABLE, LOG_MISMATCH.
    """
    reader = open_reader(log)
    try:
        return audit(
            evidence(folder),
            stored_records(reader),
            published=published(reader, settled=reader.end()),
            checkpoint=checkpoint,
            public_key=key,
            log_id=reader.manifest.log_id,
        )
    finally:
        reader.close()


def prove_decision(
    log: Path, folder: Path, *, end_to_end_id: str, phase: Phase = Phase.INITIATION
) -> Proof:
    """The proof that the record of the decision of a phase is in the ledger; no secret is read.

    Raises:
        Refused: NOT_FOUND where there is no such decision, or no segment holds it yet.
        Unfit: LEDGER_BROKEN. Misconfigured: FILE_UNREADABLE, LOG_MISMATCH.
    """
    reader = open_reader(log)
    try:
        record = reader.stored_record(decision_event_id(end_to_end_id, phase))
    finally:
        reader.close()
    if record is None:
        raise no_decision(end_to_end_id)
    return prove(record, evidence(folder))


def checked_proof(settings: Settings, end_to_end_id: str, phase: Phase) -> Proof:
    """The proof of the decision of a phase in the settings' home, checked by the public key there.

    Raises:
        Refused, Unfit, Misconfigured: as `prove_decision`.
    """
    folder = ledger_folder(settings)
    log = Paths(settings.home).log
    proof = prove_decision(log, folder, end_to_end_id=end_to_end_id, phase=phase)
    check_proof(proof, read_public_key(folder / PUBLIC_KEY_FILE))
    return proof


def audit_home(settings: Settings) -> Audit:
    """What of the log of the settings' home is otherwise than its ledger says.

    Raises:
        Misconfigured: as `audit_ledger`.
    """
    folder = ledger_folder(settings)
    key = read_public_key(folder / PUBLIC_KEY_FILE)
    return audit_ledger(Paths(settings.home).log, folder, key=key, checkpoint=())
