"""`make demo` as a newcomer types it: a fresh clone, an empty home folder, no caches.

As a program it runs `make demo-ci` so, and fails with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load.service import ROOT

#: What a newcomer's environment does not have: another's folders and caches, and settings.
_LEFT_OUT: Final = ("CRIVO_", "XDG_", "NUMBA_", "PYTHON", "VIRTUAL_ENV", "UV_CACHE", "PIP_CACHE")
#: What the set-up makes: the environment, and the installer's own.
INSTALLED: Final = (".venv", ".tools")
#: What `make demo` says when it is done and goes on serving.
_STAYS: Final = b"Still serving"
_SECONDS_MAX: Final = 5_400.0
_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo took. `memory_mib` is the greatest sum over its processes, shared pages once."""

    first_decision_seconds: float
    seconds: float
    megabytes: float
    memory_mib: float


def newcomers_environment(home: Path) -> dict[str, str]:
    """The environment with that home folder, and without caches and settings of whoever runs this.

    Installers download anew what they need.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {**kept, "HOME": str(home)}


def run_demo(folder: Path, *, verb: str) -> Demo:
    """Clones the last commit into `folder`, and runs the verb of make there to its end.

    Raises:
        RuntimeError: it failed, or decided nothing.
    """
    copy, home = folder / "clone", folder / "home"
    home.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
    said = folder / "said.txt"
    begun = time.perf_counter()
    with said.open("wb") as out:
        process = subprocess.Popen(
            ["make", verb, "ARGS=--port 0"],
            cwd=copy,
            env=newcomers_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    watch = _Watch(process.pid, copy / ".crivo" / "demo" / "decisions.sqlite", begun)
    try:
        while process.poll() is None and _STAYS not in said.read_bytes():
            if time.perf_counter() - begun > _SECONDS_MAX:
                break
            watch.look()
            time.sleep(_PAUSE_SECONDS)
        seconds = time.perf_counter() - begun
        is_whole = process.poll() == 0 or _STAYS in said.read_bytes()
    finally:
        _end(process)
    if not is_whole or watch.first_decision is None:
        raise RuntimeError(f"make {verb} did not get to its end: {said.read_text()[-2_000:]}")
    installed = sum(size_mb(copy / name) for name in INSTALLED)
    return Demo(watch.first_decision, seconds, installed, watch.memory_mib)


class _Watch:
    """Looks at a process and all below it, and at the table of decisions until it holds one."""

    def __init__(self, process: int, table: Path, begun: float) -> None:
        self._process, self._table, self._begun = process, table, begun
        self.first_decision: float | None = None
        self.memory_mib = 0.0

    def look(self) -> None:
        """Looks once."""
        self.memory_mib = max(self.memory_mib, memory_mib(self._process))
        if self.first_decision is None and _has_decision(self._table):
            self.first_decision = time.perf_counter() - self._begun


def _has_decision(table: Path) -> bool:
    if not table.exists():
        return False
    try:
        with sqlite3.connect(f"file:{table}?mode=ro", uri=True) as connection:
            return bool(connection.execute("SELECT 1 FROM decisions LIMIT 1").fetchall())
    except sqlite3.OperationalError:  # it is being made
        return False


def memory_mib(process: int) -> float:
    """The proportional set size of a process and all below it, as Linux counts it, in MiB."""
    total = 0
    for pid in [process, *_below(process)]:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:  # it has ended
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:")
    return total / 1024


def _below(process: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has ended
                continue
            # Behind the name, which is in brackets and may hold anything: state, parent.
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, open_ = [], [process]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def size_mb(folder: Path) -> float:
    """What the files of a folder hold, in megabytes of 10⁶ bytes; a file with two names once."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            stat = path.stat()
            found[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(found.values()) / 1e6


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what was begun here: as Ctrl-C does, and what is still there after a minute for good."""
    if process.poll() is not None:
        return
    below = _below(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *below]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Runs `make demo-ci` in a fresh clone of the last commit, and says what it took."""
    print("A fresh clone, an empty home folder, nothing shared", flush=True)
    with tempfile.TemporaryDirectory(prefix="crivo-fresh-clone-") as folder:
        found = run_demo(Path(folder), verb="demo-ci")
    print(
        f"first decision {found.first_decision_seconds:.0f} s, all {found.seconds:.0f} s, "
        f"installed {found.megabytes:.0f} MB, peak memory {found.memory_mib:.0f} MiB"
    )


if __name__ == "__main__":
    main()
