"""A demo that is interrupted says so, ends all it began, and leaves a folder for the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from crivo.domain.instant import DAY, format_rfc3339, parse_rfc3339
from tests.conftest import ROOT
from tests.e2e.test_demo_bad_input import DEMO, environment
from tests.free_port import free_port

pytestmark = pytest.mark.slow

#: A person's own table is read, learnt from and played in seconds.
DAYS = 60
PLAYED_DAYS = 6
MAPPING = f"""
source = "own"
kind = "events"
[time]
column = "time"
[transfer]
id = "id"
payer = "payer"
payee = "payee"
amount = {{ column = "amount" }}
[label]
column = "fraud"
known_after_days = 7
[play]
from = "2026-03-02"
days = {PLAYED_DAYS}
"""

#: Beyond any machine that others use too: it only ends what hangs.
SECONDS_MAX = 1_200


@dataclass
class Demo:
    """A demo in a session of its own, as a terminal has one, and what it has said so far."""

    process: subprocess.Popen[str]
    home: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(iter(self.process.stderr.readline, ""))

    def reach(self, stage: str | Callable[[Path], bool]) -> None:
        """Returns once a line begins a stage, or something of its home is there."""
        deadline = time.monotonic() + SECONDS_MAX
        while not (stage(self.home) if callable(stage) else stage in "".join(list(self.said))):
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.01)

    def interrupt(self) -> int:
        """The exit code after a Ctrl-C, which reaches all that the terminal runs."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """The exit code, once all was read."""
        code = self.process.wait(SECONDS_MAX)
        self._reading.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    @property
    def children(self) -> set[int]:
        """The processes that it began, and those that they began."""
        parents = {}
        for each in Path("/proc").glob("[0-9]*"):
            try:
                state = (each / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue
            parents[int(each.name)] = int(state[1])
        found = {self.process.pid}
        while more := {child for child, of in parents.items() if of in found} - found:
            found |= more
        return found - {self.process.pid}


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked how it ended does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_named(home: Path) -> list[int]:
    """The processes whose command names a home."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() in (each / "cmdline").read_bytes().split(b"\0"):
                found.append(int(each.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table of which something can be learnt, and its mapping."""
    folder = tmp_path_factory.mktemp("table")
    dice = np.random.default_rng(3)
    count = 60 * DAYS
    times = np.sort(dice.integers(0, DAYS * DAY, count)) + parse_rfc3339("2026-01-07T03:00:00Z")
    amounts = np.round(dice.lognormal(4, 1, count), 2)
    frauds = dice.random(count) < np.where(amounts > 150, 0.4, 0.02)
    lines = [
        f"{at},{format_rfc3339(int(time))},p{dice.integers(90)},q{dice.integers(90)},"
        f"{amount:.2f},{fraud:d}"
        for at, (time, amount, fraud) in enumerate(zip(times, amounts, frauds, strict=True))
    ]
    (folder / "own.csv").write_text("\n".join(["id,time,payer,payee,amount,fraud", *lines]) + "\n")
    (folder / "own.toml").write_text(MAPPING)
    return folder / "own.csv", folder / "own.toml"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: each demo makes anew what the interrupted one before it has left."""
    return tmp_path_factory.mktemp("interrupted") / "home"


@pytest.fixture
def begin(table: tuple[Path, Path]) -> Iterator[Callable[..., Demo]]:
    """Begins a demo of the table; it is gone at the end, whatever the test found."""
    begun: list[Demo] = []
    data, mapping = table

    def started(home: Path, *words: object, own: bool = True) -> Demo:
        source = ("--data", data, "--mapping", mapping, "--stay") if own else ("--ci",)
        command = [*DEMO[:-1], *map(str, (*source, "--home", home, *words))]
        process = subprocess.Popen(
            command,
            env=environment(),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        begun.append(Demo(process, home))
        return begun[-1]

    yield started
    for each in begun:
        if each.process.poll() is None:
            children = each.children
            each.process.kill()
            for child in children:
                os.kill(child, signal.SIGKILL)
            each.end()


def is_locked(home: Path) -> bool:
    """Whether a demo of this folder has just begun."""
    return home.with_name(f".{home.name}.lock").exists()


def has_champion(home: Path) -> bool:
    """Whether its model was just promoted."""
    return (home / "models" / "champion.json").exists()


STAGES = {
    "set-up": is_locked,
    "read": "Reading",
    "import": "Importing the past",
    "train": "Training on",
    "promote": has_champion,
    "start": "Starting the service",
    "reports": "Moving the clock on",
    "verify": "Deriving every decision again",
}


@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_at_a_stage_is_told_in_a_line_and_leaves_no_process_and_a_folder_to_begin_anew(
    begin, home, stage
):
    if stage in {"set-up", "promote"}:
        # What the one before has left of this is no sign of the one that begins.
        home = home.with_name(stage)
    demo = begin(home)
    demo.reach(STAGES[stage])
    end_by_ctrl_c(demo)


def end_by_ctrl_c(demo: Demo) -> None:
    """It ends with one line, and nothing that it began runs on."""
    children = demo.children
    assert demo.interrupt() == 130, demo.said
    assert demo.said[-1] == "crivo: stopped by Ctrl-C\n", demo.said
    assert "Traceback" not in "".join(demo.said)
    assert [each for each in children if lives(each)] == []
    assert is_named(demo.home) == []


def test_ctrl_c_while_a_world_is_simulated_is_told_in_a_line(begin, home):
    demo = begin(home, own=False)
    demo.reach("Simulating")
    end_by_ctrl_c(demo)


def test_a_demo_after_interrupted_ones_comes_to_its_end_and_its_last_ctrl_c_is_no_failure(
    begin, home
):
    demo = begin(home)
    demo.reach("Still serving")
    (service,) = demo.children
    assert lives(service)
    assert demo.interrupt() == 0, demo.said
    said = "".join(demo.said)
    assert "Stopping." in said and "Traceback" not in said
    assert demo.said[-1].startswith("What it made is served again by: crivo serve --home ")
    assert not lives(service) and is_named(home) == []


def test_second_demos_beside_one_that_plays_are_told_what_it_holds_and_take_nothing_away(
    begin, home, tmp_path
):
    port = free_port()
    first = begin(home, "--port", port)
    first.reach("Playing")
    kept = sorted(path.name for path in home.iterdir())
    for second, code, part in (
        (begin(home), "LOG_LOCKED", "another demo runs in"),
        (begin(tmp_path / "other", "--port", port), "PORT_TAKEN", str(port)),
    ):
        assert second.end() == 3, second.said
        (line,) = second.said
        assert line.startswith(f"crivo: {code}: ") and part in line and "Hint: " in line
    assert not (tmp_path / "other").exists()
    assert set(kept) <= {path.name for path in home.iterdir()}
    assert first.process.poll() is None
    end_by_ctrl_c(first)
