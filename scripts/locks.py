"""Says where a lock and pyproject.toml disagree. Reads both, changes and downloads nothing."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent

#: Each lock, and what it holds of pyproject.toml: `dependencies`, extras and dependency groups.
LOCKS: Final = {
    "default": ("dependencies",),
    "kafka": ("dependencies", "kafka"),
    "keras": ("dependencies", "keras"),
    "mlflow": ("dependencies", "mlflow"),
    "postgres": ("dependencies", "postgres"),
    "spark": ("dependencies", "spark"),
    "dev": ("dependencies", "dev"),
    "uv": ("uv",),
    "build": ("build",),
    "peers": ("peers",),
    "streams": ("streams",),
}

_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==(\S+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?")


def read_pins(lock: str) -> dict[str, set[str]]:
    """The versions pinned for each name (canonical); several where markers tell them apart."""
    pins: dict[str, set[str]] = {}
    for line in lock.splitlines():
        if line[:1].isalnum() and (found := _PIN.match(line)):
            pins.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return pins


def read_direct(lock: str) -> set[str]:
    """The names that the lock's comments trace to pyproject.toml itself."""
    direct = set()
    name = ""
    for line in lock.splitlines():
        if line[:1].isalnum() and (found := _PIN.match(line)):
            name = canonicalize_name(found[1])
        elif "(pyproject.toml" in line:
            direct.add(name)
    return direct


def wanted(project: Mapping[str, Any], groups: Iterable[str]) -> list[Requirement]:
    """The requirements that pyproject.toml states for these extras and groups."""
    stated = {
        "dependencies": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    texts = [text for group in groups for text in stated[group]]
    return [Requirement(text) for text in texts]


def disagreements(project: Mapping[str, Any], locks: Mapping[str, str]) -> list[str]:
    """One sentence for each disagreement; none when the locks were compiled from this project."""
    found = []
    for lock_name, groups in LOCKS.items():
        path = f"requirements/{lock_name}.txt"
        text = locks[lock_name]
        pins = read_pins(text)
        requirements = wanted(project, groups)
        for requirement in requirements:
            versions = pins.get(canonicalize_name(requirement.name), set())
            if not versions:
                found.append(f"{path} lacks {requirement}")
            elif not any(requirement.specifier.contains(v, prereleases=True) for v in versions):
                found.append(
                    f"{path} pins {requirement.name} {sorted(versions)}, not {requirement}"
                )
        names = {canonicalize_name(requirement.name) for requirement in requirements}
        found += [
            f"{path} still asks for {name}, which pyproject.toml does not"
            for name in sorted(read_direct(text) - names)
        ]
        if text.count("--hash=sha256:") < len(pins):
            found.append(f"{path} pins without hashes")
        if "://" in text:
            found.append(f"{path} names an address")
    found += _differences(locks)
    found += [
        f"the extra {name} has no lock of its own"
        for name in project["project"]["optional-dependencies"]
        if name not in LOCKS
    ]
    build_tools = {
        canonicalize_name(Requirement(text).name) for text in project["build-system"]["requires"]
    }
    found += [
        f"requirements/build.txt lacks {name}"
        for name in sorted(build_tools - set(read_pins(locks["build"])))
    ]
    return found


def _differences(locks: Mapping[str, str]) -> list[str]:
    """What a lock that contains the default set pins otherwise: the sets are installed together."""
    default = read_pins(locks["default"])
    found = []
    for lock_name, groups in LOCKS.items():
        if "dependencies" in groups:
            pins = read_pins(locks[lock_name])
            found += [
                f"requirements/{lock_name}.txt and requirements/default.txt differ in {name}"
                for name in sorted(default)
                if pins.get(name) != default[name]
            ]
    return found


def main() -> int:
    """0 if all agree, else 1 and one line for each disagreement on standard error."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locks = {
        name: (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in LOCKS
    }
    found = disagreements(project, locks)
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        print("Run `make lock`.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
