"""The verbs of make that take something away take only what make made."""

from __future__ import annotations

import os
import subprocess

import pytest


def test_cleaning_leaves_home_folders_alone(root):
    said = subprocess.run(
        ["make", "--dry-run", "clean"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "rm -rf .venv" in said.stdout
    assert ".crivo" not in said.stdout


@pytest.mark.parametrize(("require", "runs"), [(None, True), ("", True), ("all", False)])
def test_without_engines_the_rest_is_tested_unless_everything_is_required(
    root, tmp_path, require, runs
):
    stub = tmp_path / "bin" / "python"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "ran $1"\ncase "$1" in *engines.py) exit 3;; esac\n')
    stub.chmod(0o755)
    environ = {name: text for name, text in os.environ.items() if name != "CRIVO_REQUIRE"}
    if require is not None:
        environ["CRIVO_REQUIRE"] = require
    said = subprocess.run(
        ["make", "test", f"BIN={stub.parent}", "DEV="],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ran scripts/engines.py" in said.stdout
    assert ("ran scripts/stages.py" in said.stdout) is runs
    assert (said.returncode == 0) is runs, said.stderr
