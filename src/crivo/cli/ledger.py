"""The commands of the ledger: `crivo ledger verify|show|checkpoint`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.output import print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit
from crivo.domain.phase import Phase

if TYPE_CHECKING:
    from crivo.settings import Settings


@dataclass(frozen=True, slots=True)
class Files:
    """What the command line names; None: as it lies in the home folder of the settings."""

    home: Path | None
    log: Path | None
    segments: Path | None
    public_key: Path | None

    def log_file(self) -> Path:
        """The log's file.

        Raises:
            Unavailable: NOT_FOUND where none is named, and the home folder holds none.
        """
        from crivo.bootstrap.home import require_log

        return self.log or require_log(self._settings())

    def folder(self) -> Path:
        """The folder of segments.

        Raises:
            Unavailable: NOT_FOUND where none is named, and there is no home folder.
        """
        from crivo.bootstrap.home import require_home
        from crivo.bootstrap.ledger import ledger_folder

        if self.segments is not None:
            return self.segments
        settings = self._settings()
        if settings.ledger.folder is None:
            require_home(settings)
        return ledger_folder(settings)

    def key_file(self) -> Path:
        """The file of the public key.

        Raises:
            Unavailable: as `folder`.
        """
        from crivo.adapters.files.ledger_documents import PUBLIC_KEY_FILE

        return self.public_key or self.folder() / PUBLIC_KEY_FILE

    def _settings(self) -> Settings:
        from crivo.settings import load_settings

        return load_settings(os.environ, home=self.home)


def run_ledger_verify(files: Files, *, checkpoint: Path | None, as_json: bool) -> None:
    """`crivo ledger verify`: exit code 1 where something is not as it was signed.

    Raises:
        Unfit: LEDGER_BROKEN. Misconfigured: FILE_UNREADABLE, LOG_MISMATCH.
        Unavailable: NOT_FOUND where there is no log.
    """
    from crivo.adapters.files.ledger_documents import read_checkpoint, read_public_key
    from crivo.bootstrap.ledger import audit_ledger

    log, folder = files.log_file(), files.folder()
    key = read_public_key(files.key_file())
    kept = [] if checkpoint is None else read_checkpoint(checkpoint)
    found = audit_ledger(log, folder, key=key, checkpoint=kept)
    summary = {
        "whole": found.is_whole,
        "records": found.records,
        "segments": found.segments,
        "unsealed": found.unsealed,
        "only_in_one_place": found.other_place,
        "checkpoint": checkpoint is not None,
        "counts": {kind.value: count for kind, count in sorted(found.counts.items())},
    }
    rows = [
        (each.kind.value, each.partition, each.segment, each.offset, each.expected, each.found)
        for each in found.findings
    ]
    names = ("kind", "partition", "segment", "offset", "expected", "found")
    if as_json:
        print_json({**summary, "findings": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_facts("Ledger", summary)
        if rows:
            print_table("What is not as it was signed", names, rows)
    if not found.is_whole:
        raise Unfit(
            Code.LEDGER_BROKEN,
            f"{sum(found.counts.values())} things are not as they were signed",
            hint="The first ones are named above, each with its place. Keep the files as they are.",
        )


def run_ledger_verify_proof(
    files: Files, proof: Path, *, end_to_end_id: str | None, phase: Phase, as_json: bool
) -> None:
    """`crivo ledger verify --proof`: of which decision it is, which is the one of `end_to_end_id`.

    Raises:
        Unfit: LEDGER_BROKEN. Misconfigured: FILE_UNREADABLE. Unavailable: as `Files.key_file`.
    """
    from crivo.adapters.files.ledger_documents import read_proof, read_public_key
    from crivo.flows.event_rows import event_id_of
    from crivo.flows.ledger_proof import check_decision, check_proof

    read = read_proof(proof)
    check_proof(read, read_public_key(files.key_file()))
    if end_to_end_id is not None:
        check_decision(read, end_to_end_id, phase)
    facts = {
        "proven": True,
        "end_to_end_id": end_to_end_id or read.end_to_end_id,
        "phase": read.phase if end_to_end_id is None else phase,
        "event_id": event_id_of(read.record).hex(),
        "partition": read.segment.partition,
        "offset": read.offset,
        "segment": read.segment.number,
        "root": read.segment.root.hex(),
    }
    print_json(facts) if as_json else print_facts("Proof", facts)


def run_ledger_show(end_to_end_id: str, files: Files, *, phase: Phase, as_json: bool) -> None:
    """`crivo ledger show`.

    Raises:
        Refused: NOT_FOUND. Unfit: LEDGER_BROKEN.
        Misconfigured: FILE_UNREADABLE, LOG_MISMATCH. Unavailable: NOT_FOUND where there is no log.
    """
    from crivo.adapters.files.ledger_documents import proof_to_json
    from crivo.bootstrap.ledger import prove_decision

    log, folder = files.log_file(), files.folder()
    proof = prove_decision(log, folder, end_to_end_id=end_to_end_id, phase=phase)
    if as_json:
        print_json(proof_to_json(proof))
        return
    segment = proof.segment
    facts = {
        "end_to_end_id": end_to_end_id,
        "partition": segment.partition,
        "offset": proof.offset,
        "segment": segment.number,
        "records_of_segment": segment.count,
        "root": segment.root.hex(),
        "signer": segment.signer.hex(),
    }
    print_facts("In the ledger", facts)
    print_table("Path to the root", ("hash",), [(each.hex(),) for each in proof.path])


def run_ledger_checkpoint(files: Files) -> None:
    """`crivo ledger checkpoint`.

    Raises:
        Misconfigured: FILE_UNREADABLE. Unavailable: as `Files.folder`.
    """
    from crivo.adapters.files.ledger_documents import checkpoint_to_json
    from crivo.bootstrap.ledger import newest_segments

    print_json(checkpoint_to_json(newest_segments(files.folder())))
