"""The examples run: docstrings of the package, and the blocks of README and docs.

A `python` block is executed as it stands, each page in one namespace. A `console test` block is
executed line by line: a line that begins with `$ ` is a command, run with a home folder of its own,
and the lines below it must occur in what it prints, in order. A line of dots stands for anything.
Commands run at the repository's root, or in an empty folder where a page has blocks that are files:
the words of such a block end with `file=NAME`. Other `console` blocks are only checked for commands
that do not exist.
"""

from __future__ import annotations

import doctest
import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import markdown
from tests.docs.markdown import ROOT

WITH_EXAMPLES = [
    path
    for path in sorted((ROOT / "src").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def run_python(text: str, page: str = "page") -> None:
    """Executes the python blocks of a page in one namespace."""
    namespace: dict[str, object] = {"__name__": page}
    for block in markdown.blocks(text):
        if block.words[:1] == ("python",):
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, page, "exec"), namespace)


def run_console(text: str, folder: Path) -> None:
    """Executes the blocks marked `console test` of a page, and compares what they print."""
    blocks = list(markdown.blocks(text))
    files = {block.words[-1]: block.text for block in blocks if _is_file(block)}
    folder.mkdir(parents=True, exist_ok=True)
    for word, content in files.items():
        (folder / word.removeprefix("file=")).write_text(content)
    for block in blocks:
        if block.words[:2] != ("console", "test"):
            continue
        for command, expected in steps(block.text):
            printed = run_command(command, folder / "home", folder if files else ROOT)
            position = 0
            for line in expected:
                found = printed.find(line.strip(), position)
                assert found >= 0, f"{command}: {line!r} is not in\n{printed}"
                position = found + len(line.strip())


def _is_file(block: markdown.Block) -> bool:
    return bool(block.words) and block.words[-1].startswith("file=")


def steps(text: str) -> list[tuple[str, list[str]]]:
    """Each command with the lines that it must print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip() not in {"", "..."}:
            found[-1][1].append(line)
    return found


def run_command(command: str, home: Path, folder: Path) -> str:
    """What a command prints; it must answer 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    answer = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env={**os.environ, "PATH": path, "CRIVO_HOME": str(home), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, f"{command}: {answer.stdout}{answer.stderr}"
    return answer.stdout


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_a_module_run(path):
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    run_python(text, page.name)
    run_console(text, tmp_path / "page")


def test_some_pages_have_examples_that_run():
    """So that the test above cannot be true of nothing."""
    kinds = [
        block.words[:2] if block.words[:1] == ("console",) else block.words[:1]
        for page in markdown.pages()
        for block in markdown.blocks(page.read_text(encoding="utf-8"))
    ]
    assert kinds.count(("console", "test")) >= 4
    assert kinds.count(("python",)) >= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("accepted 3 + quarantined 2", "accepted 4 + quarantined 1"),
        ("2,2026-11-01T11:00:00Z,ana,caio,oops,0\n", ""),
        ("--received 2026-12-01T00:00:00Z", "--received 2026-10-01T00:00:00Z"),
    ],
)
def test_sabotage_a_page_that_says_another_thing_is_noticed(true, false, tmp_path):
    text = (ROOT / "docs" / "tutorial" / "importing.md").read_text(encoding="utf-8")
    assert true in text
    with pytest.raises(AssertionError):
        run_console(text.replace(true, false), tmp_path / "page")


def test_sabotage_a_wrong_python_block_is_noticed():
    with pytest.raises(AssertionError):
        run_python("```python\nassert 1 + 1 == 3\n```\n")


def test_sabotage_a_wrong_console_block_is_noticed(tmp_path):
    right = "```console test\n$ echo one two\none\n...\ntwo\n```\n"
    run_console(right, tmp_path)
    with pytest.raises(AssertionError, match="three"):
        run_console(right.replace("\ntwo", "\nthree"), tmp_path)


def test_sabotage_a_failing_console_command_is_noticed(tmp_path):
    with pytest.raises(AssertionError):
        run_console("```console test\n$ false\n```\n", tmp_path)
