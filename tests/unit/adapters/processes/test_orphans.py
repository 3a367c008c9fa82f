"""Parts whose supervisor was killed: they are found, and ended; nobody else is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crivo.adapters.processes import orphans as orphans_module
from crivo.adapters.processes import supervisor as supervisor_module
from crivo.adapters.processes.orphans import Begun, begun, keep_begun
from crivo.adapters.processes.supervisor import Supervisor, end_left, orphans, read_state
from tests.integration.commands import crivo
from tests.outages import await_so

#: Keeps parts up: a pair, then one more, each with a process that it has begun itself.
SUPERVISE = """
import sys
from pathlib import Path
from crivo.adapters.processes.supervisor import Part, Supervisor

folder = Path(sys.argv[1])


def part(name):
    words = f"trap 'echo {name} >> ended; exit' TERM; sleep 600 & echo $! > {name}; wait"
    ready = lambda: (folder / name).exists() and (folder / name).read_text().strip()
    return Part(name, ("sh", "-c", words), "nowhere", ready, folder=folder)


supervisor = Supervisor(folder)
supervisor.start(part("broker-1"), part("broker-2"))
supervisor.start(part("service"))
print("up", flush=True)
supervisor.watch(lambda: False)
"""
NAMES = ["broker-1", "broker-2", "service"]


def is_alive(pid: int) -> bool:
    return begun("", pid).mark is not None


def children(folder: Path) -> list[int]:
    """What the parts had begun themselves."""
    return [int((folder / name).read_text()) for name in NAMES]


def pids(folder: Path) -> list[int]:
    """The parts' processes."""
    kept = json.loads((folder / "begun.json").read_text())
    return [pid for group in kept for _, pid, _ in group]


def killed(folder: Path) -> None:
    """A supervisor of three parts was killed, and they run on."""
    command = [sys.executable, "-c", SUPERVISE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
    assert all(map(is_alive, [*pids(folder), *children(folder)]))


@pytest.fixture
def left(tmp_path: Path):
    """The folder of a platform whose supervisor was killed; nothing of it runs at the end."""
    folder = tmp_path / "home" / "platform"
    killed(folder)
    all_of_it = [*pids(folder), *children(folder)]
    try:
        yield folder
    finally:
        for pid in filter(is_alive, all_of_it):
            os.kill(pid, signal.SIGKILL)


def test_parts_whose_supervisor_was_killed_end_the_last_one_first_with_what_they_began(left):
    processes = [*pids(left), *children(left)]
    assert orphans(left) == NAMES
    assert end_left(left) == ["service", "broker-1", "broker-2"]
    await_so(lambda: not any(map(is_alive, processes)))
    ended = (left / "ended").read_text().split()
    assert (ended[0], sorted(ended)) == ("service", NAMES)
    assert orphans(left) == end_left(left) == []


def test_what_one_had_begun_that_ends_just_after_it_was_looked_at_ends_too(left, monkeypatch):
    told, signal_one, runs = [], orphans_module._signal, orphans_module._runs

    def tell(one, number):
        signal_one(one, number)
        told.append(one)

    def runs_then_ends(one):
        ran = runs(one)
        if one in told:
            await_so(lambda: not runs(one))
        return ran

    monkeypatch.setattr(orphans_module, "_signal", tell)
    monkeypatch.setattr(orphans_module, "_runs", runs_then_ends)
    processes = children(left)
    end_left(left)
    await_so(lambda: not any(map(is_alive, processes)))


def test_one_that_does_not_listen_to_its_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS_MAX", 0.2)
    words = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
    with subprocess.Popen(
        ["sh", "-c", words], stdout=subprocess.PIPE, start_new_session=True
    ) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"deaf\n"
        keep_begun(tmp_path, [[begun("deaf", deaf.pid)]])
        assert end_left(tmp_path) == ["deaf"]
    assert deaf.returncode == -signal.SIGKILL


def of_another(tmp_path: Path, mark: str) -> tuple[list[str], int | None]:
    """Who was ended where a stranger's process has the number of a part now; its exit code."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        keep_begun(tmp_path, [[Begun("service", stranger.pid, mark)]])
        try:
            return end_left(tmp_path), stranger.poll()
        finally:
            stranger.kill()


def test_a_process_that_has_the_number_of_a_part_by_now_is_left_alone(tmp_path):
    assert of_another(tmp_path, "another boot 1") == ([], None)


def test_sabotage_by_its_number_alone_another_process_would_be_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(orphans_module, "_runs", lambda one: is_alive(one.pid))
    assert of_another(tmp_path, "another boot 1") == (["service"], -signal.SIGTERM)


def test_parts_of_a_supervisor_that_runs_are_its_own(tmp_path):
    supervisor = Supervisor(tmp_path)
    try:
        keep_begun(tmp_path, [[begun("itself", os.getpid())]])
        assert orphans(tmp_path) == end_left(tmp_path) == []
    finally:
        supervisor.stop()
    assert not (tmp_path / "begun.json").exists()


def test_a_supervisor_that_begins_ends_those_of_one_that_was_killed(left):
    processes = pids(left)
    Supervisor(left).stop()
    assert not any(map(is_alive, processes))


def test_what_a_supervisor_that_was_killed_wrote_is_not_taken_for_the_state_of_the_next(tmp_path):
    stale = {"pid": os.getpid(), "parts": []}
    (tmp_path / "state.json").write_text(json.dumps(stale))
    supervisor = Supervisor(tmp_path)
    try:
        assert read_state(tmp_path) is None
        # Sabotage: with the file still there it would be.
        (tmp_path / "state.json").write_text(json.dumps(stale))
        assert read_state(tmp_path) == stale
    finally:
        supervisor.stop()


@pytest.mark.slow
def test_status_names_parts_whose_supervisor_was_killed_and_down_ends_them(capsys, left):
    home, processes = left.parent, pids(left)
    said = crivo(capsys, "platform", "status", "--home", home)
    assert (said.code, "run on: broker-1, broker-2, service" in said.err) == (1, True), said.err
    said = crivo(capsys, "platform", "down", "--home", home)
    assert said.code == 0
    assert said.out.strip() == (
        "Ended what a supervisor that died had left running: service, broker-1, broker-2"
    )
    assert not any(map(is_alive, processes))
    assert crivo(capsys, "platform", "down", "--home", home).out.strip() == "No platform was up"


@pytest.mark.slow
def test_up_ends_parts_whose_supervisor_was_killed_before_it_begins(capsys, left):
    processes = pids(left)
    # There is no champion, so that nothing of its own begins.
    said = crivo(capsys, "platform", "up", "--home", left.parent)
    assert "left running: service, broker-1, broker-2" in said.err
    assert not any(map(is_alive, processes))
    assert (said.code, "MODEL_MISSING" in said.err) == (3, True), said.err
