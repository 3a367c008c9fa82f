"""Sealing: behind the log, what each partition decided is hashed, closed, signed and published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, Unfit
from crivo.domain.event import Event, StoredEvent
from crivo.flows.event_of import event_of, value_of
from crivo.flows.ledger_findings import NoSegment, Published
from crivo.governance.merkle import leaf_hash, merkle_root
from crivo.governance.segment import Sealed, Segment, Signer, segment_event_id

#: Which door segments come through; a part of their identity.
SOURCE: Final = "ledger"

#: Records of one segment at most: a past that is sealed afterwards has several.
SEGMENT_RECORDS_MAX: Final = 16_384

#: Records read at a time: a fraction of a millisecond beside a service that answers.
READ_RECORDS: Final = 64


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it lies in the log: `data` are its stored bytes, all but where they lie."""

    seq: int
    partition: int
    offset: int
    received_at: int
    data: bytes


class StoredRecords(Protocol):
    """The stored records of `pix.decisions.v1`: what a ledger speaks of. No key is needed."""

    def stored_records(self, *, start: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Up to `limit` durable records with `seq >= start`, by `seq`; and where to read on."""
        ...


class SecondPlace(Protocol):
    """Where segments lie beside the log, each with the hashes of its records.

    Laws:
        1. What is added is read again in its order; a part of a segment is nothing.
        2. Nothing is ever changed.
    """

    def newest(self, partition: int) -> Segment | None:
        """The newest segment of a partition."""
        ...

    def add(self, segments: Sequence[tuple[Segment, Sequence[bytes]]]) -> None:
        """Adds segments with their leaves; of the newest, a power cut may take some.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        ...


@dataclass(slots=True)
class _Chain:
    """A partition: its newest published segment, and the records read since."""

    newest: Segment | None = None
    leaves: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    received_to: int = 0

    @property
    def end(self) -> int:
        """The offset of the record that comes next."""
        return (0 if self.newest is None else self.newest.end) + len(self.leaves)

    def take(self, record: StoredRecord) -> None:
        if record.offset != self.end:
            raise Unfit(
                Code.LEDGER_BROKEN,
                f"record {record.seq} of partition {record.partition} has not the next offset",
                hint="`crivo ledger verify` says what was changed.",
                expected=self.end,
                found=record.offset,
            )
        self.leaves.append(leaf_hash(record.data))
        self.places.append(record.seq)
        self.received_to = max(self.received_to, record.received_at)

    def sealed(self) -> Sealed:
        first = 0 if self.newest is None else self.newest.end
        return Sealed(first, self.leaves, self.places, self.received_to)

    def follow(self, segment: Segment) -> None:
        self.newest, self.leaves, self.places, self.received_to = segment, [], [], 0


class Sealer:
    """Seals the decisions of one log. One thread uses it; no answer waits for it.

    The log says how far it came: stopping anywhere loses nothing, and equal records in equal
    segments give equal bytes. After any failure `resume` starts anew from what is durable.

    Args:
        records: The stored records.
        segments: The segments that the log itself holds from a sequence number on.
        find: The log's events by id, as its writer finds them.
        end: The log's durable end.
        publish: Appends events; they are durable when it returns, or it raises Unavailable.
        place: The second place.
        signer: Signs.
        log_id: Which log.
        partitions: How many partitions it has.
    """

    def __init__(
        self,
        *,
        records: StoredRecords,
        segments: Callable[[int], Iterable[Published | NoSegment]],
        find: Callable[[bytes], StoredEvent | None],
        end: Callable[[], int],
        publish: Callable[[Sequence[Event]], None],
        place: SecondPlace,
        signer: Signer,
        log_id: str,
        partitions: int,
    ) -> None:
        self._records: Final = records
        self._segments: Final = segments
        self._find: Final = find
        self._end: Final = end
        self._publish: Final = publish
        self._place: Final = place
        self._signer: Final = signer
        self._log_id: Final = log_id
        self._partitions: Final = range(partitions)
        self._chains: dict[int, _Chain] = {}
        self._at = 0
        self._reads_all = False

    @property
    def pending(self) -> int:
        """Records that were read and are in no segment yet."""
        return sum(len(chain.leaves) for chain in self._chains.values())

    def resume(self) -> None:
        """Goes on from the segments that the log holds; the second place is brought up to them.

        Raises:
            Unavailable: LOG_UNAVAILABLE where a segment is not durable yet, FILE_UNWRITABLE.
            Unfit: LEDGER_BROKEN where records are not those that were sealed, or the log lost a
                segment behind those of the second place.
            Misconfigured: KEY_INVALID where another key signed the newest segment of a partition.
        """
        self._start(from_first=False)

    def _start(self, *, from_first: bool) -> None:
        """Where the earliest record lies that is in no segment: there reading goes on.

        A closing takes all partitions, so what was read before the newest one is in a segment; but
        after two stops, each in the midst of a closing, one may lie before it.
        """
        self._reads_all = from_first
        beyond = self._beyond()
        self._chains = {each: _Chain(self._newest(each, beyond)) for each in self._partitions}
        for partition in self._partitions:
            self._check_signer(partition)
            self._bring_up(partition)
        before = [
            self._segment(each.newest.partition, each.newest.number - 1)
            for each in self._chains.values()
            if each.newest is not None and each.newest.number > 1 and not from_first
        ]
        self._at = max((each.last_seq + 1 for each in before if each is not None), default=0)

    def read(self) -> int:
        """Hashes the next durable records; gives how many it read, 0 where there are none.

        Raises:
            Unfit: LEDGER_BROKEN for a record that is not the next of its partition.
        """
        found, self._at = self._records.stored_records(start=self._at, limit=READ_RECORDS)
        try:
            for record in found:
                chain = self._chains[record.partition]
                if chain.newest is None or record.seq > chain.newest.last_seq:
                    chain.take(record)
        except Unfit:
            if self._reads_all:
                raise
            self._start(from_first=True)
        return len(found)

    @property
    def is_full(self) -> bool:
        """Whether a segment has to be closed before more is read."""
        limit = SEGMENT_RECORDS_MAX - READ_RECORDS
        return any(len(chain.leaves) > limit for chain in self._chains.values())

    def close(self) -> list[Segment]:
        """Closes what was read into a segment a partition: published, and in the second place.

        Raises:
            Unavailable: LOG_UNAVAILABLE, OVERLOADED, FILE_UNWRITABLE; `resume` then mends it.
        """
        closed: list[tuple[Segment, Sequence[bytes]]] = []
        for partition, chain in self._chains.items():
            if chain.leaves:
                segment = self._signer.segment(
                    self._log_id, partition, chain.newest, chain.sealed()
                )
                closed.append((segment, chain.leaves))
        if closed:
            self._publish([_event(segment) for segment, _ in closed])
            self._place.add(closed)
        for segment, _ in closed:
            self._chains[segment.partition].follow(segment)
        return [segment for segment, _ in closed]

    def _beyond(self) -> dict[int, set[int]]:
        """The numbers of the log's own segments, by partition, behind those of the second place.

        All are looked at: where one is lost, another may lie behind it.
        """
        there = [self._place.newest(each) for each in self._partitions]
        start = min(0 if each is None else each.last_seq + 1 for each in there)
        found: dict[int, set[int]] = {}
        for each in self._segments(start):
            if isinstance(each, NoSegment):
                raise _unread(each)
            found.setdefault(each.segment.partition, set()).add(each.segment.number)
        return found

    def _newest(self, partition: int, beyond: Mapping[int, set[int]]) -> Segment | None:
        """The newest segment of a partition. Numbers have no gaps: behind a gap nothing is signed,
        since what lies there was signed before.
        """
        there = self._place.newest(partition)
        number = 0 if there is None else there.number
        known = None if there is None else self._segment(partition, number)
        if there is not None and known is None:
            return None
        while (found := self._segment(partition, number + 1)) is not None:
            known, number = found, number + 1
        if max(beyond.get(partition, ()), default=0) > number:
            raise _lost(partition, number + 1, "no segment, but later ones")
        return known

    def _segment(self, partition: int, number: int) -> Segment | None:
        stored = self._find(segment_event_id(self._log_id, partition, number))
        if stored is None:
            return None
        if stored.seq >= self._end():
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                "a segment of the ledger is not on disk yet",
                hint="The log retries by itself.",
            )
        try:
            segment = value_of(stored.event)
        except Refused as error:
            raise _lost(partition, number, str(error)) from error
        assert isinstance(segment, Segment), "its stream carries nothing else"
        return segment

    def _check_signer(self, partition: int) -> None:
        newest = self._chains[partition].newest
        if newest is not None and newest.signer != self._signer.signer:
            raise Misconfigured(
                Code.KEY_INVALID,
                f"another key signed segment {newest.number} of partition {partition}",
                hint="Restore the ledger's key from the copy of keys/; nothing is signed before.",
                expected=newest.signer.hex(),
                found=self._signer.signer.hex(),
            )

    def _bring_up(self, partition: int) -> None:
        """Adds to the second place what the log holds and it lacks, hashed again."""
        newest, there = self._chains[partition].newest, self._place.newest(partition)
        known = None if there is None else self._segment(partition, there.number)
        if known != there:
            raise Unfit(
                Code.LEDGER_BROKEN,
                f"the log lacks segment {there.number if there else 0} of partition {partition}, "
                "or has another one than the second place",
                hint="The log was cut off, or is an older copy: `crivo ledger verify` says where.",
                expected=_root(there),
                found=_root(known),
            )
        if newest is None:
            return
        for number in range(1 if there is None else there.number + 1, newest.number + 1):
            segment = self._segment(partition, number)
            if segment is None:
                raise _lost(partition, number, "no segment")
            leaves = self._leaves(segment)
            if not leaves or merkle_root(leaves) != segment.root:
                raise Unfit(
                    Code.LEDGER_BROKEN,
                    f"segment {number} of partition {partition} was signed over other records",
                    hint="`crivo ledger verify` says what was changed.",
                    expected=segment.root.hex(),
                    found=merkle_root(leaves).hex() if leaves else "no records",
                )
            self._place.add([(segment, leaves)])

    def _leaves(self, segment: Segment) -> list[bytes]:
        leaves: list[bytes] = []
        at = segment.first_seq
        while at <= segment.last_seq:
            found, at = self._records.stored_records(start=at, limit=READ_RECORDS)
            if not found:
                break
            leaves += [
                leaf_hash(each.data)
                for each in found
                if each.partition == segment.partition and each.seq <= segment.last_seq
            ]
        return leaves


def _event(segment: Segment) -> Event:
    """A segment bears the greatest receipt of its records: it moves no clock."""
    at = segment.received_to
    return event_of(segment, occurred_at=at, received_at=at, source=SOURCE)


def _unread(found: NoSegment) -> Unfit:
    return Unfit(
        Code.LEDGER_BROKEN,
        f"event {found.seq} of the log is no segment of the ledger",
        hint="`crivo ledger verify` says what was changed.",
        expected="a segment that was signed",
        found=found.found,
    )


def _lost(partition: int, number: int, found: str) -> Unfit:
    return Unfit(
        Code.LEDGER_BROKEN,
        f"the log lost its segment {number} of partition {partition}",
        hint="`crivo ledger verify` says what was changed.",
        expected="a segment that was signed",
        found=found,
    )


def _root(segment: Segment | None) -> str:
    return "no segment" if segment is None else segment.root.hex()
