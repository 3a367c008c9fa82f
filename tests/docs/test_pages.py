"""The pages speak about this repository: their paths, commands and codes exist."""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import typer.main

from benchmarks.harness import names as benchmark_names
from crivo.cli.main import app
from crivo.domain.advice import ADVICE
from crivo.domain.errors import Code
from tests.docs import markdown
from tests.docs.markdown import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERBS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))

#: What is made lies here, and a clone has none of it: a verb of the Makefile names what it makes.
BUILT = "build"

#: Inline code that begins with one of the repository's folders is a path in it.
FOLDERS = re.compile(
    r"(?:src|tests|docs|mappings|policy|scripts|benchmarks|requirements|deploy|build|\.github|\.ci)"
    r"/[\w./*-]*"
)

#: Variables that `make` is told on its command line.
VARIABLES = set(re.findall(r"\$\((NAME|ARGS|PYTHON|LOCK_FLAGS|BIN)\)", MAKEFILE))

#: The options of `python -m benchmarks`.
BENCHMARK_OPTIONS = {"--quick", "--json", "--help"}


def missing_paths(text: str, folder: Path) -> Iterator[str]:
    """Links and paths that lead nowhere. A placeholder in angle brackets stands for any name."""
    for link in markdown.links(text):
        if not (folder / link).exists():
            yield link
    for span in markdown.spans(text):
        path, _, name = re.sub(r"<[^>]*>", "*", span).split(" ")[0].rstrip("/").partition("::")
        if FOLDERS.fullmatch(path) and not _is_there(path):
            yield span
        elif name and path.endswith(".py") and not _defines(path, name):
            yield span


def _is_there(path: str) -> bool:
    if path.partition("/")[0] == BUILT:
        return path in re.split(r"[\s;]", MAKEFILE)
    return any(ROOT.glob(path))


def _defines(path: str, name: str) -> bool:
    """Whether a file of tests has a test of this name."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.search(rf"^(?:async )?def {re.escape(name)}\(", text, re.MULTILINE) is not None


def folders_made(text: str) -> list[str]:
    """The folders that the simulations of a page's blocks make, where none may lie."""
    found = []
    for block in markdown.blocks(text):
        for line in block.text.splitlines():
            if "crivo simulate " in line and "--replace" not in line:
                found += re.findall(r"--(?:out|report) (\S+)", line)
    return found


def missing_commands(text: str) -> Iterator[str]:
    """Commands that this repository does not have, or not with those words and options."""
    grammar = typer.main.get_command(app)
    for line in markdown.commands(text):
        if not all(_is_ours(grammar, words) for words in markdown.words(line)):
            yield line


def _is_ours(grammar: object, words: list[str]) -> bool:
    """Whether a command is there; programs that are not this repository's are."""
    program = re.sub(r"^\.(?:venv|tools/\w+)/bin/", "", words[0])
    match program:
        case "make":
            return _is_verb(grammar, words[1:])
        case "crivo":
            return _is_command(grammar, words[1:])
        case "python" | "python3":
            return _is_script(words[1:])
    return True


def _is_verb(grammar: object, words: list[str]) -> bool:
    """A bare `make`, or verbs with what they are told; `make` itself names no other words."""
    told = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    verbs = [word for word in words if not re.match(r"[A-Z_]+=|-|VERB$|…$", word)]
    if not (set(verbs) <= VERBS and set(told) <= VARIABLES):
        return False
    arguments = told.get("ARGS", "").split()
    if "demo" in verbs or "demo-ci" in verbs:
        return _is_command(grammar, ["demo", *arguments])
    if "bench" in verbs:
        return _is_script(["-m", "benchmarks", *told.get("NAME", "").split(), *arguments])
    return True


def _is_script(words: list[str]) -> bool:
    """A script of this repository, or a module of it that can be run; others are not ours."""
    if words[:2] == ["-m", "benchmarks"]:
        names = takewhile(lambda word: not word.startswith("-"), words[2:])
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        return set(names) <= {*benchmark_names(), "NAME"} and options <= BENCHMARK_OPTIONS
    if words[:1] == ["-m"] and len(words) > 1:
        path = ROOT / (words[1].replace(".", "/") + ".py")
        return path.exists() or words[1].split(".")[0] not in {"scripts", "tests", "benchmarks"}
    return not words or not words[0].endswith(".py") or (ROOT / words[0]).exists()


def _is_command(grammar: object, words: list[str]) -> bool:
    """Whether each option is one of the command (or group) before it, and each command one of its
    group.
    """
    for word in words:
        commands = getattr(grammar, "commands", None)
        if re.match(r"--[\w-]", word):
            if word.split("=")[0] not in _options(grammar):
                return False
        elif commands is not None and word not in {"…", "..."}:
            if word not in commands:
                return False
            grammar = commands[word]
    return True


def _options(grammar: object) -> set[str]:
    parameters = getattr(grammar, "params", [])
    found = {name for each in parameters for name in [*each.opts, *each.secondary_opts]}
    return found | {"--help"}


