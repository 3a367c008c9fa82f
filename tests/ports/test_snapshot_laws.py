"""The laws of `Snapshots`: whole or not at all, and byte for byte what was kept."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crivo.adapters.snapshot_files import arrays, store
from crivo.adapters.snapshot_files.store import FORMAT, LOCK, NEWEST_KEPT, SnapshotFiles
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import DAY
from crivo.flows.ports import Snapshot

PLAN, OTHER = "a" * 64, "b" * 64


def snapshot(cut: int, *, plan_hash: str = PLAN, order_time: int = 5) -> Snapshot:
    held = {
        "arena": np.arange(cut, cut + 9, dtype=np.int64),
        "ids": np.array([b"E1", b"E2"], dtype="S32"),
        "nothing": np.array([], dtype=np.int64),
    }
    return Snapshot(plan_hash, "log", cut, order_time, held)


@pytest.fixture(params=["files"])
def snapshots(tmp_path: Path) -> SnapshotFiles:
    return SnapshotFiles(tmp_path / "snapshots")


def same(found: Snapshot, kept: Snapshot) -> bool:
    """Whether two snapshots are equal, arrays byte for byte."""
    return (
        replace(found, arrays={}) == replace(kept, arrays={})
        and found.arrays.keys() == kept.arrays.keys()
        and all(
            (found.arrays[name].dtype, found.arrays[name].tobytes())
            == (array.dtype, array.tobytes())
            for name, array in kept.arrays.items()
        )
    )


def test_what_is_loaded_is_what_was_kept(snapshots: SnapshotFiles) -> None:
    kept = snapshot(7)
    snapshots.keep(kept)
    assert snapshots.cuts(PLAN) == [7]
    assert same(snapshots.load(PLAN, 7), kept)
    assert not same(snapshots.load(PLAN, 7), snapshot(8))


def test_a_snapshot_kept_again_replaces_the_first(snapshots: SnapshotFiles) -> None:
    snapshots.keep(snapshot(7))
    snapshots.keep(snapshot(7, order_time=6))
    assert snapshots.load(PLAN, 7).order_time == 6


def test_each_plan_has_its_own(snapshots: SnapshotFiles) -> None:
    snapshots.keep(snapshot(7))
    snapshots.keep(snapshot(9, plan_hash=OTHER))
    assert (snapshots.cuts(PLAN), snapshots.cuts(OTHER)) == ([7], [9])
    assert snapshots.cuts("c" * 64) == []


def test_the_newest_and_the_newest_of_each_day_stay(snapshots: SnapshotFiles) -> None:
    for cut in range(1, 11):
        snapshots.keep(snapshot(cut, order_time=cut * DAY // 4))
    # Days hold cuts 1-3, 4-7 and 8-10.
    assert snapshots.cuts(PLAN) == [10, 9, 8, 7, 3]
    assert NEWEST_KEPT == 3


FILES = ("manifest.json", "arena.npy", "ids.npy", "nothing.npy")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["flipped", "torn", "longer", "gone"])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, name: str, harm: str) -> None:
    snapshots = SnapshotFiles(tmp_path)
    snapshots.keep(snapshot(7))
    path = tmp_path / PLAN / "7" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    harmed = {"flipped": content, "torn": content[:-1], "longer": content + b"\0"}
    if harm != "gone":
        path.write_bytes(harmed[harm])
    with pytest.raises(Misconfigured) as caught:
        snapshots.load(PLAN, 7)
    assert caught.value.code is Code.SNAPSHOT_INVALID


#: Bytes with a hash of their own, so few that the arena's 72 lie in five stretches.
FEW = 16


def with_a_byte_changed(folder: Path, place: int) -> SnapshotFiles:
    """Files that hold a snapshot in whose arena one bit of that byte is another."""
    snapshots = SnapshotFiles(folder)
    snapshots.keep(snapshot(7))
    path = folder / PLAN / "7" / "arena.npy"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    return snapshots


@pytest.mark.parametrize("place", [0, 1, *range(100, 200)])
def test_a_changed_byte_is_found_in_whichever_stretch_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(arrays, "HASHED_BYTES", FEW)
    snapshots = with_a_byte_changed(tmp_path, place)
    with pytest.raises(Misconfigured) as caught:
        snapshots.load(PLAN, 7)
    assert caught.value.code is Code.SNAPSHOT_INVALID
    assert caught.value.context["field"] == "arena.npy"


def test_sabotage_a_reader_that_compares_no_hash_takes_a_changed_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "HASHED_BYTES", FEW)
    snapshots = with_a_byte_changed(tmp_path, 150)

    def trust(part: arrays._Stretch) -> None:
        arrays._read_hashed(part.path, part.begin, part.target)

    monkeypatch.setattr(arrays._Stretch, "read", trust)
    assert not same(snapshots.load(PLAN, 7), snapshot(7))


def test_stretches_of_any_length_hold_the_whole_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for length in (1, 7, 8, 71, 72, 73):
        monkeypatch.setattr(arrays, "HASHED_BYTES", length)
        snapshots = SnapshotFiles(tmp_path / str(length))
        snapshots.keep(snapshot(7))
        assert same(snapshots.load(PLAN, 7), snapshot(7))


def test_an_array_is_read_to_where_the_caller_has_room_for_it(snapshots: SnapshotFiles) -> None:
    snapshots.keep(snapshot(7))
    own, asked = np.zeros(9, dtype=np.int64), []

    def room(name: str, bytes_wanted: int) -> NDArray[np.uint8] | None:
        asked.append((name, bytes_wanted))
        return own.view(np.uint8) if name == "arena" else None

    found = snapshots.load(PLAN, 7, room)
    assert same(found, snapshot(7))
    assert np.shares_memory(found.arrays["arena"], own)
    assert sorted(asked) == [("arena", 72), ("ids", 64), ("nothing", 0)]


def test_a_snapshot_of_a_former_format_is_refused_by_its_name(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    snapshots.keep(snapshot(7))
    path = tmp_path / PLAN / "7" / "manifest.json"
    body = path.read_bytes().splitlines()[0].replace(FORMAT.encode(), b"crivo.snapshot.v1")
    path.write_bytes(body + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n")
    with pytest.raises(Misconfigured) as caught:
        snapshots.load(PLAN, 7)
    assert caught.value.code is Code.SNAPSHOT_INVALID
    assert caught.value.context["expected"] == FORMAT
    assert caught.value.context["found"] == "crivo.snapshot.v1"


def test_a_snapshot_under_another_name_is_refused(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    snapshots.keep(snapshot(7))
    (tmp_path / PLAN / "7").rename(tmp_path / PLAN / "8")
    with pytest.raises(Misconfigured) as caught:
        snapshots.load(PLAN, 8)
    assert caught.value.code is Code.SNAPSHOT_INVALID


def test_a_snapshot_under_another_plan_is_refused(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    snapshots.keep(snapshot(7))
    (tmp_path / PLAN).rename(tmp_path / OTHER)
    with pytest.raises(Misconfigured) as caught:
        snapshots.load(OTHER, 7)
    assert caught.value.code is Code.SNAPSHOT_INVALID


def test_everything_is_on_the_disk_before_the_snapshot_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, done = os.fsync, []

    def noted(file: int) -> None:
        sync(file)
        done.append(Path(f"/proc/self/fd/{file}").readlink())

    monkeypatch.setattr(os, "fsync", noted)
    SnapshotFiles(tmp_path).keep(snapshot(7))
    plan = tmp_path / PLAN
    assert [path.name for path in done[:-2]] == [*FILES[1:], FILES[0]]
    (aside,) = {path.parent for path in done[:-2]}
    assert (aside.parent, aside.suffix) == (plan, ".partial")
    assert done[-2:] == [aside, plan]


def test_a_damaged_one_does_not_keep_the_next_from_being_written(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    for cut in (1, 2, 3):
        snapshots.keep(snapshot(cut))
    (tmp_path / PLAN / "1" / "manifest.json").write_bytes(b"torn")
    snapshots.keep(snapshot(4))
    assert snapshots.cuts(PLAN) == [4, 3, 2]


#: A process that is in the midst of a snapshot until it is killed.
WRITES = """
import sys
from crivo.adapters.snapshot_files import store
from tests.ports.test_snapshot_laws import snapshot

