"""A world gives way to another; whatever else lies in the folder, or under its name, stays."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from crivo.adapters.world_files.layout import Layout
from crivo.adapters.world_files.standing import MANIFEST
from crivo.adapters.world_files.writer import write_world
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.model.place import put_in_place, set_aside, swap
from crivo.model.standing import entries
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import World, simulate
from tests.disk_order import disk_order

TINY = SimulationOptions(seed=2, days=2, scale=Decimal("0.3"))


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(TINY)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        name: (folder / name).read_bytes() for name in entries(folder) if _is_file(folder, name)
    }


def _is_file(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def no_check() -> None:
    return None


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"version": 6}',
        b'{"version": "6", "tables": "seven", "options": {}, "rows": {}, "sha256": {}}',
        b'{"version": 6, "tables": "seven", "options": {}, "rows": {}, "sha256": ["a.csv"]}',
    ],
)
def test_what_is_no_worlds_manifest_replaces_nothing(tmp_path: Path, world: World, manifest: bytes):
    (tmp_path / MANIFEST).write_bytes(manifest)
    (tmp_path / "savegame.dat").write_bytes(b"years of it")
    before = contents(tmp_path)
    with pytest.raises(Refused) as refusal:
        write_world(tmp_path, world, replace=True)
    assert refusal.value.code is Code.FILE_UNWRITABLE
    assert contents(tmp_path) == before


def _a_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def _a_file_below(folder: Path) -> None:
    (folder / "mine" / "deep").mkdir(parents=True)
    (folder / "mine" / "deep" / "notes.txt").write_text("mine")


def _an_empty_folder(folder: Path) -> None:
    (folder / "mine").mkdir()


def _a_link(folder: Path) -> None:
    (folder / "mine").symlink_to(folder.parent)


@pytest.mark.parametrize("leave", [_a_file, _a_file_below, _an_empty_folder, _a_link])
def test_what_the_manifest_does_not_name_is_named_by_the_error_and_stays(
    tmp_path: Path, world: World, leave: Callable[[Path], None]
):
    folder = tmp_path / "world"
    write_world(folder, world)
    leave(folder)
    before = entries(folder)
    with pytest.raises(Refused) as refusal:
        write_world(folder, world, replace=True)
    assert "mine" in refusal.value.message or "notes.txt" in refusal.value.message
    assert entries(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_an_error_about_many_files_names_some_and_counts_the_rest(tmp_path: Path, world: World):
    folder = tmp_path / "world"
    write_world(folder, world)
    for number in range(9):
        (folder / f"note-{number}.txt").write_text("mine")
    with pytest.raises(Refused, match=r"note-4\.txt\" and 4 more"):
        write_world(folder, world, replace=True)


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("mode", [0o700, 0o2775])
def test_a_folder_that_was_there_keeps_its_mode(
    tmp_path: Path, world: World, mode: int, earlier: bool
):
    folder = tmp_path / "world"
    folder.mkdir()
    if earlier:
        write_world(folder, world)
    folder.chmod(mode)
    write_world(folder, world, replace=earlier)
    assert stat.S_IMODE(folder.stat().st_mode) == mode


@pytest.mark.parametrize("earlier", [False, True])
def test_a_world_has_its_name_once_it_is_on_the_disk_and_its_name_is_on_the_disk_at_the_end(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, earlier: bool
):
    folder = tmp_path / "world"
    layout = Layout(by_day=True)
    if earlier:
        write_world(folder, world, layout=layout)
    done = disk_order(monkeypatch)
    write_world(folder, world, layout=layout, replace=earlier)
    aside = tmp_path / f".world.{os.getpid()}.new"
    at = done.index(("rename", folder))
    gives_way = [("rename", aside.with_suffix(".old"))] if earlier else []
    assert done[at - len(gives_way) :] == [
        *gives_way,
        ("rename", folder),
        ("sync", tmp_path),
    ]
    before = done[: at - len(gives_way)]
    assert before[-1] == ("sync", aside)
    below = entries(folder)
    assert any((folder / name).is_dir() for name in below)
    synced = [name for what, name in before if what == "sync"]
    assert set(synced) >= {aside / name for name in below}
    # A folder's entries are on the disk only after its files are.
    for name in below:
        if (folder / name).is_file():
            last = len(synced) - 1 - synced[::-1].index((aside / name).parent)
            assert synced.index(aside / name) < last


def test_a_link_is_followed_and_stays_one(tmp_path: Path, world: World):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "world"
    link.symlink_to(tmp_path / "disk" / "real")
    write_world(link, world)
    write_world(link, world, replace=True)
    assert link.is_symlink()
    assert (link / MANIFEST).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "world"]
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real"]


def test_the_folder_one_stands_in_is_filled(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_world(Path(), world)
    assert (tmp_path / "here" / MANIFEST).is_file()


def test_where_the_new_world_cannot_be_moved_the_old_one_is_put_back(tmp_path: Path):
    place, old = tmp_path / "world", tmp_path / ".world.1.old"
    place.mkdir()
    (place / "transfers.csv").write_text("as it was")
    with pytest.raises(FileNotFoundError):
        swap(tmp_path / "never made", place, old)
    assert contents(tmp_path) == {"world/transfers.csv": b"as it was"}
    assert not old.exists()


def test_a_world_that_appears_while_one_is_written_is_not_lost(tmp_path: Path, world: World):
    folder = tmp_path / "world"

    def appears(made: int, in_all: int) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "theirs.txt").write_text("theirs")

    with pytest.raises(Refused):
        write_world(folder, world, progress=appears)
    assert contents(folder) == {"theirs.txt": b"theirs"}


def test_what_a_killed_run_had_moved_away_comes_back(tmp_path: Path, world: World):
    folder = tmp_path / "world"
    write_world(folder, world)
    before = contents(folder)
    folder.rename(tmp_path / f".world.{ended_process()}.old")
    with pytest.raises(Refused):
        write_world(folder, world)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_what_a_killed_run_left_beside_the_name_is_removed(tmp_path: Path, world: World):
    folder = tmp_path / "wor[l]d"
    for word in ("old", "new"):
        (tmp_path / f".{folder.name}.{ended_process()}.{word}").mkdir()
    folder.mkdir()
    write_world(folder, world)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_what_another_running_process_writes_is_left_alone(tmp_path: Path, world: World):
    others = tmp_path / f".world.{os.getppid()}.new"
    others.mkdir()
    write_world(tmp_path / "world", world)
    assert others.is_dir()


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = tmp_path / "world"
    (place / "transfers").mkdir(parents=True)
    removes = shutil.rmtree

    def refuses(path: Path) -> None:
        if path.name.endswith(".old"):
            raise PermissionError(13, "Permission denied")
        removes(path)

    monkeypatch.setattr(shutil, "rmtree", refuses)
    with pytest.raises(Unavailable, match="cannot be removed"), set_aside(place) as aside:
        put_in_place(aside, place, no_check)
    assert list(place.iterdir()) == []


def test_the_faulted_stream_lies_in_the_world_and_in_its_manifest(tmp_path: Path, world: World):
    folder = tmp_path / "world"
    written = write_world(folder, world, faults={"late": 10_000, "duplicated": 10_000})
    manifest = json.loads((folder / MANIFEST).read_bytes())
    assert written.faulted is not None
    assert manifest["faulted"] == {
        "viewpoint": "payer_psp",
        "rates_millionths": {"duplicated": 10_000, "late": 10_000},
        "sent": written.faulted.sent,
        "received": written.faulted.received,
        "done": dict(written.faulted.done),
    }
    assert {"faulted/transfers.jsonl", "faulted/done.jsonl"} < set(manifest["sha256"])
    write_world(folder, world, replace=True)
    assert "faulted" not in entries(folder)
    assert "faulted" not in json.loads((folder / MANIFEST).read_bytes())
