"""The verbs of make that take something away take only what make made."""

from __future__ import annotations

import subprocess


def test_cleaning_leaves_home_folders_alone(root):
    said = subprocess.run(
        ["make", "--dry-run", "clean"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "rm -rf .venv" in said.stdout
    assert ".crivo" not in said.stdout
