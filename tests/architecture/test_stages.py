"""The verbs of make cannot stay green over a failure, nor be silent about what was left out."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("stages", ROOT / "scripts" / "stages.py")
assert SPEC is not None and SPEC.loader is not None
stages = importlib.util.module_from_spec(SPEC)
sys.modules["stages"] = stages
SPEC.loader.exec_module(stages)

NEEDY = "def test_needs_a_part(require_program):\n    require_program('no-such-program')\n"


def pytest_of(folder: Path, *arguments: str, require: str) -> subprocess.CompletedProcess[str]:
    """Runs a test that lacks a part of the system, with the suite's own conftest."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "test_needy.py").write_text(NEEDY)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)]
    environment = {**os.environ, "CRIVO_REQUIRE": require}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_missing_part_is_left_out_loudly(tmp_path):
    report = tmp_path / "report.xml"
    answer = pytest_of(tmp_path, f"--junitxml={report}", require="")
    assert answer.returncode == 0, answer.stdout
    parts, left_out = stages.read_report(report)
    assert len(parts) == 1
    assert len(left_out) == 1
    assert left_out[0].startswith("missing part: the program no-such-program")


@pytest.mark.slow
def test_a_missing_part_is_a_failure_where_everything_is_required(tmp_path):
    answer = pytest_of(tmp_path, require="all")
    assert answer.returncode == 1
    assert "missing part: the program no-such-program" in answer.stdout


def test_the_slowest_parts_come_first():
    parts = [stages.Part(str(number), number % 17) for number in range(40)]
    seconds = [part.seconds for part in stages.slowest(parts)]
    assert seconds == sorted(seconds, reverse=True)
    assert len(seconds) == 10


@pytest.mark.parametrize(("program", "answer"), [("true", 0), ("false", 1)])
def test_sabotage_a_stage_that_fails_fails_the_verb(program, answer, monkeypatch, capsys):
    one = [stages.Stage("first", (program,)), stages.Stage("second", ("true",))]
    monkeypatch.setattr(stages, "stages_of", lambda verb, report: one)
    assert stages.main("test") == answer
    assert ("FAILED: first" in capsys.readouterr().out) is bool(answer)


REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="quick" time="0.25"/>
<testcase classname="tests.b" name="slow" time="98.5"/>
<testcase classname="tests.c" name="needy" time="0">
<skipped message="missing part: a drum"/></testcase>
<testcase classname="tests.d" name="needy" time="0">
<skipped message="missing part: a horn"/></testcase>
</testsuite></testsuites>
"""


def test_a_verb_ends_with_its_slowest_parts_and_with_all_that_was_left_out(monkeypatch, capsys):
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    monkeypatch.setattr(
        stages,
        "stages_of",
        lambda verb, report: [
            stages.Stage("tests", (sys.executable, "-c", write, str(report), REPORT))
        ],
    )
    assert stages.main("test") == 0
    said = capsys.readouterr().out
    slowest, left_out = said.split("The 10 slowest parts\n")[1].split("LEFT OUT: ")
    first, *others = slowest.splitlines()
    assert first.split() == ["98.5", "s", "tests.b::slow"]
    assert any("stage tests" in line for line in others)
    assert "0.2 s  tests.a::quick" in slowest
    assert left_out.startswith("2 tests did not run on this machine\n")
    assert "missing part: a drum (tests.c::needy)" in left_out
    assert "missing part: a horn (tests.d::needy)" in left_out


def test_a_verb_that_left_nothing_out_says_nothing_of_it(monkeypatch, capsys):
    monkeypatch.setattr(stages, "stages_of", lambda verb, report: [stages.Stage("one", ("true",))])
    assert stages.main("test") == 0
    said = capsys.readouterr().out
    assert "LEFT OUT" not in said
    assert "stage one" in said


def test_every_part_of_check_is_also_a_part_of_test(tmp_path):
    names = {
        verb: [stage.name for stage in stages.stages_of(verb, tmp_path)]
        for verb in ("check", "test")
    }
    assert names["test"][: len(names["check"])] == names["check"]
    assert names["test"][len(names["check"]) :] == ["demo", "benchmarks"]


def test_the_demo_of_the_tests_is_a_newcomers():
    (demo,) = [each for each in stages.stages_of("test", ROOT / "r.xml") if each.name == "demo"]
    assert demo.command[1:] == ("-m", "benchmarks.load.fresh_clone")


def test_settings_of_the_environment_are_no_part_of_the_tests(monkeypatch):
    monkeypatch.setenv("CRIVO_HTTP__PORT", "1")
    monkeypatch.setenv("CRIVO_DATA", "somewhere")
    kept = {name for name in stages.environment() if name.startswith("CRIVO_")}
    assert kept - {"CRIVO_REQUIRE"} == {"CRIVO_DATA"}


def test_the_scripts_are_sound_bash():
    for script in (".ci/run", "scripts/system.sh"):
        path = ROOT / script
        assert os.access(path, os.X_OK), script
        assert "set -euo pipefail" in path.read_text(encoding="utf-8")
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_bare_make_lists_its_verbs():
    answer = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for verb in ("setup", "demo", "demo-ci", "test", "check", "bench", "lock", "hooks", "clean"):
        assert f"make {verb} " in answer.stdout
