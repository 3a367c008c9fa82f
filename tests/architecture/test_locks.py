"""The locks and pyproject.toml agree; and each way of disagreeing is noticed."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("locks", ROOT / "scripts" / "locks.py")
assert SPEC is not None and SPEC.loader is not None
locks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(locks)


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def texts():
    return {name: (ROOT / "requirements" / f"{name}.txt").read_text() for name in locks.LOCKS}


def test_the_locks_agree_with_the_project(project, texts):
    assert locks.disagreements(project, texts) == []


def test_sabotage_a_new_dependency_is_noticed(project, texts):
    project["project"]["dependencies"].append("left-pad>=1")
    assert "requirements/default.txt lacks left-pad>=1" in locks.disagreements(project, texts)


def test_sabotage_a_raised_bound_is_noticed(project, texts):
    project["dependency-groups"]["dev"].append("pytest>=900")
    assert len(locks.disagreements(project, texts)) == 1


def test_sabotage_a_removed_dependency_is_noticed(project, texts):
    project["project"]["dependencies"].remove("rich>=15")
    found = locks.disagreements(project, texts)
    assert any("default.txt still asks for rich" in each for each in found)


def test_sabotage_locks_of_different_days_are_noticed(project, texts):
    texts["dev"] = texts["dev"].replace("apsw==", "apsw==99.")
    assert any("differ in apsw" in each for each in locks.disagreements(project, texts))


def test_sabotage_an_extra_without_a_lock_is_noticed(project, texts):
    project["project"]["optional-dependencies"]["new"] = ["left-pad>=1"]
    assert locks.disagreements(project, texts) == ["the extra new has no lock of its own"]


def test_sabotage_an_extra_that_would_change_the_default_set_is_noticed(project, texts):
    texts["mlflow"] = texts["mlflow"].replace("apsw==", "apsw==99.")
    assert any(
        "mlflow.txt and requirements/default.txt differ in apsw" in each
        for each in locks.disagreements(project, texts)
    )


def test_sabotage_an_address_in_a_lock_is_noticed(project, texts):
    texts["default"] = "--index" + "-url https://mirror.example\n" + texts["default"]
    assert locks.disagreements(project, texts) == ["requirements/default.txt names an address"]


def test_sabotage_a_pin_without_hashes_is_noticed(project, texts):
    lines = [line.split(" --hash")[0] for line in texts["uv"].splitlines() if "--hash" not in line]
    texts["uv"] = "\n".join(line.rstrip("\\ ") for line in lines)
    assert locks.disagreements(project, texts) == ["requirements/uv.txt pins without hashes"]
