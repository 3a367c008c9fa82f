"""Segments in a file beside the log: one line each, with the hashes of its records."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crivo.adapters.files.ledger_documents import (
    PUBLIC_KEY_FILE,
    segment_of_json,
    segment_to_json,
)
from crivo.adapters.files.private import FILE_MODE, make_private_folder, sync_folder
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable
from crivo.governance.merkle import HASH_BYTES
from crivo.governance.segment import Segment

SEGMENTS_FILE: Final = "segments.jsonl"


@dataclass(frozen=True, slots=True)
class KeptSegment:
    """A segment as it was kept, with the hashes of its records in order."""

    segment: Segment
    leaves: tuple[bytes, ...]


class SegmentsFile:
    """A `SecondPlace` in a folder, which may lie on another disk. One process adds to it.

    A line that a power cut left half written is cut off when the file is opened.

    Raises:
        Misconfigured: FILE_UNREADABLE for a file that is none of segments.
        Unavailable: FILE_UNWRITABLE.
    """

    def __init__(self, folder: Path, *, public_key: bytes) -> None:
        make_private_folder(folder)
        self._path: Final = folder / SEGMENTS_FILE
        self._newest: dict[int, Segment] = {}
        try:
            self._file: Final = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
            )
            self._length = _whole_lines(self._path)
            os.ftruncate(self._file, self._length)
            key = folder / PUBLIC_KEY_FILE
            if not key.exists():
                key.write_text(public_key.hex() + "\n")
            sync_folder(folder)
        except OSError as error:
            raise self._unwritable(error) from error
        for kept in read_segments(self._path):
            self._newest[kept.segment.partition] = kept.segment

    def newest(self, partition: int) -> Segment | None:
        """The newest segment of a partition."""
        return self._newest.get(partition)

    def add(self, segments: Sequence[tuple[Segment, Sequence[bytes]]]) -> None:
        """Adds segments with their leaves, in one write.

        It is not synced: the log holds them durably, and what a power cut takes is added again.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is added.
        """
        lines = b"".join(_line(segment, leaves) for segment, leaves in segments)
        try:
            written = os.write(self._file, lines)
            if written < len(lines):
                raise OSError(None, "the disk is full")
        except OSError as error:
            os.ftruncate(self._file, self._length)
            raise self._unwritable(error) from error
        self._length += len(lines)
        for segment, _ in segments:
            self._newest[segment.partition] = segment

    def close(self) -> None:
        """Closes the file; all of it is on the disk then."""
        os.fsync(self._file)
        os.close(self._file)

    def _unwritable(self, error: OSError) -> Unavailable:
        return Unavailable(
            Code.FILE_UNWRITABLE,
            f"the segments of the ledger cannot be written to {self._path}: {error.strerror}",
            hint="Look at the disk of CRIVO_LEDGER__FOLDER; the log itself goes on.",
            path=str(self._path),
        )


def read_segments(path: Path) -> Iterator[KeptSegment]:
    """The segments of a file, in order.

    Raises:
        Misconfigured: FILE_UNREADABLE, naming the first line that is none.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _kept(json.loads(line))
                except (CrivoError, KeyError, TypeError, ValueError, RecursionError) as error:
                    raise _unreadable(path, f"line {number}: {error}") from error
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error


def _line(segment: Segment, leaves: Sequence[bytes]) -> bytes:
    document = {
        "segment": segment_to_json(segment),
        "leaves": base64.b64encode(b"".join(leaves)).decode(),
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _kept(document: Mapping[str, Any]) -> KeptSegment:
    segment = segment_of_json(document["segment"])
    try:
        data = base64.b64decode(document["leaves"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"leaves: {error}") from None
    leaves = tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
    return KeptSegment(segment, leaves)


def _whole_lines(path: Path) -> int:
    """Bytes of the file up to the end of its last whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = size
        while at > 0:
            start = max(at - 65_536, 0)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return 0


def _unreadable(path: Path, found: str) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is no file of ledger segments: {found}",
        hint="Restore it from its newest copy; `crivo ledger verify` says whether that is whole.",
        path=str(path),
        expected="one segment a line",
        found=found,
    )
