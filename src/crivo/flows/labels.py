"""Labels of a log: what its reports said of each transfer, and when that was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain import report
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.features.row import words
from crivo.flows.codec import report_fields
from crivo.flows.ports import LogReader
from crivo.model.labels import NEVER, Int64s

#: Reports of one read of the log.
PAGE_EVENTS: Final = 10_000

_ONLY_REPORTS: Final = frozenset({Stream.REPORTS})

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Known:
    """When a transfer was first claimed to be fraud, and when that was first accepted."""

    claimed_at: int
    accepted_at: int = NEVER


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of transfers, by the two words of their event id; of most, nothing."""

    known: Mapping[tuple[int, int], Known]
    _first_words: Words = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        firsts = np.array([first for first, _ in self.known], np.uint64)
        object.__setattr__(self, "_first_words", firsts)

    def of(self, ids: Words) -> tuple[Int64s, Int64s]:
        """(accepted_at, claimed_at), int64[n] each, of `ids` uint64[n, 2]."""
        accepted_at = np.full(len(ids), NEVER, np.int64)
        claimed_at = np.full(len(ids), NEVER, np.int64)
        for place in np.flatnonzero(np.isin(ids[:, 0], self._first_words)):
            said = self.known.get((int(ids[place, 0]), int(ids[place, 1])))
            if said is not None:
                accepted_at[place], claimed_at[place] = said.accepted_at, said.claimed_at
        return accepted_at, claimed_at


def labels_of_log(log: LogReader, *, end: int, labels_as_of: int) -> Labels:
    """What the reports below `end` said that were received by `labels_as_of`.

    Raises:
        Refused: FIELD_TYPE for a report that this release cannot read.
    """
    known: dict[tuple[int, int], Known] = {}
    start = 0
    while start < end:
        page = log.read(start=start, limit=PAGE_EVENTS, streams=_ONLY_REPORTS)
        page = [stored for stored in page if stored.seq < end]
        if not page:
            break
        _note(page, known, labels_as_of)
        start = page[-1].seq + 1
    return Labels(known)


def _note(
    page: Sequence[StoredEvent], known: dict[tuple[int, int], Known], labels_as_of: int
) -> None:
    for stored in page:
        received_at = stored.event.received_at
        if stored.event.schema != report.SCHEMA or received_at > labels_as_of:
            continue
        fields = report_fields(stored.event.payload)
        about = words(transfer_event_id(fields.end_to_end_id))
        before = known.get(about, Known(NEVER))
        accepted_at = received_at if fields.status is ReportStatus.ACCEPTED else NEVER
        known[about] = Known(
            min(before.claimed_at, received_at), min(before.accepted_at, accepted_at)
        )
