"""Auditing the ledger: what is in the log now, against what was signed when it came to be there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from crivo.flows.seal import StoredRecord
from crivo.governance.merkle import leaf_hash, merkle_root
from crivo.governance.segment import NO_ROOT, Segment, is_signed_by, places_hash

#: How far apart two records may have changed places, or how many in a row may be gone or new, and
#: still be told by that name; beyond it each is CHANGED.
LOOK_AHEAD: Final = 1_024

#: Findings of a kind that are kept to be shown; all are counted.
SHOWN_MAX: Final = 20


class Tampering(StrEnum):
    """What an audit may find."""

    CHANGED = "CHANGED"
    DELETED = "DELETED"
    INSERTED = "INSERTED"
    REORDERED = "REORDERED"
    MOVED = "MOVED"
    TRUNCATED = "TRUNCATED"
    FORGED = "FORGED"
    BROKEN_CHAIN = "BROKEN_CHAIN"
    LEAVES_DAMAGED = "LEAVES_DAMAGED"
    PLACES_DIFFER = "PLACES_DIFFER"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was signed, and where. `offset` counts the partition."""

    kind: Tampering
    partition: int
    segment: int
    offset: int
    expected: str
    found: str


@dataclass(slots=True)
class Audit:
    """What an audit found. `unsealed` records lie after the last segment: nothing speaks of them
    yet. `other_place` counts segments that the log alone holds: their records are judged together.
    """

    records: int = 0
    segments: int = 0
    unsealed: int = 0
    other_place: int = 0
    counts: dict[Tampering, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    def find(self, finding: Finding, *, times: int = 1) -> None:
        """Counts a finding, and keeps it if it is one of the first of its kind."""
        self.counts[finding.kind] = self.counts.get(finding.kind, 0) + times
        if sum(each.kind is finding.kind for each in self.findings) < SHOWN_MAX:
            self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A segment with the hashes of its records, as the second place holds them."""

    segment: Segment
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A segment that the log itself holds.

    `is_settled`: it was there before the second place was read, which then has it too; but for the
    newest of each partition, whose closing may have been under way, or stopped between the two.
    """

    segment: Segment
    is_settled: bool


def audit(
    evidence: Iterable[Evidence],
    records: Iterable[StoredRecord],
    *,
    published: Iterable[Published],
    checkpoint: Iterable[Segment],
    public_key: bytes,
    log_id: str,
) -> Audit:
    """What is otherwise than it was signed; it needs no key but the public one.

    `evidence` is the second place, in its order, and is read before `published`; `records` the
    log's, by `seq`; `published` the segments that the log itself holds, in its order; `checkpoint`
    the newest segments that somebody kept elsewhere: without them a log and a second place cut off
    alike look whole.
    """
    found = Audit()
    judge = _Judge(found, public_key, log_id)
    chains = _chains(evidence, judge)
    beyond = _compare_places(chains, published, found)
    _compare_checkpoint(chains, checkpoint, found, public_key)
    for segment in beyond:
        _go_on(chains.setdefault(segment.partition, []), segment, judge)
    walks: dict[int, _Walk] = {
        partition: _Walk(partition, chain, found) for partition, chain in chains.items()
    }
    for record in records:
        found.records += 1
        walk = walks.get(record.partition)
        if walk is None:
            walk = walks[record.partition] = _Walk(record.partition, [], found)
        walk.push(record)
    for walk in walks.values():
        walk.finish()
    # Where something was taken out or put in, all that follows may have moved: the cause first.
    found.findings.sort(key=lambda each: each.kind is Tampering.MOVED)
    return found


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges a segment by itself and by the one before it."""

    found: Audit
    public_key: bytes
    log_id: str

    def is_true(self, segment: Segment) -> bool:
        """Whether it is signed for this log."""
        self.found.segments += 1
        is_true = is_signed_by(segment, self.public_key) and segment.log_id == self.log_id
        if not is_true:
            expected = "a segment signed for this log"
            self.found.find(_of(Tampering.FORGED, segment, expected, "another"))
        return is_true

    def follow(self, before: Segment | None, segment: Segment) -> None:
        number, offset, root = expected = _follows(before)
        if (segment.number, segment.first_offset, segment.previous_root.hex()) != expected:
            at = f"segment {segment.number} from offset {segment.first_offset}"
            wanted = f"segment {number} from offset {offset} after root {root}"
            self.found.find(_of(Tampering.BROKEN_CHAIN, segment, wanted, at))


def _chains(evidence: Iterable[Evidence], judge: _Judge) -> dict[int, list[Evidence]]:
    """The segments of each partition in the second place."""
    chains: dict[int, list[Evidence]] = {}
    for each in evidence:
        segment = each.segment
        chain = chains.setdefault(segment.partition, [])
        judge.is_true(segment)
        judge.follow(chain[-1].segment if chain else None, segment)
        if len(each.leaves) != segment.count or merkle_root(each.leaves) != segment.root:
            root = merkle_root(each.leaves).hex() if each.leaves else "none"
            judge.found.find(_of(Tampering.LEAVES_DAMAGED, segment, segment.root.hex(), root))
            chain.append(_without_leaves(segment))
        else:
            chain.append(each)
    return chains


def _go_on(chain: list[Evidence], segment: Segment, judge: _Judge) -> None:
    """A segment that the log alone holds goes on the chain: its root speaks of its records."""
    if judge.is_true(segment):
        judge.follow(chain[-1].segment if chain else None, segment)
        chain.append(_without_leaves(segment))


def _without_leaves(segment: Segment) -> Evidence:
    return Evidence(segment, (b"",) * segment.count)


def _follows(before: Segment | None) -> tuple[int, int, str]:
    if before is None:
        return 1, 0, NO_ROOT.hex()
    return before.number + 1, before.end, before.root.hex()


def _compare_places(
    chains: Mapping[int, list[Evidence]], published: Iterable[Published], found: Audit
) -> list[Segment]:
    """The log's own segments are those of the second place, but for the newest of either.

    Returns:
        Those of the log after the newest of the second place, in the log's order.
    """
    there = {
        (each.segment.partition, each.segment.number): each.segment
        for chain in chains.values()
        for each in chain
    }
    newest = {partition: chain[-1].segment.number for partition, chain in chains.items()}
    here: dict[int, int] = {}
    beyond: list[Published] = []
    for each in published:
        segment = each.segment
        here[segment.partition] = max(here.get(segment.partition, 0), segment.number)
        beside = there.get((segment.partition, segment.number))
        if beside is None and segment.number > newest.get(segment.partition, 0):
            beyond.append(each)
        elif beside != segment:
            root = "no segment" if beside is None else beside.root.hex()
            found.find(_of(Tampering.PLACES_DIFFER, segment, root, segment.root.hex()))
    for partition, chain in chains.items():
        last = chain[-1].segment
        lacking = last.number - here.get(partition, 0)
        if lacking > 0:
            number = here.get(partition, 0)
            found.find(
                _of(Tampering.TRUNCATED, last, f"segment {last.number}", f"segment {number}"),
                times=lacking,
            )
    _find_cut_back(beyond, newest, found)
    found.other_place = len(beyond)
    return [each.segment for each in beyond]


def _find_cut_back(beyond: Sequence[Published], newest: Mapping[int, int], found: Audit) -> None:
    """More than one closing that was over is not in the second place: it was cut back."""
    settled: dict[int, list[Segment]] = {}
    for each in beyond:
        if each.is_settled:
            settled.setdefault(each.segment.partition, []).append(each.segment)
    for partition, segments in settled.items():
        if len(segments) > 1:
            at = f"segment {newest.get(partition, 0)} in the second place"
            expected = f"segment {segments[-1].number}"
            finding = _of(Tampering.TRUNCATED, segments[0], expected, at)
            found.find(finding, times=len(segments))


def _compare_checkpoint(
    chains: Mapping[int, list[Evidence]],
    checkpoint: Iterable[Segment],
    found: Audit,
    public_key: bytes,
) -> None:
    for kept in checkpoint:
        if not is_signed_by(kept, public_key):
            found.find(_of(Tampering.FORGED, kept, "a checkpoint signed by this key", "another"))
        chain = chains.get(kept.partition, [])
        same = [each.segment for each in chain if each.segment.number == kept.number]
        if not same:
            last = chain[-1].segment.number if chain else 0
            expected, at = f"segment {kept.number}", f"segment {last}"
            found.find(_of(Tampering.TRUNCATED, kept, expected, at), times=kept.number - last)
        elif same[0] != kept:
            expected, at = kept.root.hex(), same[0].root.hex()
            found.find(_of(Tampering.BROKEN_CHAIN, kept, expected, at))


def _of(kind: Tampering, segment: Segment, expected: str, found: str) -> Finding:
    return Finding(kind, segment.partition, segment.number, segment.first_offset, expected, found)


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


class _Walk:
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
        self._rows.append(_Row(record.seq, record.offset, leaf_hash(record.data)))
        if len(self._rows) > LOOK_AHEAD:
            self._step()

    def finish(self) -> None:
        while self._rows and self._expected:
            self._step()
        self._found.unsealed += len(self._rows)
        if self._expected:
            first = self._expected[0]
            count = len(self._expected) + sum(1 for _ in self._leaves)
            self._tell(
                Tampering.TRUNCATED, first, f"{count} more records", "the log's end", times=count
            )

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
