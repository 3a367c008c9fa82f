"""Processes that are kept up: one answers before the next begins, and who ends is begun anew.

One supervisor owns a folder: its lock, the state of its parts and what was begun as JSON, and a log
of each part.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, TextIO

from crivo.adapters.processes.orphans import (
    Begun,
    begun,
    end_group,
    end_orphans,
    forget_begun,
    keep_begun,
    orphans_of,
    put_json,
)
from crivo.domain.errors import Code, Unavailable

#: How long a part may take until it answers for the first time.
START_SECONDS_MAX: Final = 300.0
#: How long a part may take to end before it is killed.
STOP_SECONDS_MAX: Final = 20.0
#: Waits before a part that ended is begun anew: doubled from the first to the last.
RESTART_SECONDS: Final = (0.5, 30.0)
#: A part that answered for so long is begun anew at once.
SETTLED_SECONDS: Final = 60.0
#: How often all parts are looked at.
LOOK_SECONDS: Final = 0.5

_LAST_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A process that is kept up: its command, where it is reached, and whether it answers."""

    name: str
    command: tuple[str, ...]
    address: str
    is_healthy: Callable[[], bool]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """A part, its process, and how often and when it was begun."""

    part: Part
    process: subprocess.Popen[bytes]
    begun: Begun
    began: float
    wait: float = RESTART_SECONDS[0]
    restarts: int = 0
    is_healthy: bool = False
    due: float | None = None


class Supervisor:
    """Keeps parts up until it is stopped. Not for two threads at once.

    Parts of a supervisor that died in this folder end first: they hold ports and files.

    Args:
        folder: Where lock, state and logs lie; made if needed.

    Raises:
        Unavailable: LOG_LOCKED while another supervisor owns the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _locked(folder)
        end_orphans(folder, STOP_SECONDS_MAX)
        # Else its state would be shown for this one's, and its number asked to end.
        (folder / "state.json").unlink(missing_ok=True)
        #: Those that began together, in the order in which they did.
        self._groups: list[list[_Kept]] = []

    def start(self, *parts: Part) -> None:
        """Begins parts together, and returns once all of them answer.

        Raises:
            Unavailable: NOT_READY where one ends, or does not answer in time.
        """
        group: list[_Kept] = []
        self._groups.append(group)
        for part in parts:
            group.append(_Kept(part, *self._begin(part), time.monotonic()))
            self._keep_begun()
        for kept in group:
            self._await(kept)

    def watch(self, should_stop: Callable[[], bool]) -> None:
        """Looks after all parts until `should_stop`: who ended is begun anew, after a wait."""
        while not should_stop():
            for kept in chain(*self._groups):
                self._look_after(kept)
            self._write()
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Asks the parts to end, the last ones first, and sees to it that they do.

        Those that began together end together: of brokers the last would wait for the others.
        """
        for group in reversed(self._groups):
            for kept in group:
                kept.process.terminate()
            until = time.monotonic() + STOP_SECONDS_MAX
            for kept in group:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    kept.process.wait(max(0.0, until - time.monotonic()))
                kept.process.kill()
                kept.process.wait()
                end_group(kept.process.pid)
        (self._folder / "state.json").unlink(missing_ok=True)
        forget_begun(self._folder)
        self._lock.close()

    def _await(self, kept: _Kept) -> None:
        part, log = kept.part, self.log_of(kept.part.name)
        while not part.is_healthy():
            late = time.monotonic() - kept.began > START_SECONDS_MAX
            if late or kept.process.poll() is not None:
                said = log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise Unavailable(
                    Code.NOT_READY,
                    f"{part.name} did not start: " + " | ".join(said[-_LAST_LINES:]),
                    hint=f"Read {log}.",
                    field=part.name,
                )
            time.sleep(LOOK_SECONDS / 5)
        kept.is_healthy = True

    def log_of(self, name: str) -> Path:
        """The file with what a part says."""
        return self._folder / f"{name}.log"

    def _begin(self, part: Part) -> tuple[subprocess.Popen[bytes], Begun]:
        with self.log_of(part.name).open("ab") as said:
            process = subprocess.Popen(
                part.command,
                cwd=part.folder,
                env={**os.environ, **part.environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        return process, begun(part.name, process.pid)

    def _keep_begun(self) -> None:
        keep_begun(self._folder, [[kept.begun for kept in group] for group in self._groups])

    def _look_after(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.process.poll() is None:
            kept.is_healthy = kept.part.is_healthy()
            if kept.is_healthy and now - kept.began > SETTLED_SECONDS:
                kept.wait = RESTART_SECONDS[0]
            return
        kept.is_healthy = False
        if kept.due is None:
            end_group(kept.process.pid)
            kept.due = now + kept.wait
            kept.wait = min(2 * kept.wait, RESTART_SECONDS[1])
        elif now >= kept.due:
            kept.process, kept.begun = self._begin(kept.part)
            kept.began, kept.due = now, None
            kept.restarts += 1
            self._keep_begun()

    def _write(self) -> None:
        parts = [
            {
                "name": kept.part.name,
                "address": kept.part.address,
                "pid": kept.process.pid,
                "healthy": kept.is_healthy,
                "restarts": kept.restarts,
                "log": str(self.log_of(kept.part.name)),
            }
            for kept in chain(*self._groups)
        ]
        put_json(self._folder / "state.json", {"pid": os.getpid(), "parts": parts})


def read_state(folder: Path) -> dict[str, Any] | None:
    """What the supervisor of a folder last wrote; None where none runs, or it has not begun."""
    if not (folder / "lock").exists():
        return None
    with contextlib.suppress(Unavailable):
        _locked(folder).close()
        return None
    try:
        found: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def end_supervisor(folder: Path) -> bool:
    """Whether there was a supervisor; it has ended, and all of its parts.

    Raises:
        Unavailable: NOT_READY where it does not end in time.
    """
    state = read_state(folder)
    if state is None:
        return False
    os.kill(state["pid"], signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS_MAX * (len(state["parts"]) + 1)
    while time.monotonic() < until:
        with contextlib.suppress(Unavailable):
            _locked(folder).close()
            return True
        time.sleep(LOOK_SECONDS / 5)
    raise Unavailable(
        Code.NOT_READY,
        f"the supervisor {state['pid']} does not end",
        hint="Its log in the folder says what it waits for.",
        file=str(folder),
    )


def orphans(folder: Path) -> list[str]:
    """The names of parts that run though their supervisor died, in the order of their beginning."""
    with contextlib.suppress(Unavailable), _locked_if_there(folder):
        return [each.name for group in orphans_of(folder) for each in group]
    return []


def end_left(folder: Path) -> list[str]:
    """The names of parts that ran though their supervisor had died, the last ones first: they have
    ended. None where a supervisor runs: those parts are its own.
    """
    with contextlib.suppress(Unavailable), _locked_if_there(folder):
        return end_orphans(folder, STOP_SECONDS_MAX)
    return []


def _locked_if_there(folder: Path) -> contextlib.AbstractContextManager[TextIO | None]:
    """The lock of a folder; without a lock nothing was ever begun there."""
    return _locked(folder) if (folder / "lock").exists() else contextlib.nullcontext()


def _locked(folder: Path) -> TextIO:
    lock = (folder / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Unavailable(
            Code.LOG_LOCKED,
            f"another process keeps up what lies in {folder}",
            hint="`crivo platform status` shows it; `crivo platform down` ends it.",
            file=str(folder),
        ) from error
    return lock
