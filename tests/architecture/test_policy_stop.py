"""A policy that is not valid ends a run of the tests at once, with what is wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = """
import pytest
from crivo.domain.errors import Code, Misconfigured
from tests.laws.test_decision_laws import procedure


@pytest.mark.parametrize("number", range(3))
def test_of_the_policy(number, monkeypatch):
    monkeypatch.setattr("tests.unit.decision.worlds.ROOT", ROOT)
    procedure()


@pytest.mark.parametrize("number", range(3))
def test_that_fails_of_itself(number):
    raise Misconfigured(Code.POLICY_INVALID, "a policy of this test's own")
"""


def run(folder: Path, root: Path, name: str, *, old: str = "", new: str = "") -> str:
    """What pytest says of these tests, over a copy of the policy in which a text is another."""
    policy = folder / "policy"
    shutil.copytree(root / "policy", policy)
    rules = policy / "rules.toml"
    assert old in rules.read_text()
    rules.write_text(rules.read_text().replace(old, new, 1))
    tests = folder / "checks"
    tests.mkdir()
    (tests / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tests / "test_it.py").write_text(
        f"from pathlib import Path\nROOT = Path({str(folder)!r})\n{TESTS}"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]
    answer = subprocess.run(
        [*command, "--rootdir", str(folder), "--import-mode=importlib", "-k", name, str(tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    return answer.stdout


def test_the_run_ends_with_the_first_test_and_names_file_and_key(tmp_path, root):
    said = run(tmp_path, root, "of_the_policy", old='"shadow"', new='"shaddow"')
    assert "1 failed" in said, said
    assert "policy/ is not valid" in said
    assert "rules.toml" in said and "shaddow" in said


def test_a_test_that_fails_of_another_policy_ends_nothing(tmp_path, root):
    said = run(tmp_path, root, "fails_of_itself")
    assert "3 failed" in said, said
    assert "policy/ is not valid" not in said
