"""The records of a partition as they lie in the log, beside the hashes that were signed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from crivo.flows.ledger_findings import Audit, Evidence, Finding, Tampering
from crivo.flows.seal import StoredRecord
from crivo.governance.merkle import leaf_hash, merkle_root
from crivo.governance.segment import Segment, places_hash

#: How far apart two records may have changed places, or how many in a row may be gone or new, and
#: still be told by that name; beyond it each is CHANGED.
LOOK_AHEAD: Final = 1_024


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A record as it was signed; `hash` is empty where the second place's is damaged."""

    segment: Segment
    offset: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    offset: int
    hash: bytes


class Walk:
    """A partition's records beside the hashes that were signed, both in order."""

    def __init__(self, partition: int, chain: list[Evidence], found: Audit) -> None:
        self._partition: Final = partition
        self._found: Final = found
        self._leaves: Iterator[_Leaf] = _leaves(chain)
        self._expected: deque[_Leaf] = deque()
        self._rows: deque[_Row] = deque()
        self._places: list[int] = []
        self._hashes: list[bytes] = []
        self._is_displaced = False
        self._fill()

    def push(self, record: StoredRecord) -> None:
        """The next record of the partition."""
        self._rows.append(_Row(record.seq, record.offset, leaf_hash(record.data)))
        if len(self._rows) > LOOK_AHEAD:
            self._step()

    def finish(self, damage: str | None) -> None:
        """After the last record, or after the last that could be read before `damage`."""
        while self._rows and self._expected:
            self._step()
        self._found.unsealed += len(self._rows)
        if self._expected:
            first = self._expected[0]
            count = len(self._expected) + sum(1 for _ in self._leaves)
            kind = Tampering.TRUNCATED if damage is None else Tampering.UNREADABLE
            end = "the log's end" if damage is None else damage
            self._tell(kind, first, f"{count} more records", end, times=count)

    def _step(self) -> None:
        """Passes over one record, or over one that is missing."""
        if not self._expected:
            self._rows.popleft()
            self._found.unsealed += 1
            return
        row, leaf = self._rows[0], self._expected[0]
        if row.hash == leaf.hash or not leaf.hash:
            self._same(row, leaf)
            return
        is_later = any(each.hash == row.hash for each in self._expected)
        place = next((at for at, each in enumerate(self._rows) if each.hash == leaf.hash), None)
        self._is_displaced = True
        here = f"{row.hash.hex()} (record {row.seq})"
        if place is None and is_later:
            self._expected.popleft()
            self._tell(Tampering.DELETED, leaf, leaf.hash.hex(), f"record {row.seq} in its place")
        elif place is None:
            self._rows.popleft()
            self._expected.popleft()
            self._tell(Tampering.CHANGED, leaf, leaf.hash.hex(), here)
        elif is_later:
            found = self._rows[place]
            del self._rows[place]
            self._expected.popleft()
            self._tell(Tampering.REORDERED, leaf, leaf.hash.hex(), f"it is record {found.seq}")
        else:
            self._rows.popleft()
            self._tell(Tampering.INSERTED, leaf, leaf.hash.hex(), here)
        self._fill()

    def _same(self, row: _Row, leaf: _Leaf) -> None:
        self._rows.popleft()
        self._expected.popleft()
        self._places.append(row.seq)
        self._hashes.append(row.hash)
        if row.offset != leaf.offset and not self._is_displaced:
            self._tell(Tampering.MOVED, leaf, f"offset {leaf.offset}", f"offset {row.offset}")
        if leaf.offset == leaf.segment.end - 1:
            self._end_segment(leaf)
        self._fill()

    def _end_segment(self, leaf: _Leaf) -> None:
        segment = leaf.segment
        if not leaf.hash and merkle_root(self._hashes) != segment.root:
            found = merkle_root(self._hashes).hex()
            self._tell(Tampering.CHANGED, leaf, segment.root.hex(), f"{found} (root)")
        elif not self._is_displaced and places_hash(self._places) != segment.places:
            found = f"records {self._places[0]} to {self._places[-1]} under other numbers"
            expected = f"records {segment.first_seq} to {segment.last_seq} as signed"
            self._tell(Tampering.MOVED, leaf, expected, found)
        self._places, self._hashes = [], []
        self._is_displaced = False

    def _fill(self) -> None:
        missing = LOOK_AHEAD + 1 - len(self._expected)
        self._expected.extend(islice(self._leaves, missing))

    def _tell(
        self, kind: Tampering, leaf: _Leaf, expected: str, found: str, *, times: int = 1
    ) -> None:
        finding = Finding(kind, self._partition, leaf.segment.number, leaf.offset, expected, found)
        self._found.find(finding, times=times)


def _leaves(chain: list[Evidence]) -> Iterator[_Leaf]:
    for each in chain:
        for at, leaf in enumerate(each.leaves):
            yield _Leaf(each.segment, each.segment.first_offset + at, leaf)
