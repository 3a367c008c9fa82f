"""Auditing the ledger: what is in the log now, against what was signed when it came to be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crivo.flows.ledger_findings import (
    Audit,
    Evidence,
    Finding,
    NoSegment,
    Published,
    Readable,
    Tampering,
)
from crivo.flows.ledger_walk import Walk
from crivo.flows.seal import StoredRecord
from crivo.governance.merkle import merkle_root
from crivo.governance.segment import NO_ROOT, Segment, is_signed_by


def audit(
    evidence: Iterable[Evidence],
    records: Iterable[StoredRecord],
    *,
    published: Iterable[Published | NoSegment],
    checkpoint: Iterable[Segment],
    jumps: Iterable[tuple[int, int]],
    public_key: bytes,
    log_id: str,
) -> Audit:
    """What is otherwise than it was signed; it needs no key but the public one.

    `evidence` is the second place, in its order, and is read before `published`; `records` the
    log's, by `seq`; `published` the segments that the log itself holds, in its order; `checkpoint`
    the newest segments that somebody kept elsewhere: without them a log and a second place cut off
    alike look whole; `jumps` tells where the log's numbers are missing by the thousand (the first
    of them, the next event's). Where the log's file is damaged what lies before it is audited.
    """
    found = Audit()
    judge = _Judge(found, public_key, log_id)
    chains = _chains(evidence, judge)
    beyond = _compare_places(chains, Readable(published), found)
    _compare_checkpoint(chains, checkpoint, found, public_key)
    for segment in beyond:
        _go_on(chains.setdefault(segment.partition, []), segment, judge)
    walks: dict[int, Walk] = {
        partition: Walk(partition, chain, found) for partition, chain in chains.items()
    }
    readable = Readable(records)
    for record in readable:
        found.records += 1
        walk = walks.get(record.partition)
        if walk is None:
            walk = walks[record.partition] = Walk(record.partition, [], found)
        walk.push(record)
    for walk in walks.values():
        walk.finish(readable.damage)
    _find_damage(readable, "the log's records", found)
    # Damage to what they are read from was found above, where all of it was read.
    for missing, following in Readable(jumps):
        expected = f"event {missing}"
        found.find(Finding(Tampering.MOVED, None, None, None, expected, f"event {following}"))
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
    chains: Mapping[int, list[Evidence]], published: Readable[Published | NoSegment], found: Audit
) -> list[Segment]:
    """The log's own segments are those of the second place, but for the newest that it has alone.

    Returns:
        Those of the log after the newest of the second place, in the log's order.
    """
    there = {
        (each.segment.partition, each.segment.number): each.segment
        for chain in chains.values()
        for each in chain
    }
    newest = {partition: chain[-1].segment.number for partition, chain in chains.items()}
    here: dict[int, set[int]] = {}
    beyond: list[Published] = []
    for each in published:
        if isinstance(each, NoSegment):
            at = f"event {each.seq}: {each.found}"
            found.find(Finding(Tampering.FORGED, None, None, None, "a segment", at))
            continue
        segment = each.segment
        here.setdefault(segment.partition, set()).add(segment.number)
        beside = there.get((segment.partition, segment.number))
        if beside is None and segment.number > newest.get(segment.partition, 0):
            beyond.append(each)
        elif beside != segment:
            root = "no segment" if beside is None else beside.root.hex()
            found.find(_of(Tampering.PLACES_DIFFER, segment, root, segment.root.hex()))
    if published.damage is None:
        _find_lacking(chains, here, found)
    _find_damage(published, "the log's own segments", found)
    _find_cut_back(beyond, newest, found)
    found.other_place = len(beyond)
    return [each.segment for each in beyond]


def _find_lacking(
    chains: Mapping[int, list[Evidence]], here: Mapping[int, set[int]], found: Audit
) -> None:
    """A segment is in the log before it is in the second place: the log lost what it lacks."""
    for partition, chain in chains.items():
        numbers = here.get(partition, set())
        newest = max(numbers, default=0)
        last = chain[-1].segment
        if last.number > newest:
            expected, at = f"segment {last.number}", f"segment {newest}"
            finding = _of(Tampering.TRUNCATED, last, expected, at)
            found.find(finding, times=last.number - newest)
        for each in chain:
            segment = each.segment
            if segment.number < newest and segment.number not in numbers:
                root = segment.root.hex()
                found.find(_of(Tampering.PLACES_DIFFER, segment, root, "no segment in the log"))


def _find_damage(readable: Readable[Any], expected: str, found: Audit) -> None:
    if readable.damage is not None:
        found.find(Finding(Tampering.UNREADABLE, None, None, None, expected, readable.damage))


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
