"""Several writers of snapshots at once: none takes away what another has just looked at."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from crivo.adapters.snapshot_files import store
from crivo.adapters.snapshot_files.store import NEWEST_KEPT, OTHER_PLANS_KEPT, SnapshotFiles
from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import Snapshot
from tests.ports.test_snapshot_laws import PLAN, same, snapshot

AtOnce = Callable[[SnapshotFiles, pytest.MonkeyPatch, float], list[BaseException | None]]


@pytest.fixture
def snapshots(tmp_path: Path) -> SnapshotFiles:
    return SnapshotFiles(tmp_path / "snapshots")


def kept_at_once(
    snapshots: SnapshotFiles,
    some: list[Snapshot],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> list[BaseException | None]:
    """What became of writers that wait so long for each other wherever one removes a folder."""
    remove, meeting = shutil.rmtree, threading.Barrier(len(some))

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(seconds)

    def remove_beside_others(folder: Path, **options: bool) -> None:
        meet()
        try:
            remove(folder, **options)
        finally:
            meet()

    with monkeypatch.context() as patched, ThreadPoolExecutor(len(some)) as writers:
        patched.setattr(shutil, "rmtree", remove_beside_others)
        writing = [writers.submit(snapshots.keep, each) for each in some]
        for each in writing:
            each.add_done_callback(lambda _: meeting.abort())
        return [each.exception(300) for each in writing]


def one_cut_at_once(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> list[BaseException | None]:
    snapshots.keep(snapshot(7))
    return kept_at_once(snapshots, [snapshot(7), snapshot(7)], monkeypatch, seconds)


def a_fourth_plan_at_once(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> list[BaseException | None]:
    for place, letter in enumerate("bcd"):
        snapshots.keep(snapshot(place + 1, plan_hash=letter * 64))
    return kept_at_once(snapshots, [snapshot(7), snapshot(8)], monkeypatch, seconds)


AT_ONCE = pytest.mark.parametrize("at_once", [one_cut_at_once, a_fourth_plan_at_once])


@AT_ONCE
def test_writers_at_once_fail_at_nothing_that_another_of_them_removed(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch, at_once: AtOnce
) -> None:
    # A lock keeps them apart, so that each waits in vain.
    assert at_once(snapshots, monkeypatch, 0.3) == [None, None]
    assert same(snapshots.load(PLAN, 7), snapshot(7))
    assert len(snapshots.others(PLAN)) <= OTHER_PLANS_KEPT


@AT_ONCE
def test_sabotage_where_names_are_not_changed_alone_one_of_the_writers_fails(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch, at_once: AtOnce
) -> None:
    monkeypatch.setattr(store, "held_alone", lambda _: nullcontext())
    failed = [each for each in at_once(snapshots, monkeypatch, 60) if each is not None]
    assert [type(each) for each in failed] == [Unavailable]


def test_a_former_snapshot_that_cannot_be_removed_is_told_with_a_code(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare error of the file system would end a worker, which goes on after `Unavailable`."""
    for cut in range(1, NEWEST_KEPT + 1):
        snapshots.keep(snapshot(cut))

    def refuses(folder: Path, **_: bool) -> None:
        raise PermissionError(errno.EPERM, "not permitted", str(folder))

    monkeypatch.setattr(shutil, "rmtree", refuses)
    with pytest.raises(Unavailable) as caught:
        snapshots.keep(snapshot(9))
    assert caught.value.code is Code.FILE_UNWRITABLE
    assert snapshots.cuts(PLAN) == [9, 3, 2, 1]
