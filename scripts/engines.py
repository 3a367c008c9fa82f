"""Fetches the engines that no Python index carries: a Kafka broker, and jars for Spark.

    python scripts/engines.py          fetches what is missing into .tools/engines/
    python scripts/engines.py lock     writes the checksums of what Maven gives for the poms

What Maven gave is taken only if each jar is named in `jars.sha256` with these bytes, and no other.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DECLARED: Final = ROOT / "deploy" / "engines"
KEPT: Final = ROOT / ".tools" / "engines"
SUMS: Final = "jars.sha256"
JAVA_MIN: Final = 17
COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class Missing(Exception):
    """What the machine lacks, or what Maven gave and should not have."""


def names() -> list[str]:
    """The engines that are declared, each a folder with a pom and its checksums."""
    return sorted(path.parent.name for path in DECLARED.glob("*/pom.xml"))


def sums_of(folder: Path) -> dict[str, str]:
    """SHA-256 (hex) of each jar in a folder by its name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.jar"))
    }


def read_sums(name: str, declared: Path = DECLARED) -> dict[str, str]:
    """What an engine's jars must be, by name.

    Raises:
        Missing: there is no such list.
    """
    file = declared / name / SUMS
    if not file.exists():
        raise Missing(f"{file} is missing: restore it, or run: python scripts/engines.py lock")
    pairs = (line.split(maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines())
    return {jar: digest for digest, jar in pairs}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """In words, how what was found is not what was expected."""
    said = [f"{jar} is missing" for jar in sorted(expected.keys() - found.keys())]
    said += [f"{jar} is not in the list" for jar in sorted(found.keys() - expected.keys())]
    both = sorted(expected.keys() & found.keys())
    return said + [
        f"{jar} has SHA-256 {found[jar]}, expected {expected[jar]}"
        for jar in both
        if expected[jar] != found[jar]
    ]


def check_programs() -> None:
    """Nothing, if Java and Maven are there.

    Raises:
        Missing: names what is not, and how a Debian machine gets it.
    """
    lacking = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if not lacking:
        answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
        version = re.search(r'version "(\d+)', answer.stderr)
        if version is None or int(version[1]) < JAVA_MIN:
            lacking.append(f"java {JAVA_MIN} or newer")
    if lacking:
        raise Missing(
            f"engines need {' and '.join(lacking)}; as root on Debian: "
            f"apt-get install openjdk-{JAVA_MIN}-jre-headless maven (or scripts/system.sh)"
        )


def fetch(name: str, target: Path) -> None:
    """Copies an engine's jars into an empty folder, as its pom names them.

    Raises:
        Missing: as `check_programs`, or Maven failed.
    """
    check_programs()
    shutil.rmtree(target, ignore_errors=True)
    pom = DECLARED / name / "pom.xml"
    command = ["mvn", "-q", "-B", "-f", str(pom), COPY, f"-DoutputDirectory={target}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        last = "\n".join((answer.stdout + answer.stderr).splitlines()[-5:])
        raise Missing(f"Maven could not fetch the engine {name}:\n{last}")


def install(name: str) -> str:
    """Fetches an engine unless it lies there whole; says which it was.

    Raises:
        Missing: as `fetch`, or a jar is not what the list says: then nothing is kept.
    """
    expected, kept = read_sums(name), KEPT / name
    if kept.is_dir() and not differences(expected, sums_of(kept)):
        return f"{name}: {len(expected)} jars, already here"
    aside = KEPT / f".{name}.partial"
    fetch(name, aside)
    found = differences(expected, sums_of(aside))
    if found:
        shutil.rmtree(aside)
        raise Missing(f"the engine {name} is not what was pinned:\n  " + "\n  ".join(found))
    shutil.rmtree(kept, ignore_errors=True)
    aside.rename(kept)
    return f"{name}: {len(expected)} jars, fetched and checked"


def lock(name: str) -> str:
    """Writes what the jars of a pom are now.

    Raises:
        Missing: as `fetch`.
    """
    aside = KEPT / f".{name}.partial"
    fetch(name, aside)
    sums = sums_of(aside)
    shutil.rmtree(aside)
    text = "".join(f"{digest}  {jar}\n" for jar, digest in sums.items())
    (DECLARED / name / SUMS).write_text(text, encoding="utf-8")
    return f"{name}: {len(sums)} jars pinned"


def main(arguments: list[str]) -> int:
    """0 if every engine is there; 3 and one line on what is missing otherwise."""
    act = {(): install, ("lock",): lock}.get(tuple(arguments))
    if act is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        for name in names():
            print(act(name), flush=True)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
