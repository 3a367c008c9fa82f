"""The workflows and hooks are sound, and run the same verbs as everybody."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
UNSOUND = """on: pull_request_target
jobs:
  greet:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
"""


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "zizmor"), "--offline", "--no-progress", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def actionlint(program: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    command = [program, "-shellcheck=", "-pyflakes=", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_actionlint_finds_nothing(require_program):
    answer = actionlint(require_program("actionlint"), *WORKFLOWS)
    assert answer.returncode == 0, answer.stdout


def test_sabotage_actionlint_finds_an_untrusted_title(require_program, tmp_path):
    workflow = tmp_path / "greet.yml"
    workflow.write_text(UNSOUND)
    assert actionlint(require_program("actionlint"), workflow).returncode == 1


def test_zizmor_finds_nothing():
    answer = zizmor(*WORKFLOWS)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_sabotage_zizmor_finds_an_untrusted_title(tmp_path):
    workflow = tmp_path / ".github" / "workflows" / "greet.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(UNSOUND)
    assert zizmor(workflow).returncode != 0


def test_the_workflows_run_the_verbs_of_the_makefile():
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    run = {
        verb
        for path in WORKFLOWS
        for verb in re.findall(r"run: make ([a-z-]+)", path.read_text(encoding="utf-8"))
    }
    assert run == {"check", "test"} <= verbs


@pytest.mark.parametrize("config", [".pre-commit-config.yaml"])
def test_the_hooks_are_well_formed_and_download_nothing(config):
    command = [str(BIN / "pre-commit"), "validate-config", config]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    assert set(re.findall(r"- repo: (\S+)", (ROOT / config).read_text())) == {"local"}