def stops(*_):
    print("writes", flush=True)
    sys.stdin.read()

store.write_synced = stops
store.SnapshotFiles(store.Path(sys.argv[1])).keep(snapshot(5))
"""


def unfinished(folder: Path) -> list[str]:
    """The names of what is being written in the folder of the plan, or was."""
    return [path.name for path in (folder / PLAN).glob("*.partial")]


def test_what_a_killed_process_left_is_no_snapshot_and_is_cleared_away(tmp_path: Path) -> None:
    """Law: it stays while the process lives, whatever its number, and goes when it is dead."""
    snapshots = SnapshotFiles(tmp_path)
    former = tmp_path / PLAN / "3.1.partial"  # left by a former release; a process has this number
    former.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writes\n"
        assert not former.exists()
        snapshots.keep(snapshot(7))
        assert [name.split(".")[0] for name in unfinished(tmp_path)] == ["5"]
        process.kill()
    assert snapshots.cuts(PLAN) == [7]
    snapshots.keep(snapshot(8))
    assert unfinished(tmp_path) == []
    assert snapshots.cuts(PLAN) == [8, 7]


def kept_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cuts there are once a writer of cut 5 ends, in whose midst another kept cut 7: both have
    the same number, as the first processes of two containers do.
    """
    sync, is_midway, may_go_on = store.write_synced, threading.Event(), threading.Event()

    def slowly(path: Path, content: bytes) -> None:
        if path.parent.name.startswith("5."):
            is_midway.set()
            assert may_go_on.wait(60)
        sync(path, content)

    monkeypatch.setattr(store, "write_synced", slowly)
    with ThreadPoolExecutor(1) as other:
        writing = other.submit(SnapshotFiles(folder).keep, snapshot(5))
        assert is_midway.wait(60)
        SnapshotFiles(folder).keep(snapshot(7))
        may_go_on.set()
        writing.exception(60)
    assert unfinished(folder) == []
    return SnapshotFiles(folder).cuts(PLAN)


