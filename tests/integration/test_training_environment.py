"""A run says by which code and which locked packages it was trained, and of no others."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from crivo.bootstrap import training
from crivo.bootstrap.training import code_revision, environment, lock_hash


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path):
    """A repository with one commit and one tag, and its revision."""
    folder = tmp_path / "tree"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "module.py").write_text("ONE = 1\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "One")
    git(folder, "tag", "-a", "v1", "-m", "One")
    return folder, git(folder, "rev-parse", "HEAD")


def test_the_revision_is_that_of_the_tree(tree):
    folder, revision = tree
    assert code_revision(folder) == revision
    assert len(revision) == 40
    # What nobody tracks is no part of the code.
    (folder / "notes.txt").write_text("mine")
    assert code_revision(folder) == revision


def test_a_tree_whose_tracked_files_differ_is_called_dirty(tree):
    folder, revision = tree
    (folder / "src" / "module.py").write_text("ONE = 2\n")
    assert code_revision(folder) == f"{revision}-dirty"
    git(folder, "add", ".")
    assert code_revision(folder) == f"{revision}-dirty"


def test_the_revision_of_anothers_repository_is_not_taken_for_crivos(tree):
    """So lies an installed Crivo in the environment of whoever uses it."""
    folder, _ = tree
    installed = folder / ".venv" / "lib"
    installed.mkdir(parents=True)
    assert code_revision(installed) == ""


def test_without_a_repository_or_without_git_there_is_no_revision(monkeypatch, tmp_path, tree):
    assert code_revision(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_revision(tree[0]) == ""


def test_the_lock_is_that_of_the_environment_that_runs(tmp_path):
    locks = tmp_path / "requirements"
    locks.mkdir()
    hashes = {}
    for name in ("default", "keras"):
        (locks / f"{name}.txt").write_text(f"{name}==1\n")
        hashes[name] = hashlib.sha256(f"{name}==1\n".encode()).hexdigest()
    assert lock_hash(tmp_path, tmp_path / ".tools" / "keras") == hashes["keras"]
    assert lock_hash(tmp_path, tmp_path / ".venv") == hashes["default"]
    assert lock_hash(tmp_path, Path("/elsewhere/keras")) == hashes["default"]
    assert lock_hash(tmp_path / "src", tmp_path / ".venv") == ""


def test_a_training_names_both_of_the_tree_that_runs(root):
    found = environment()
    assert found.code_revision == training.code_revision(root)
    assert found.lock_hash == lock_hash(root) != ""
    assert "lightgbm==" in found.installed
