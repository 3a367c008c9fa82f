"""A start from a snapshot is a start from the log, only sooner; what does not fit is left aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.sqlite.log import SqliteLog, open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.domain.instant import MINUTE
from crivo.domain.streams import Stream
from crivo.features.engine import vector_bytes
from crivo.features.plan import compile_plan
from crivo.features.row import RowKind
from crivo.features.spec import FeatureSet
from crivo.flows.fold import fold_rows
from crivo.flows.replica import Replica, newest_replica, restored
from tests.unit.decision.worlds import plan, play, world

DECISIONS = 40


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with world(tmp_path) as played:
        play(played, 1, DECISIONS)
    opened = open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    yield opened
    opened.close()


def quiet(_done: int, _end: int) -> None:
    """Progress that nobody watches."""


def caught_up(log: SqliteLog) -> Replica:
    replica = Replica(plan())
    replica.catch_up(log, quiet)
    return replica


class Until:
    """The log as it was when it held so many events."""

    def __init__(self, log: SqliteLog, end: int) -> None:
        self._log, self._end = log, end
        self.manifest = log.manifest

    def end(self) -> int:
        return self._end

    def order_time(self, stream: Stream, partition: int) -> int:
        found = self.read(start=0, limit=self._end)
        place = (stream, partition)
        told = [x.event.received_at for x in found if (x.event.stream, x.partition) == place]
        return max(told, default=0)

    def read(self, *, start: int, limit: int):
        return self._log.read(start=start, limit=min(limit, self._end - start))


def knows(replica: Replica, log: SqliteLog) -> list[object]:
    """What a replica says when asked: of itself, of every id, and of each transfer made once more.

    Where its state lies in memory depends on how the log was cut into batches, and is not asked.
    """
    kept, counts = replica.snapshot("log"), replica.engine.counts
    asked = fold_rows(log.read(start=0, limit=1_000)).copy()
    asked = asked[asked["kind"] == RowKind.TRANSFER]
    asked["occurred_at"] += MINUTE
    asked["received_at"] = asked["occurred_at"]
    vectors = [vector_bytes(replica.engine.read(row)[0]) for row in asked.reshape(-1, 1)]
    memory = [array.tobytes() for array in replica.memory.arrays().values()]
    told = (kept.cut, kept.order_time, counts.folded, counts.late, counts.keys)
    memory.append(replica.sums.arrays()["account_sums_and_cash"].tobytes())
    return [*told, *memory, *vectors]


def placed(replica: Replica) -> dict[str, bytes]:
    """All arrays of a replica, as bytes."""
    return {name: array.tobytes() for name, array in replica.snapshot("log").arrays.items()}


@pytest.mark.parametrize("share", [0, 1, 3, 7])
def test_a_snapshot_and_what_follows_are_the_whole_log(log, tmp_path, share) -> None:
    cut = log.end() * share // 7
    early = Replica(plan())
    early.catch_up(Until(log, cut), quiet)
    SnapshotFiles(tmp_path / "kept").keep(early.snapshot(log.manifest.log_id))
    start = newest_replica(plan(), SnapshotFiles(tmp_path / "kept"), log, unfit=pytest.fail)
    assert start.folded == cut
    start.catch_up(log, quiet)
    assert knows(start, log) == knows(caught_up(log), log)


def test_sabotage_a_snapshot_that_forgot_an_event_is_another_state(log) -> None:
    early = Replica(plan())
    early.catch_up(Until(log, log.end() - 1), quiet)
    forged = dataclasses.replace(early.snapshot(log.manifest.log_id), cut=log.end())
    start = restored(plan(), forged)
    start.catch_up(log, quiet)
    assert knows(start, log)[5:] != knows(caught_up(log), log)[5:]


def test_a_restored_replica_does_not_touch_the_snapshot(log) -> None:
    kept = caught_up(log).snapshot(log.manifest.log_id)
    before = {name: array.tobytes() for name, array in kept.arrays.items()}
    twice = [restored(plan(), kept) for _ in range(2)]
    twice[0].engine.make_room()
    assert {name: array.tobytes() for name, array in kept.arrays.items()} == before
    assert placed(twice[0])["arena"] == placed(twice[1])["arena"]


def test_the_clock_and_the_memory_go_on_where_they_were(tmp_path) -> None:
    with world(tmp_path) as played:
        play(played, 1, 5)
        answers = [played.service.find(each) for each in ids(played.log)]
        now = played.service.clock.now()
    log = open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    start = caught_up(log)
    log.close()
    with world(tmp_path, start=restored(plan(), start.snapshot("world"))) as again:
        assert again.service.clock.now() == now
        assert [again.service.find(each) for each in ids(again.log)] == answers


def ids(log: SqliteLog) -> list[str]:
    """The ids of the decisions in a log."""
    events = log.read(start=0, limit=1_000, streams=frozenset({Stream.DECISIONS}))
    return [decode_record(each.event.payload).end_to_end_id for each in events]


def test_a_snapshot_of_another_plan_is_refused(log) -> None:
    other = compile_plan(FeatureSet(plan().feature_set.features[:-1]))
    with pytest.raises(Misconfigured) as caught:
        restored(other, caught_up(log).snapshot(log.manifest.log_id))
    assert caught.value.code is Code.PLAN_MISMATCH


def test_snapshots_of_another_plan_are_told_of_and_state_comes_from_the_log(log, tmp_path) -> None:
    other = compile_plan(FeatureSet(plan().feature_set.features[:-1]))
    files = SnapshotFiles(tmp_path / "kept")
    files.keep(caught_up(log).snapshot(log.manifest.log_id))
    heard: list[CrivoError] = []
    start = newest_replica(other, files, log, unfit=heard.append)
    assert [each.code for each in heard] == [Code.PLAN_MISMATCH]
    assert plan().plan_hash in str(heard[0])
    assert other.plan_hash in str(heard[0])
    assert start.folded == 0
    # Both plans' lie there now: each start takes its own, and tells of the other.
    start.catch_up(log, quiet)
    files.keep(start.snapshot(log.manifest.log_id))
    for of in (plan(), other):
        heard.clear()
        again = newest_replica(of, files, log, unfit=heard.append)
        assert (again.engine.plan_hash, again.folded) == (of.plan_hash, log.end())
        assert [each.code for each in heard] == [Code.PLAN_MISMATCH]


@pytest.mark.parametrize("change", [{"log_id": "another"}, {"cut": 10**6}])
def test_a_snapshot_of_another_log_is_told_of_and_state_comes_from_the_log(
    log, tmp_path, change
) -> None:
    forged = dataclasses.replace(caught_up(log).snapshot(log.manifest.log_id), **change)
    files = SnapshotFiles(tmp_path / "kept")
    files.keep(forged)
    heard: list[CrivoError] = []
    start = newest_replica(plan(), files, log, unfit=heard.append)
    assert [each.code for each in heard] == [Code.SNAPSHOT_INVALID]
    assert start.folded == 0


def test_where_the_newest_is_damaged_the_one_before_serves(log, tmp_path) -> None:
    files = SnapshotFiles(tmp_path / "kept")
    replica = Replica(plan())
    for end in (10, 20):
        replica.catch_up(Until(log, end), quiet)
        files.keep(replica.snapshot(log.manifest.log_id))
    path = tmp_path / "kept" / plan().plan_hash / "20" / "arena.npy"
    path.write_bytes(path.read_bytes()[:-8])
    heard: list[CrivoError] = []
    start = newest_replica(plan(), files, log, unfit=heard.append)
    assert (start.folded, len(heard)) == (10, 1)


@pytest.mark.parametrize("name", ["control", "index", "arena", "ids", "places", "hours"])
def test_arrays_that_are_no_state_are_refused(log, name) -> None:
    kept = caught_up(log).snapshot(log.manifest.log_id)
    for harmed in (kept.arrays[name][:-1], None):
        arrays = {**kept.arrays, name: harmed}
        if harmed is None:
            del arrays[name]
        with pytest.raises(Misconfigured) as caught:
            restored(plan(), dataclasses.replace(kept, arrays=arrays))
        assert caught.value.code is Code.SNAPSHOT_INVALID
