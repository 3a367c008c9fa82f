"""Power cuts, broken disks and lying syncs: what a log promises, and what breaks the promise."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import apsw
import pytest

from crivo.adapters.sqlite import checkpoint, connection
from crivo.adapters.sqlite.log import SqliteLog
from crivo.adapters.sqlite.schema import STATEMENT_ROWS
from crivo.domain.errors import Code, Unavailable
from tests.ports.disk import Disk
from tests.ports.logs import (
    assert_gapless,
    assert_nothing_is_lost_without_power,
    event,
    events,
    open_test_log,
    stored,
)


@pytest.fixture
def disk(request):
    return Disk(f"disk-{request.node.name}")


@pytest.fixture
def log(tmp_path, disk):
    opened = open_test_log(tmp_path / "log.sqlite", vfs=disk.name)
    yield opened
    disk.broken = None
    disk.broken_sync = False
    disk.gate.set()
    opened.close()


def test_append_is_durable_before_it_returns(tmp_path, disk, log):
    assert_nothing_is_lost_without_power(tmp_path, disk, log)


def test_sabotage_a_disk_that_lies_about_syncs_breaks_the_law(tmp_path, disk, log):
    disk.lies = True
    with pytest.raises(AssertionError):
        assert_nothing_is_lost_without_power(tmp_path, disk, log)


def test_sabotage_a_log_that_does_not_sync_breaks_the_law(tmp_path, disk, monkeypatch):
    def careless(path, *, vfs=None):
        opened = connection.open_connection(path, vfs=vfs)
        opened.execute("PRAGMA synchronous = OFF").fetchall()
        return opened

    monkeypatch.setattr("crivo.adapters.sqlite.log.open_connection", careless)
    careless_log = open_test_log(tmp_path / "careless.sqlite", vfs=disk.name)
    with pytest.raises((AssertionError, StopIteration)):
        assert_nothing_is_lost_without_power(tmp_path, disk, careless_log)
    careless_log.close()


def test_nothing_is_lost_while_pages_are_moved_into_the_file(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(checkpoint, "REQUEST_PAGES", 3)
    monkeypatch.setattr(checkpoint, "COMMIT_PAGES", 9)
    log = open_test_log(tmp_path / "log.sqlite", vfs=disk.name)
    assert_nothing_is_lost_without_power(tmp_path, disk, log)
    moved = disk.durable[str(tmp_path / "log.sqlite")]
    assert len(moved) > 4_096, "no page was moved"
    log.close()


def test_a_disk_that_fails_a_checkpoint_stops_no_later_one(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(checkpoint, "REQUEST_PAGES", 3)
    log = open_test_log(tmp_path / "log.sqlite", vfs=disk.name)
    log.append(events(0, 30))
    disk.broken = apsw.IOError
    log.submit([event(30)], lambda _: None)
    time.sleep(0.05)
    disk.broken = None
    append_when_it_accepts(log, 31)
    log.close()
    again = open_test_log(tmp_path / "log.sqlite")
    assert stored(again) == events(0, 32)
    again.close()


def write_much(log: SqliteLog, path: Path) -> int:
    """The longest write-ahead log, in pages of 4 KiB, while 24 MB are written in small commits."""
    longest = 0
    for number in range(600):
        log.append([event(number)._replace(payload=bytes(40_000))])
        longest = max(longest, path.with_name(path.name + "-wal").stat().st_size // 4_096)
    return longest


@pytest.mark.slow
def test_the_write_ahead_log_stays_short(tmp_path):
    log = open_test_log(tmp_path / "log.sqlite")
    assert write_much(log, tmp_path / "log.sqlite") < checkpoint.COMMIT_PAGES + 500
    log.close()


@pytest.mark.slow
def test_sabotage_without_checkpoints_the_write_ahead_log_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "REQUEST_PAGES", 10**9)
    monkeypatch.setattr(checkpoint, "COMMIT_PAGES", 10**9)
    log = open_test_log(tmp_path / "log.sqlite")
    assert write_much(log, tmp_path / "log.sqlite") > 5_500
    log.close()


def test_a_sync_completes_between_submission_and_done(disk, log):
    before = disk.syncs
    seen: list[int] = []
    finished = threading.Event()

    def done(failure):
        assert failure is None
        seen.append(disk.syncs)
        finished.set()

    log.submit([event(0)], done)
    assert finished.wait(300)
    assert seen[0] > before


@pytest.mark.slow
@pytest.mark.parametrize("size", [5, STATEMENT_ROWS + 86])
def test_a_submission_is_whole_or_absent_after_a_power_cut(tmp_path, disk, log, size):
    """Power is cut at a moment of its own, while submissions are under way.

    Five events go in one statement; the others in several, and in one transaction.
    """
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            log.append(events(number, number + size))
            number += size

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for cut in range(10):
            time.sleep(0.01)
            left = disk.cut_power(tmp_path / f"cut-{cut}")
            survived = open_test_log(left)
            assert survived.end() % size == 0
            assert stored(survived) == events(0, survived.end())
            survived.close()
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("fault", [apsw.IOError, apsw.FullError, "sync"])
def test_a_failed_commit_is_told_retried_and_neither_lost_nor_doubled(disk, log, fault):
    log.append(events(0, 3))
    disk.broken_sync = fault == "sync"
    disk.broken = None if fault == "sync" else fault
    with pytest.raises(Unavailable) as caught:
        log.append(events(3, 6))
    assert caught.value.code is Code.LOG_UNAVAILABLE
    with pytest.raises(Unavailable) as caught:
        log.append(events(6, 9))
    assert caught.value.code is Code.LOG_UNAVAILABLE
    assert log.end() == 3
    assert log.known([event(4).event_id]), "what is retried is sequenced"
    disk.broken = None
    disk.broken_sync = False
    append_when_it_accepts(log, 9)
    assert stored(log) == [*events(0, 6), event(9)]
    assert_gapless(log)


def test_a_log_that_cannot_be_opened_again_for_a_while_is_opened_when_it_can(disk, log):
    log.append(events(0, 3))
    disk.broken, disk.broken_open = apsw.FullError, True
    with pytest.raises(Unavailable):
        log.append([event(3)])
    time.sleep(0.1)  # several attempts to open it fail
    disk.broken, disk.broken_open = None, False
    append_when_it_accepts(log, 9)
    assert stored(log) == [*events(0, 4), event(9)]


def test_a_commit_whose_checkpoint_fails_is_neither_lost_nor_doubled(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(checkpoint, "REQUEST_PAGES", 10**9)
    monkeypatch.setattr(checkpoint, "COMMIT_PAGES", 3)
    log = open_test_log(tmp_path / "log.sqlite", vfs=disk.name)
    disk.broken, disk.broken_suffix = apsw.IOError, ".sqlite"
    told: list[Exception | None] = []
    for number in range(4):
        with contextlib.suppress(Unavailable):
            log.submit([event(number)], told.append)
    time.sleep(0.1)  # several attempts to move the pages fail
    disk.broken, disk.broken_suffix = None, ""
    append_when_it_accepts(log, 9)
    assert stored(log) == [*events(0, len(stored(log)) - 1), event(9)]
    assert_gapless(log)
    log.close()


def test_sabotage_parts_of_a_submission_that_are_kept_apart_are_noticed(
    tmp_path, disk, log, monkeypatch
):
    monkeypatch.setattr("crivo.adapters.sqlite.schema.transaction", contextlib.nullcontext)
    with pytest.raises(AssertionError):
        test_a_submission_is_whole_or_absent_after_a_power_cut(
            tmp_path, disk, log, STATEMENT_ROWS + 86
        )


def append_when_it_accepts(log: SqliteLog, number: int) -> None:
    deadline = time.monotonic() + 300
    while True:
        try:
            log.append([event(number)])
            return
        except Unavailable:
            assert time.monotonic() < deadline, "the log never accepted again"
            time.sleep(0.01)


def test_after_a_failed_sync_what_was_retried_survives_a_power_cut(tmp_path, disk, log):
    disk.broken_sync = True
    with pytest.raises(Unavailable):
        log.append(events(0, 3))
    disk.broken_sync = False
    append_when_it_accepts(log, 3)
    survived = open_test_log(disk.cut_power(tmp_path / "cut"))
    assert stored(survived) == events(0, 4)
    survived.close()


def test_those_who_queued_behind_a_failed_commit_are_told_too(disk, log):
    disk.broken = apsw.IOError
    told: list[Exception | None] = []
    refused = 0
    for number in range(20):
        try:
            log.submit([event(number)], told.append)
        except Unavailable:
            refused += 1
    deadline = time.monotonic() + 300
    while len(told) + refused < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(told) + refused == 20
    assert all(isinstance(failure, Unavailable) for failure in told)
    disk.broken = None
    append_when_it_accepts(log, 100)
    assert stored(log) == [*events(0, len(told)), event(100)]
    assert len(told) <= 20, "nobody is told twice"


def test_a_log_closed_while_the_disk_is_broken_keeps_what_was_durable(tmp_path):
    disk = Disk("closed-broken")
    path = tmp_path / "log.sqlite"
    log = open_test_log(path, vfs=disk.name)
    log.append(events(0, 3))
    disk.broken = apsw.FullError
    with pytest.raises(Unavailable):
        log.append(events(3, 4))
    log.close()
    disk.broken = None
    again = open_test_log(path)
    assert stored(again) == events(0, 3)
    again.close()


def test_callbacks_of_a_group_are_handed_over_together(tmp_path: Path):
    from crivo.adapters.sqlite.log import open_log
    from crivo.domain.clock import ClockKind

    groups: list[int] = []
    finished = threading.Event()

    def notify(callbacks):
        groups.append(len(callbacks))
        for callback in callbacks:
            callback()
        if sum(groups) == 200:
            finished.set()

    log = open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="x", notify=notify)
    for number in range(200):
        log.submit([event(number)], lambda _: None)
    assert finished.wait(300)
    assert len(groups) < 200
    log.close()


def test_too_many_waiting_events_are_refused_as_overload(monkeypatch, disk, log):
    monkeypatch.setattr("crivo.adapters.sqlite.log.PENDING_EVENTS_MAX", 5)
    told = threading.Event()
    disk.gate.clear()
    log.submit(events(0, 5), lambda _: told.set())
    with pytest.raises(Unavailable) as caught:
        log.submit([event(5)], lambda _: None)
    assert caught.value.code is Code.OVERLOADED
    disk.gate.set()
    assert told.wait(300)
    log.append([event(5)])
    assert stored(log) == events(0, 6)


def test_what_was_promised_is_sequenced_though_a_commit_failed_since(disk, log):
    log.append(events(0, 3))
    log.promise(3)
    disk.broken = apsw.FullError
    with pytest.raises(Unavailable):
        log.append([event(3)])
    told: list[Exception | None] = []
    assert log.submit(events(4, 7), told.append, is_promised=True) == 4
    assert len(told) == 1
    assert isinstance(told[0], Unavailable)
    with pytest.raises(Unavailable):
        log.promise(1)
    disk.broken = None
    append_when_it_accepts(log, 9)
    assert stored(log) == [*events(0, 7), event(9)]
    assert len(told) == 1, "told once"
    assert_gapless(log)


def test_a_closed_log_takes_nothing_that_it_promised(tmp_path):
    log = open_test_log(tmp_path / "log.sqlite")
    log.promise(1)
    log.close()
    with pytest.raises(Unavailable):
        log.submit([event(0)], lambda _: None, is_promised=True)
