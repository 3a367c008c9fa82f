from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.model import files
from crivo.model.artifact import INPUTS_MAX, MANIFEST, Artifact, load_artifact, save_artifact
from crivo.model.files import whole_folders
from crivo.model.scorer import Scorer
from tests.unit.model.worlds import trained


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return trained().artifact


def test_what_was_saved_is_loaded_with_the_same_hash_and_scores(artifact, tmp_path):
    folder = save_artifact(tmp_path, artifact)
    loaded = load_artifact(folder)
    assert folder == tmp_path / artifact.hash
    assert loaded.hash == artifact.hash
    assert loaded.metadata == artifact.metadata
    vectors = np.random.default_rng(0).normal(size=(500, 5))
    plan_hash = artifact.plan_hash
    found = [Scorer(each).score(vectors, plan_hash=plan_hash) for each in (artifact, loaded)]
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()


def test_saving_twice_changes_nothing_and_leaves_nothing_aside(artifact, tmp_path):
    folder = save_artifact(tmp_path, artifact)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert save_artifact(tmp_path, artifact) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == [artifact.hash]


def test_two_that_write_one_model_at_once_both_have_it(artifact, tmp_path, monkeypatch):
    other = Thread(target=save_artifact, args=(tmp_path, artifact))
    write, begun = files.write_synced, []

    def writes(path: Path, content: bytes) -> None:
        if not begun:  # the other begins after this one, and is done before it
            begun.append(True)
            other.start()
            other.join()
        write(path, content)

    monkeypatch.setattr(files, "write_synced", writes)
    assert save_artifact(tmp_path, artifact) == tmp_path / artifact.hash
    assert begun and not other.is_alive()
    assert [path.name for path in tmp_path.iterdir()] == [artifact.hash]
    assert load_artifact(tmp_path / artifact.hash).hash == artifact.hash


def test_the_hash_is_that_of_the_manifest(artifact, tmp_path):
    manifest = (save_artifact(tmp_path, artifact) / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == artifact.hash


def test_sabotage_one_flipped_byte_of_any_file_is_found(artifact, tmp_path):
    folder = save_artifact(tmp_path, artifact)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(Misconfigured) as refusal:
                load_artifact(folder)
            assert refusal.value.code is Code.ARTIFACT_INVALID, path.name
        path.write_bytes(whole)
    assert load_artifact(folder).hash == artifact.hash


def test_a_missing_file_is_found(artifact, tmp_path):
    folder = save_artifact(tmp_path, artifact)
    (folder / "value.npy").unlink()
    with pytest.raises(Misconfigured) as refusal:
        load_artifact(folder)
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_a_pickle_is_never_loaded(artifact, tmp_path):
    folder = save_artifact(tmp_path, artifact)
    np.save(folder / "value.npy", np.array([{}], object), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["value.npy"] = hashlib.sha256((folder / "value.npy").read_bytes()).hexdigest()
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        load_artifact(folder, expected_hash=hashlib.sha256(content).hexdigest())
    assert refusal.value.code is Code.ARTIFACT_INVALID


class Writes:
    """What leaves a file behind where somebody loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_is_refused_before_it_does_anything(artifact, tmp_path):
    folder, trace = save_artifact(tmp_path, artifact), tmp_path / "trace"
    np.save(folder / "value.npy", np.array([Writes(trace)], object), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["value.npy"] = hashlib.sha256((folder / "value.npy").read_bytes()).hexdigest()
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(Misconfigured):
        load_artifact(folder, expected_hash=hashlib.sha256(content).hexdigest())
    assert not trace.exists()
    # It would have: the trap works.
    np.load(folder / "value.npy", allow_pickle=True)
    assert trace.exists()


def test_no_model_says_how_to_get_one(tmp_path):
    with pytest.raises(Unavailable) as refusal:
        load_artifact(tmp_path / "nothing")
    assert refusal.value.code is Code.MODEL_MISSING
    assert "crivo train" in refusal.value.hint


@pytest.mark.parametrize(
    ("column", "place", "value"),
    [
        ("left", 0, 0),
        ("right", 0, 10**6),
        ("feature", 0, 5),
        ("threshold", 0, np.nan),
        ("roots", 0, -1),
        ("roots", 1, 0),
        ("value", 0, np.iinfo(np.int64).min),
    ],
)
def test_arrays_that_are_no_forest_are_refused(artifact, column, place, value):
    broken = getattr(artifact.forest, column).copy()
    broken[place] = value
    with pytest.raises(Misconfigured) as refusal:
        replace(artifact, body=replace(artifact.forest, **{column: broken}))
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_a_node_with_two_ways_to_it_is_refused(artifact):
    forest = artifact.forest
    shared = forest.right.copy()
    shared[0] = forest.left[0]
    with pytest.raises(Misconfigured) as refusal:
        replace(artifact, body=replace(forest, right=shared))
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_more_inputs_than_a_node_can_name_are_refused(artifact):
    names = tuple(f"input_{number}" for number in range(INPUTS_MAX + 1))
    assert replace(artifact, input_names=names[:-1]).input_names == names[:-1]
    with pytest.raises(Misconfigured) as refusal:
        replace(artifact, input_names=names)
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_knots_that_fall_are_refused(artifact):
    knots = artifact.calibration.knots[::-1].copy()
    with pytest.raises(Misconfigured) as refusal:
        replace(artifact, calibration=replace(artifact.calibration, knots=knots))
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_what_a_killed_writer_left_is_no_model(artifact, tmp_path: Path):
    folder = save_artifact(tmp_path, artifact)
    # Another process was killed between its last file and the name; another halfway.
    shutil.copytree(folder, tmp_path / f".{artifact.hash}.1.partial")
    half = tmp_path / f".{artifact.hash}.2.partial"
    half.mkdir()
    (half / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:100])
    assert whole_folders(tmp_path, MANIFEST) == [folder]


def test_a_full_disk_is_said_and_leaves_nothing(artifact, tmp_path: Path, monkeypatch):
    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_synced", full)
    with pytest.raises(Unavailable) as refusal:
        save_artifact(tmp_path, artifact)
    assert refusal.value.code is Code.FILE_UNWRITABLE
    assert "No space left" in refusal.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_partial_folder_of_a_killed_writer_is_replaced(artifact, tmp_path: Path):
    aside = tmp_path / f".{artifact.hash}.{os.getpid()}.partial"
    aside.mkdir()
    (aside / "half.npy").write_bytes(b"half")
    assert load_artifact(save_artifact(tmp_path, artifact)).hash == artifact.hash