def test_who_writes_beside_another_leaves_what_is_not_finished_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_meanwhile(tmp_path, monkeypatch) == [7, 5]


def test_sabotage_without_a_lock_the_unfinished_one_of_another_is_taken_for_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.fcntl, "flock", lambda *_: None)
    assert kept_meanwhile(tmp_path, monkeypatch) == [7]


def test_on_a_full_disk_the_former_snapshots_stay_and_nothing_of_the_new_one(
    tmp_path: Path,
) -> None:
    """A write answers with an error as on a full disk: here because a file grows too large."""
    snapshots = SnapshotFiles(tmp_path)
    snapshots.keep(snapshot(7))
    large = replace(snapshot(8), arrays={"arena": np.zeros(10_000, dtype=np.int64)})
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, most))
    try:
        with pytest.raises(Unavailable) as caught:
            snapshots.keep(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    assert caught.value.code is Code.FILE_UNWRITABLE
    assert caught.value.hint
    assert snapshots.cuts(PLAN) == [7]
    assert same(snapshots.load(PLAN, 7), snapshot(7))
    assert unfinished(tmp_path) == []
    snapshots.keep(large)
    assert same(snapshots.load(PLAN, 8), large)


def test_a_folder_that_cannot_be_written_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unavailable) as caught:
        SnapshotFiles(tmp_path / "file").keep(snapshot(7))
    assert caught.value.code is Code.FILE_UNWRITABLE


STRAYS = ["foo.partial", "9.x.partial", ".partial", "9.partial", "9.1e3.partial", "²", "007", "-1"]


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_name_is_no_snapshot_and_stays(tmp_path: Path, name: str) -> None:
    snapshots = SnapshotFiles(tmp_path)
    (tmp_path / PLAN / name).mkdir(parents=True)
    (tmp_path / name).mkdir()
    snapshots.keep(snapshot(7))
    assert snapshots.cuts(PLAN) == [7]
    assert snapshots.others(OTHER) == [(PLAN, 7)]
    assert (tmp_path / PLAN / name).is_dir()
    assert (tmp_path / name).is_dir()


def test_of_other_plans_the_newest_of_the_last_two_stays(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    plans = [letter * 64 for letter in "abcd"]
    for place, plan in enumerate(plans):
        for cut in (10, 11, 12):
            snapshots.keep(snapshot(10 * place + cut, plan_hash=plan))
    assert [snapshots.cuts(plan) for plan in plans] == [[], [22], [32], [42, 41, 40]]
    assert snapshots.others(plans[3]) == [(plans[2], 32), (plans[1], 22)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".names.lock", *plans[1:], LOCK]
    # Back to an older plan: it starts from what stayed, and the plan that was left stays too.
    assert same(snapshots.load(plans[1], 22), snapshot(22, plan_hash=plans[1]))
    snapshots.keep(snapshot(50, plan_hash=plans[1]))
    assert [snapshots.cuts(plan) for plan in plans] == [[], [50, 22], [32], [42]]


def test_a_plan_that_is_let_go_keeps_what_is_no_snapshot(tmp_path: Path) -> None:
    snapshots = SnapshotFiles(tmp_path)
    (tmp_path / OTHER / "notes").mkdir(parents=True)
    for place, plan in enumerate((OTHER, "c" * 64, "d" * 64, PLAN)):
        snapshots.keep(snapshot(place + 1, plan_hash=plan))
    assert [path.name for path in (tmp_path / OTHER).iterdir()] == ["notes"]
