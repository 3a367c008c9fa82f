"""What an audit of the ledger compares, and what it may find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar

from crivo.domain.errors import Misconfigured
from crivo.governance.segment import Segment

Read = TypeVar("Read")

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
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was signed, and where. `offset` counts the partition.

    Where it is None `found` says which event of the log, or that the file is damaged.
    """

    kind: Tampering
    partition: int | None
    segment: int | None
    offset: int | None
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


@dataclass(frozen=True, slots=True)
class NoSegment:
    """An event of the log's own segments that is none; `found` says why."""

    seq: int
    found: str


class Readable(Generic[Read]):
    """What can be read, in order; `damage` is what ended it before its end."""

    def __init__(self, each: Iterable[Read]) -> None:
        self._each: Final = each
        self.damage: str | None = None

    def __iter__(self) -> Iterator[Read]:
        try:
            yield from self._each
        except Misconfigured as error:
            self.damage = error.message
