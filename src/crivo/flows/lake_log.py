"""A log as the lake holds it: bronze is the log's older part, for every reader of logs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crivo.decision.record import WORKER
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow, stored_event
from crivo.flows.lake import Among, Lake
from crivo.flows.ports import Manifest
from crivo.flows.silver import Open
from crivo.lake.table import BRONZE, DAY, LOGS

#: Numbers that one read of bronze spans.
SPAN: Final = 200_000

#: The columns of bronze that are a stored row, in its order.
_ROW: Final = (
    "number", "stream", "partition", "offset", "event_id", "subject_id", "occurred_at",
    "received_at", "schema", "source", "payload", "sealed",
)  # fmt: skip
_NAMED: Final = ("number", "stream", "source")

#: Where workers write; what they make of an event bears that event's number, and is not folded.
_ANSWERS: Final = (Stream.DECISIONS.value, Stream.ALERTS.value)


class LakeLog:
    """Plays `LogReader` over one version of bronze: what is appended later, it does not see.

    It begins behind the newest event that was forgotten (`crivo lake vacuum`), and ends before the
    first number that bronze lacks from there on: partitions of a log in Kafka do not come to bronze
    at one number.

    Raises:
        Unavailable: NOT_FOUND where the lake holds no log.
    """

    def __init__(self, lake: Lake, open_payload: Open) -> None:
        logs = lake.open(LOGS).read().to_pylist() if lake.has(LOGS) else []
        if not logs:
            raise Unavailable(
                Code.NOT_FOUND,
                "the lake holds no log",
                hint="`crivo lake refine` takes the log into bronze.",
                field="table",
            )
        self._open_payload = open_payload
        self._bronze = lake.open(BRONZE)
        self._manifest = Manifest(
            logs[0]["log_id"], ClockKind(logs[0]["clock"]), logs[0]["partitions"]
        )

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        return self._manifest

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Up to `limit` events with `seq >= start`, of these streams (None: of all).

        Raises:
            Misconfigured: LOG_MISMATCH for a start that was forgotten, KEY_MISSING, SEAL_BROKEN.
            Unavailable: LAKE_UNAVAILABLE.
        """
        if start < self._begin:
            raise _forgotten(start, self._begin)
        found: list[StoredEvent] = []
        wanted = None if streams is None else {each.value for each in streams}
        while start < self._end and len(found) < limit:
            span = SPAN if wanted is not None else min(SPAN, limit - len(found))
            stop = min(start + span, self._end)
            among: dict[str, Collection[object]] = {"number": range(start, stop)}
            if wanted is not None:
                among["stream"] = wanted
            found += self._events(among, limit - len(found))
            start = stop
        return found

    def end(self) -> int:
        """The number that follows the newest event, before which none is missing that was kept."""
        return self._end

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are in the log."""
        rows = self._own(self._bronze.read((*_NAMED, "event_id"), {"event_id": event_ids}))
        return set(rows["event_id"].to_pylist())

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id, if it is in the log."""
        return next(iter(self._events({"event_id": [event_id]}, 1)), None)

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` of a partition so far; 0 where it is empty."""
        return self._order_times.get((stream.value, partition), 0)

    @property
    def is_answered(self) -> bool:
        """Whether workers answered transfers of it."""
        return len(self._numbers) < len(self._named)

    @cached_property
    def _named(self) -> pa.Table:
        return self._bronze.read(_NAMED)

    @cached_property
    def _numbers(self) -> pa.Table:
        return _numbered(self._named)

    @cached_property
    def _begin(self) -> int:
        return self._bronze.position(_beginning(self._manifest.log_id)) or 0

    @cached_property
    def _end(self) -> int:
        numbers: npt.NDArray[np.int64] = np.unique(self._numbers["number"].to_numpy())
        numbers = numbers[numbers >= self._begin] - self._begin
        gaps = np.flatnonzero(numbers != np.arange(len(numbers)))
        return self._begin + (int(gaps[0]) if len(gaps) else len(numbers))

    @cached_property
    def _order_times(self) -> dict[tuple[str, int], int]:
        rows = self._own(self._bronze.read((*_NAMED, "partition", "received_at")))
        found = rows.group_by(["stream", "partition"]).aggregate([("received_at", "max")])
        columns = (found[name].to_pylist() for name in ("stream", "partition", "received_at_max"))
        return {(stream, part): at for stream, part, at in zip(*columns, strict=True)}

    def _events(self, among: Among, limit: int) -> list[StoredEvent]:
        rows = self._own(self._bronze.read(_ROW, among)).sort_by("number").slice(0, limit)
        columns = [rows[name].to_pylist() for name in _ROW]
        return [self._event(row) for row in zip(*columns, strict=True)]

    def _event(self, row: EventRow) -> StoredEvent:
        return stored_event((*row[:10], self._open_payload(row[10], row[4]), row[11]))

    def _own(self, rows: pa.Table) -> pa.Table:
        """Of rows of bronze those that are events of the log between its beginning and its end."""
        rows = _numbered(rows)
        at = rows["number"]
        return rows.filter(pc.and_(pc.greater_equal(at, self._begin), pc.less(at, self._end)))


def forgotten(lake: Lake, before: date) -> dict[str, int]:
    """Where the log of bronze begins once the rows of days before that one are deleted, as the
    positions that go with it: behind the newest number among them.

    Raises:
        Unavailable: LAKE_UNAVAILABLE.
    """
    bronze = lake.open(BRONZE)
    days = [day for day in bronze.counts() if day < before]
    if not days:
        return {}
    numbers = _numbered(bronze.read(_NAMED, {DAY: days}))["number"]
    newest = -1 if not len(numbers) else pc.max(numbers).as_py()
    names = [_beginning(log_id) for log_id in lake.open(LOGS).read()["log_id"].to_pylist()]
    return {name: max(newest + 1, bronze.position(name) or 0) for name in names}


def _beginning(log_id: str) -> str:
    """The name under which bronze keeps the first number that was not forgotten of a log."""
    return f"crivo/{log_id}/begin"


def _forgotten(start: int, begin: int) -> Misconfigured:
    return Misconfigured(
        Code.LOG_MISMATCH,
        f"the lake has forgotten its log's events below number {begin}",
        hint="`crivo lake vacuum` deletes what is past its retention. What folds a log from its "
        "beginning needs the log itself, or a state that was kept at that number or behind it.",
        field="number",
        expected=f"{begin} or more",
        found=start,
    )


def is_answer(row: EventRow) -> bool:
    """Whether a worker made it of the event whose number it bears."""
    return row[1] in _ANSWERS and row[9] == WORKER


def _numbered(rows: pa.Table) -> pa.Table:
    """Rows that the log's writer numbered, without what workers made of them."""
    is_answer = pc.and_(
        pc.is_in(rows["stream"], pa.array(_ANSWERS)), pc.equal(rows["source"], WORKER)
    )
    return rows.filter(pc.invert(is_answer))
