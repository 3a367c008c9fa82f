"""Runs the stages of `make check` or `make test`, and ends with where the time went."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BIN: Final = ROOT / ".venv" / "bin"
SOURCES: Final = ("src", "tests", "benchmarks", "scripts")
SLOWEST: Final = 10

#: Settings of the person who runs the tests are no part of them, except these.
KEPT_SETTINGS: Final = ("CRIVO_DATA", "CRIVO_REQUIRE")


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the run: its name, and the command that answers 0 if all is well."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that took time: a stage, or one test inside the tests' stage."""

    name: str
    seconds: float


def python(*arguments: str) -> tuple[str, ...]:
    """The command that runs the environment's own interpreter."""
    return (str(BIN / "python"), *arguments)


def stages_of(verb: str, report: Path) -> list[Stage]:
    """The stages of a verb in the order in which they run."""
    tests = ["-m", "pytest", "--durations=10", f"--junitxml={report}"]
    if verb == "check":
        # A file's tests share what they set up, which the whole run's long files would unbalance.
        tests += ["-n", "2", "-m", "not slow", "--dist", "loadfile"]
    else:
        # Tests of engines wait for them longer than they work: a third worker has room.
        # Neighbours share what they set up; who is idle takes what another has left.
        tests += ["-n", "3", "--dist", "worksteal"]
    stages = [
        Stage("format", (str(BIN / "ruff"), "format", "--check", *SOURCES)),
        Stage("lint", (str(BIN / "ruff"), "check", *SOURCES)),
        Stage("types", (str(BIN / "mypy"),)),
        Stage("import contracts", (str(BIN / "lint-imports"), "--no-logo")),
        Stage("locks", python("scripts/locks.py")),
        Stage("docs", ("make", "docs")),
        Stage("tests", python(*tests)),
    ]
    if verb == "test":
        stages += [
            # What a newcomer types, of the last commit: `.venv` here has more than the default set.
            Stage("demo", python("-m", "benchmarks.load.fresh_clone")),
            Stage("benchmarks", python("-m", "benchmarks", "spine", "--quick")),
        ]
    return stages


def environment() -> dict[str, str]:
    """The environment without the settings of whoever runs this."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CRIVO_") or name in KEPT_SETTINGS
    }


def read_report(report: Path) -> tuple[list[Part], list[str]]:
    """The tests of a JUnit file with their seconds, and what was left out, each cause once."""
    if not report.exists():
        return [], []
    parts, left_out = [], set()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        name = f"{case.get('classname')}::{case.get('name')}"
        parts.append(Part(name, float(case.get("time", "0"))))
        for skipped in case.iter("skipped"):
            left_out.add(f"{skipped.get('message')} ({name})")
    return parts, sorted(left_out)


def slowest(parts: list[Part]) -> list[Part]:
    """The slowest parts, the slowest first."""
    return sorted(parts, key=lambda part: -part.seconds)[:SLOWEST]


def main(verb: str) -> int:
    """0 if every stage answered 0; all run, so that one failure does not hide another."""
    assert verb in {"check", "test"}, verb
    parts: list[Part] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="crivo-stages-") as folder:
        report = Path(folder) / "tests.xml"
        for stage in stages_of(verb, report):
            print(f"== {stage.name}", flush=True)
            begun = time.perf_counter()
            answer = subprocess.run(stage.command, cwd=ROOT, env=environment(), check=False)
            parts.append(Part(f"stage {stage.name}", time.perf_counter() - begun))
            if answer.returncode != 0:
                failed.append(stage.name)
                print(f"== {stage.name} FAILED ({answer.returncode})", flush=True)
        tests, left_out = read_report(report)
    print(f"\nThe {SLOWEST} slowest parts")
    for part in slowest([*parts, *tests]):
        print(f"{part.seconds:8.1f} s  {part.name}")
    print(f"{sum(part.seconds for part in parts):8.1f} s  in all")
    if left_out:
        print(f"\nLEFT OUT: {len(left_out)} tests did not run on this machine")
        for cause in left_out:
            print(f"  {cause}")
    print(f"\nFAILED: {', '.join(failed)}" if failed else "\nAll stages passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
