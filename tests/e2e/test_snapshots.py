"""A service keeps its state while it answers, and a killed one goes on from there."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from crivo.bootstrap.home import Paths
from crivo.bootstrap.proving import replay_home
from crivo.bootstrap.snapshots import NICENESS
from tests.e2e.homes import make_home, settings_of
from tests.e2e.serving import Served, serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

WAIT_SECONDS_MAX = 300.0


def decide(served: Served, numbers: range) -> list[bytes]:
    """The answers to transfers of these numbers, all from one payer."""
    answers = []
    with served.client() as client:
        for number in numbers:
            body = {**GOOD, "end_to_end_id": f"E12345678202611231200snap{number:07d}"}
            answers.append(client.post("/v1/decisions", json=body).raise_for_status().content)
    return answers


def wait_for_cut(home: Path, least: int) -> int:
    """The newest cut that is kept, once it is at least that."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        names = [path.name for path in Paths(home).snapshots.glob("*/*")]
        cuts = [int(name) for name in names if name.isdecimal()]
        if max(cuts, default=0) >= least:
            return max(cuts)
        time.sleep(0.1)
    raise AssertionError(f"no snapshot of {least} events in {WAIT_SECONDS_MAX} s")


def start_cut(served: Served) -> int:
    """How many events the service that runs found in a snapshot."""
    found = re.search(r'"snapshot\.start","crivo":\{"cut":(\d+)', served.said.read_text())
    assert found is not None, served.said.read_text()
    return int(found.group(1))


def test_a_killed_service_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, SNAPSHOTS__EVERY_EVENTS="10") as served:
        assert start_cut(served) == 0
        answers = decide(served, range(20))
        cut = wait_for_cut(home, 10)
        served.kill()
    with serving(home, SNAPSHOTS__ENABLED="false") as again:
        assert start_cut(again) == cut
        assert decide(again, range(20)) == answers
        decide(again, range(20, 40))
        assert again.stop() == 0
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (40, 0)


def test_the_process_that_takes_snapshots_gives_way_within_the_session(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, SNAPSHOTS__EVERY_EVENTS="1") as served:
        decide(served, range(2))
        taking = child_of(served.process.pid)
        assert os.getsid(taking) == os.getsid(served.process.pid)
        assert os.getpgid(taking) == taking != os.getpgid(served.process.pid)
        assert os.getpriority(os.PRIO_PROCESS, taking) == NICENESS
        assert os.getpriority(os.PRIO_PROCESS, served.process.pid) < NICENESS


def child_of(pid: int) -> int:
    """The only child of a process, once it has one that gives way."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                if os.getpriority(os.PRIO_PROCESS, child) != os.getpriority(os.PRIO_PROCESS, pid):
                    return child
        time.sleep(0.01)
    raise AssertionError(f"no process beside the service in {WAIT_SECONDS_MAX} s")


def test_a_damaged_snapshot_is_told_of_and_the_log_serves(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, SNAPSHOTS__EVERY_EVENTS="1") as served:
        answers = decide(served, range(5))
        wait_for_cut(home, 5)
        assert served.stop() == 0
    for arena in Paths(home).snapshots.glob("*/*/arena.npy"):
        arena.write_bytes(arena.read_bytes()[:-8])
    with serving(home, SNAPSHOTS__ENABLED="false") as again:
        assert start_cut(again) == 0
        assert "SNAPSHOT_INVALID" in again.said.read_text()
        assert decide(again, range(5)) == answers
