"""Every source obeys the rules of the house; and each rule notices when one does not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "benchmarks", "scripts")
BINARY = {".png", ".ico", ".parquet", ".npy", ".sqlite", ".woff2"}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def texts() -> list[Path]:
    """All files that git keeps, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def offences(rule: Callable[[str], Iterable[str]], paths: Iterable[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {offence}"
        for path in paths
        for offence in rule(path.read_text(encoding="utf-8"))
    ]


def test_files_functions_and_lines_keep_their_sizes():
    assert offences(rules.sizes, sources(*FOLDERS)) == []


@pytest.mark.parametrize(
    "source",
    ["x = 1\n" * 401, "def f():\n" + "    x = 1\n" * 70, f"x = '{'a' * 100}'\n"],
    ids=["file", "function", "line"],
)
def test_sabotage_an_oversized_source_is_noticed(source):
    assert len(list(rules.sizes(source))) == 1


def test_only_the_command_line_prints():
    cli = ROOT / "src" / "crivo" / "cli"
    paths = [path for path in sources("src") if cli not in path.parents]
    assert offences(rules.prints, paths) == []


def test_sabotage_a_print_is_noticed():
    assert list(rules.prints("def f():\n    print(1)\n")) == ["line 2 prints"]


def test_every_refusal_says_the_field_what_was_expected_and_what_was_found():
    assert offences(rules.silent_refusals, sources("src")) == []


def test_sabotage_a_refusal_that_lacks_one_of_the_three_is_noticed():
    source = "raise Refused(Code.CONFLICT, 'no', field='id', expected='another')\n"
    assert list(rules.silent_refusals(source)) == ["line 1 refuses without found"]


def test_no_handler_swallows_everything():
    assert offences(rules.broad_excepts, sources(*FOLDERS)) == []


@pytest.mark.parametrize(
    "caught", ["", " Exception", " BaseException as e", " (OSError, Exception)"]
)
def test_sabotage_a_swallowing_handler_is_noticed(caught):
    source = f"try:\n    f()\nexcept{caught}:\n    g()\n"
    assert len(list(rules.broad_excepts(source))) == 1
    assert list(rules.broad_excepts(source + "    raise\n")) == []


def test_there_are_no_stubs():
    # A test's double may well do nothing; what is shipped may not.
    folders = [folder for folder in FOLDERS if folder != "tests"]
    paths = [path for path in sources(*folders) if path.name != "__init__.py"]
    assert offences(rules.stubs, paths) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""Only words."""\n',
        "x = 1\ndef f():\n    pass\n",
        "x = 1\ndef f():\n    '''Later.'''\n    ...\n",
        "class C:\n    def f(self):\n        raise NotImplementedError\n",
    ],
)
def test_sabotage_a_stub_is_noticed(source):
    assert len(list(rules.stubs(source))) == 1


def test_a_port_is_a_declaration_and_no_stub():
    source = (
        "class Log(Protocol):\n    def end(self) -> int:\n        '''The end.'''\n        ...\n"
    )
    assert list(rules.stubs(source)) == []


def test_package_files_are_empty():
    assert [
        path for path in sources("src") if path.name == "__init__.py" and path.read_text()
    ] == []


def test_every_folder_of_the_package_is_a_package():
    folders = {path.parent for path in sources("src/crivo")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_nothing_is_left_unfinished():
    assert offences(rules.unfinished, texts()) == []


def test_sabotage_an_unfinished_note_is_noticed():
    assert len(list(rules.unfinished("x = 1  # TO" + "DO later\n"))) == 1


def test_no_registry_and_no_machine_is_named():
    assert offences(rules.foreign_places, texts()) == []


@pytest.mark.parametrize(
    "text",
    ["get https://py" + "pi.org/simple", "open('/ro" + "ot/x')", "cd /ho" + "me/ana/crivo"],
)
def test_sabotage_a_foreign_place_is_noticed(text):
    assert len(list(rules.foreign_places(text))) == 1


def test_no_secret_is_kept_in_the_repository():
    assert offences(rules.secrets, texts()) == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        "postgres://crivo:hunter2" + "@db",
        "ghp_" + "a1" * 18,
    ],
)
def test_sabotage_a_secret_is_noticed(text):
    assert len(list(rules.secrets(text))) == 1


def test_the_domain_needs_the_standard_library_alone():
    allowed = frozenset(sys.stdlib_module_names | {"crivo"})
    paths = sources("src/crivo/domain", "src/crivo/lake")
    assert offences(lambda source: rules.foreign_imports(source, allowed), paths) == []


def test_sabotage_a_foreign_import_is_noticed():
    source = "def f():\n    import numpy.linalg\n"
    assert list(rules.foreign_imports(source, frozenset({"re"}))) == ["line 2 imports numpy.linalg"]


def test_file_names_say_what_is_inside():
    vague = re.compile(r"(^|_)(utils?|helpers?|common|manager|base|misc)$")
    assert [path for path in sources("src") if vague.search(path.stem)] == []
