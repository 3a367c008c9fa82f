"""Several benchmarks in one command: one table of all, and none hides what the others found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WORKS = '''
"""One that works."""


def run(setting):
    yield setting.row("what {name} took", "s", [3.0 if setting.quick else 5.0], at_most=4.0)
'''
FAILS_AT_ONCE = '''
"""One that finds nothing."""


def run(setting):
    yield from no_rows
'''
FAILS = '''
"""One that fails behind its first row."""


def run(setting):
    yield setting.row("what it took until then", "s", [2.0])
    raise RuntimeError("no broker came")
'''


@pytest.fixture
def folder(tmp_path):
    """The command, with benchmarks of this test."""
    own = tmp_path / "benchmarks"
    own.mkdir()
    for name in ("__init__.py", "__main__.py", "harness.py"):
        shutil.copy(ROOT / "benchmarks" / name, own / name)
    for name in ("first", "last"):
        (own / f"{name}.py").write_text(WORKS.format(name=name).lstrip())
    (own / "broken.py").write_text(FAILS.lstrip())
    (own / "empty.py").write_text(FAILS_AT_ONCE.lstrip())
    return tmp_path


def benchmarks(folder, *arguments):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def lines(done):
    return done.stdout.splitlines()[1:]


def test_several_are_one_table_that_says_whose_each_row_is(folder):
    done = benchmarks(folder, "first", "last", "--quick")
    assert done.returncode == 0, done.stderr
    first, last = lines(done)
    assert first.startswith("first: what first took ")
    assert last.startswith("last: what last took ")
    assert " yes " in first and " yes " in last


def test_one_that_fails_hides_no_other_and_is_told_of(folder):
    """What the others found is in the table, and what it found before; it is no success."""
    done = benchmarks(folder, "first", "broken", "last")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in lines(done)] == ["first", "broken", "last"]
    assert "no broker came" in done.stderr
    assert done.stderr.splitlines()[-1] == "failed: broken ended with 1"


def test_each_is_kept_in_a_file_of_its_own_name(folder):
    kept = folder / "kept"
    kept.mkdir()
    (kept / "broken.json").write_text("of yesterday")
    assert benchmarks(folder, "broken", "last", "--json", "kept").returncode == 1
    found = {file.name: json.loads(file.read_text()) for file in kept.iterdir()}
    assert {name: [row["what"] for row in rows] for name, rows in found.items()} == {
        "broken.json": ["what it took until then"],
        "last.json": ["what last took"],
    }
    assert benchmarks(folder, "first", "--json", "kept").returncode == 0
    assert json.loads((kept / "first.json").read_text())[0]["found"] == 5.0


@pytest.mark.parametrize("arguments", [["first", "gone"], ["first", "last", "--json", "one.json"]])
def test_nothing_runs_where_a_name_is_unknown_or_one_file_is_to_hold_several(folder, arguments):
    done = benchmarks(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(("no benchmark 'gone'", "several benchmarks: one.json"))


def test_an_older_file_stands_for_none_that_finds_nothing_and_stays(folder):
    (folder / "kept").mkdir()
    assert benchmarks(folder, "first", "--json", "kept").returncode == 0
    before = (folder / "kept" / "first.json").read_bytes()
    (folder / "kept" / "empty.json").write_bytes(before)
    done = benchmarks(folder, "empty", "last", "--json", "kept")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in lines(done)] == ["last"]
    assert (folder / "kept" / "empty.json").read_bytes() == before


def test_one_alone_is_as_before(folder):
    done = benchmarks(folder, "first")
    assert done.returncode == 0
    assert [line.split("  ")[0] for line in lines(done)] == ["what first took"]
    assert " NO " in lines(done)[0]
    assert benchmarks(folder, "broken").returncode == 1
