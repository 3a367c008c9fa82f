"""Composes what audits the ledger of a home folder, or of files that were taken elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

from crivo.adapters.files.ledger_documents import PUBLIC_KEY_FILE, read_public_key
from crivo.adapters.files.segments_file import SEGMENTS_FILE, read_segments
from crivo.adapters.sqlite.reader import SqliteLogReader, open_reader
from crivo.bootstrap.home import Paths
from crivo.decision.record import decision_event_id
from crivo.domain.errors import Misconfigured, Refused
from crivo.domain.phase import Phase
from crivo.flows.answers import no_decision
from crivo.flows.event_of import value_of
from crivo.flows.event_rows import EventRow, stored_event
from crivo.flows.ledger_audit import audit
from crivo.flows.ledger_findings import Audit, Evidence, NoSegment, Published
from crivo.flows.ledger_proof import Proof, check_proof, prove
from crivo.flows.seal import StoredRecord
from crivo.governance.segment import Segment
from crivo.settings import Settings

_READ_ROWS: Final = 4_096

Row = TypeVar("Row")
Got_co = TypeVar("Got_co", covariant=True)


class Reading(Protocol[Got_co]):
    """Up to `limit` durable rows with `seq >= start`, and where to read on."""

    def __call__(self, *, start: int, limit: int) -> tuple[Sequence[Got_co], int]: ...


def ledger_folder(settings: Settings) -> Path:
    """The second place of the settings."""
    return settings.ledger.folder or settings.home / "ledger"


def stored_records(reader: SqliteLogReader) -> Iterator[StoredRecord]:
    """Every durable record of the log, by `seq`, as it is stored.

    Raises:
        Misconfigured: FILE_UNREADABLE behind the last record before a damage of the file.
    """
    return _to_damage(reader.stored_records, reader.end())


def published(
    reader: SqliteLogReader, start: int = 0, *, settled: int
) -> Iterator[Published | NoSegment]:
    """Every segment that the log holds from `start` on; those before `settled` were there at first.

    Raises:
        Misconfigured: as `stored_records`.
    """
    for row in _to_damage(reader.stored_segments, reader.end(), start):
        yield _published(row, settled)


def _to_damage(read: Reading[Row], end: int, start: int = 0) -> Iterator[Row]:
    """Rows by the thousand, and one by one where some of the next thousand cannot be read."""
    at, limit = start, _READ_ROWS
    while at < end:
        try:
            found, at = read(start=at, limit=limit)
        except Misconfigured:
            if limit == 1:
                raise
            limit = 1
            continue
        yield from found


def _published(row: EventRow, settled: int) -> Published | NoSegment:
    seq = row[0]
    try:
        value = value_of(stored_event(row).event)
    except (Misconfigured, Refused) as error:
        return NoSegment(seq, str(error))
    return Published(value, seq < settled)


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
            jumps=reader.jumps(),
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
    proof = prove(record, evidence(folder))
    return replace(proof, end_to_end_id=end_to_end_id, phase=phase)


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
