"""A newcomer's demo is run with nothing of whoever runs it, and its failure is a failure."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.load import fresh_clone

#: What a demo leaves, made by hand: one decision in its table.
DECIDES = (
    'import sqlite3; sqlite3.connect("decisions.sqlite").executescript('
    '"CREATE TABLE decisions (id); INSERT INTO decisions VALUES (1)")'
)
#: A verb that notes what it was given, decides once, and waits until that was seen.
GOOD = f"""demo-ci:
\t@mkdir -p .crivo/demo .venv .tools
\t@head -c 2000000 /dev/zero > .venv/a; head -c 1000000 /dev/zero > .tools/b
\t@env > {{said}}
\t@cd .crivo/demo && python3 -c '{DECIDES}'
\t@sleep 1
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose Makefile is still to be written, in the place of this one."""
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    monkeypatch.setattr(fresh_clone, "ROOT", folder)
    return folder


def commit(repository: Path, makefile: str) -> None:
    (repository / "Makefile").write_text(makefile)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", "Makefile"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--no-verify", "-m", "One verb"], check=True)


def test_a_newcomer_has_an_empty_home_and_none_of_anothers_caches_or_settings(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_CACHE_DIR", "NUMBA_CACHE_DIR", "CRIVO_HOME", "XDG_CACHE_HOME", "PYTHONPATH"):
        monkeypatch.setenv(name, "/another's")
    said = tmp_path / "said"
    commit(repository, GOOD.format(said=said))
    found = fresh_clone.run_demo(tmp_path / "fresh", verb="demo-ci")
    assert f"HOME={tmp_path}/fresh/home" in said.read_text().splitlines()
    assert "/another's" not in said.read_text()
    # Both of what the set-up makes is counted.
    assert found.megabytes == 3.0


def test_no_cache_is_shared_and_what_finds_the_registry_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches = ("UV_CACHE_DIR", "PIP_CACHE_DIR", "NUMBA_CACHE_DIR")
    for name in (*caches, "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "anothers")
    found = fresh_clone.newcomers_environment(tmp_path)
    assert not set(caches) & set(found)
    assert found["PIP_INDEX_URL"] == "anothers"
    assert found["HOME"] == str(tmp_path)


@pytest.mark.parametrize("makefile", ["demo-ci:\n\t@exit 3\n", "demo-ci:\n\t@true\n"])
def test_sabotage_a_demo_that_fails_or_decides_nothing_fails(
    repository: Path, tmp_path: Path, makefile: str
) -> None:
    commit(repository, makefile)
    with pytest.raises(RuntimeError, match="make demo-ci did not get to its end"):
        fresh_clone.run_demo(tmp_path / "fresh", verb="demo-ci")
