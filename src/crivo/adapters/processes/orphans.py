"""Parts whose supervisor died: what it had begun is kept in a file, so that others can end them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

#: Where what was begun is kept, in a supervisor's folder.
FILE: Final = "begun.json"

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
#: Of what `/proc/PID/stat` says behind the name: the state, and when it began, in ticks of a boot.
_STATE, _STARTED = 0, 19
_LOOK_SECONDS: Final = 0.05


class Begun(NamedTuple):
    """A process that was begun. `mark` tells it from any other that has its number later."""

    name: str
    pid: int
    mark: str | None


def begun(name: str, pid: int) -> Begun:
    """A process that was begun just now."""
    return Begun(name, pid, _mark_of(pid))


def keep_begun(folder: Path, groups: Sequence[Sequence[Begun]]) -> None:
    """Keeps what was begun: those together that began together, in their order."""
    put_json(folder / FILE, groups)


def forget_begun(folder: Path) -> None:
    """All of it has ended."""
    (folder / FILE).unlink(missing_ok=True)


def orphans_of(folder: Path) -> list[list[Begun]]:
    """Those of what was begun that run still; they are orphans where no supervisor runs.

    Where the system tells of no process when it began, none is taken for one of them.
    """
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    groups = [[each for each in (Begun(*one) for one in group) if _runs(each)] for group in kept]
    return [group for group in groups if group]


def end_orphans(folder: Path, seconds: float) -> list[str]:
    """The names of the parts that ran still, the last ones first: they have ended, and so has what
    they had begun. Those that began together have so many seconds until they are killed.
    """
    ended: list[str] = []
    for group in reversed(orphans_of(folder)):
        for each in group:
            _signal(each, signal.SIGTERM)
        until, running = time.monotonic() + seconds, group
        while running:
            # One look for both: what one that ends between two looks had begun would run on.
            over = [each for each in running if not _runs(each)]
            # At once after its end: its number is nobody else's yet.
            for each in running if time.monotonic() > until else over:
                end_group(each.pid)
            running = [each for each in running if each not in over]
            time.sleep(_LOOK_SECONDS)
        ended += [each.name for each in group]
    forget_begun(folder)
    return ended


def end_group(pid: int) -> None:
    """Kills the group of a process that leads one, or what is left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def put_json(file: Path, value: object) -> None:
    """Writes a file at once: whoever reads it finds the one before, or this one."""
    aside = file.with_name(f"{file.name}.new")
    aside.write_text(json.dumps(value), encoding="utf-8")
    aside.replace(file)


def _signal(one: Begun, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(one.pid, number)


def _runs(one: Begun) -> bool:
    return one.mark is not None and _mark_of(one.pid) == one.mark


def _mark_of(pid: int) -> str | None:
    """When a process began, and since which boot; None where it has ended, or nobody says."""
    with contextlib.suppress(OSError):
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        facts = said.rpartition(")")[2].split()
        # One that has ended may stay in the table for as long as nobody asks for its exit code.
        if facts[_STATE] not in "ZX":
            return f"{_BOOT.read_text(encoding='ascii').strip()} {facts[_STARTED]}"
    return None