def page_codes(text: str) -> dict[str, tuple[str, str]]:
    """The table of docs/reference/errors.md: code to what it means and what to do."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return {code: (meaning, act) for code, meaning, act in rows}


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_paths_and_commands_of_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    assert [*missing_paths(text, page.parent), *missing_commands(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "[gone](docs/gone.md)",
        "see `src/crivo/gone.py`",
        "`tests/gone/<any>.py`",
        "`tests/docs/test_pages.py::test_gone`",
        "`deploy/gone.yaml`",
        "`build/screenshots/gone.png`",
        "`policy/gone.toml`",
        "read [this][1]\n\n[1]: docs/gone.md",
        "read [gone]\n\n[gone]: <docs/gone.md#part> 'Gone'",
    ],
)
def test_sabotage_a_path_that_leads_nowhere_is_noticed(text):
    assert len(list(missing_paths(text, ROOT))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "`make magic`",
        "So:\n\n    crivo conjure --all\n",
        "So:\n\n    $ make magic\n",
        "```console\n$ crivo conjure --all\n```",
        "`python -m benchmarks gone`",
        "`python -m benchmarks spine gone`",
        "`python -m benchmarks spine --fast`",
        "`make bench NAMES=spine`",
        "`.tools/kafka/bin/crivo conjure`",
        "`.venv/bin/python -m scripts.gone`",
        "`python scripts/gone.py`",
        "`CRIVO_HOME=x crivo conjure`",
        "`crivo serve && crivo conjure`",
        "`crivo serve || crivo conjure`",
        "`crivo serve; crivo conjure`",
        "`crivo doctor | crivo conjure`",
        "`X=$(crivo conjure)`",
        '`X="$(crivo conjure)"`',
        "`(crivo conjure)`",
        "`crivo serve > file && crivo conjure`",
        "`crivo models <hash>`",
        "`crivo models promote <hash> --gone`",
        "`crivo replay --gone2`",
        "`crivo replay --Gone_2=1`",
        "`crivo --gone doctor`",
        "`crivo --gone conjure`",
        "`crivo models --gone list`",
        "`make demo gone`",
        "`make -j2 gone`",
        "`make demo ARGS=--gone`",
        '`make demo ARGS="--no-stay --gone"`',
        "`make bench NAME=gone`",
        '`make bench NAME=spine ARGS="--quick --gone"`',
        "```\ncrivo conjure\n```",
        "```shell\ncrivo conjure\n```",
        "```bash\ncrivo replay \\\n  --gone\n```",
        "```bash\ncurl -d '{\n  }'; crivo conjure\n```",
    ],
)
def test_sabotage_a_command_that_is_not_there_is_noticed(text):
    assert len(list(missing_commands(text))) == 1


def test_every_folder_of_the_repository_begins_a_path():
    command = ["git", "ls-files", "-z"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    folders = {path.partition("/")[0] for path in said.stdout.split("\0") if "/" in path}
    assert "deploy" in folders
    assert [name for name in folders if not FOLDERS.fullmatch(f"{name}/a")] == []


def test_sabotage_an_option_that_is_not_there_is_noticed():
    assert list(missing_commands("`crivo replay --gone`")) == ["crivo replay --gone"]
    assert list(missing_commands("`crivo --help`")) == []


@pytest.mark.parametrize(
    "text",
    [
        "`make`",
        "`make test check`",
        '`make demo ARGS="--no-stay --seed 2"`',
        "`crivo models promote <hash> --home <home> && crivo replay --home x | tee file`",
        "`A=1 B='two words' crivo replay --home=x # --gone`",
        "`git commit && echo 'crivo; conjure'`",
        "```json\ncrivo conjure\n```",
        "`build/docs`, `deploy/compose.yaml`, [this][1]\n\n[1]: docs/index.md",
    ],
)
def test_what_is_there_is_not_taken_for_missing(text):
    assert [*missing_paths(text, ROOT), *missing_commands(text)] == []


def test_every_error_code_has_its_line_and_every_line_its_code():
    codes = page_codes((ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8"))
    assert list(codes) == [code.value for code in Code]
    assert all(meaning.endswith(".") and act.endswith(".") for meaning, act in codes.values())


def test_what_to_do_is_on_the_page_what_an_answer_says():
    page = page_codes((ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8"))
    link = re.compile(r"\[[^\]]*\]\(([^)]*)\)")
    said = {code: link.sub(_in_the_repository, act) for code, (_, act) in page.items()}
    assert said == {code.value: advice for code, advice in ADVICE.items()}


def _in_the_repository(link: re.Match[str]) -> str:
    """The path of a page that the page of errors links to, as an answer names it."""
    return posixpath.normpath(posixpath.join("docs/reference", link[1]))


def test_sabotage_a_code_without_a_line_is_noticed():
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    shorter = re.sub(r"^\| `DUPLICATE`.*\n", "", text, flags=re.MULTILINE)
    assert set(page_codes(text)) - set(page_codes(shorter)) == {"DUPLICATE"}


def test_no_two_simulations_of_the_pages_want_one_folder():
    """The second would be refused, whichever page is read first."""
    made = [name for page in markdown.pages() for name in folders_made(page.read_text("utf-8"))]
    assert len(made) > 5
    assert sorted(made) == sorted(set(made))


def test_sabotage_a_folder_that_is_named_twice_is_noticed():
    twice = "```console\n$ crivo simulate --out world\n$ crivo simulate --out world{}\n```\n"
    assert folders_made(twice.format("")) == ["world", "world"]
    assert folders_made(twice.format(" --replace")) == ["world"]
