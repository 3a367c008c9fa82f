"""A command that is told to stop leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crivo.cli.stopping import STOPPED, cleaned_up
from crivo.model.place import set_aside

#: Far more than can be written before the signal comes.
FLAGS = ("--scale", "40", "--tables", "platform", "--format", "jsonl")
COMMAND = "from crivo.cli.main import main; main()"
#: The same without what the command does about signals.
WITHOUT = """
import contextlib
from crivo.cli import acceptance
acceptance.cleaned_up = contextlib.nullcontext
from crivo.cli.main import main
main()
"""


def stopped_while_writing(folder: Path, number: int) -> None:
    with cleaned_up(), set_aside(folder) as aside:
        (aside / "transfers.jsonl").write_text("{}\n", "utf-8")
        os.kill(os.getpid(), number)
        time.sleep(5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_folder_that_is_set_aside_is_gone_after_the_signal(
    tmp_path: Path, number: signal.Signals
):
    before = signal.getsignal(number)
    # Whoever runs these tests may have closed his terminal to this process.
    signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as stopped:
            stopped_while_writing(tmp_path / "world", number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert stopped.value.code == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_was_ignored_stays_ignored(tmp_path: Path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with cleaned_up():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def left_behind(folder: Path, program: str) -> tuple[int, list[str]]:
    """How a simulation ends that is told to stop while it writes, and what then lies there."""
    command = [sys.executable, "-c", program, "simulate", "--out", str(folder / "world"), *FLAGS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 300
        while not list(folder.glob(".world.*.new/*")) and time.monotonic() < until:
            time.sleep(0.02)
        process.terminate()
        code = process.wait(60)
    finally:
        process.kill()
    return code, [path.name for path in folder.iterdir()]


@pytest.mark.slow
def test_a_simulation_that_is_told_to_stop_leaves_nothing(tmp_path: Path):
    assert left_behind(tmp_path, COMMAND) == (STOPPED, [])


@pytest.mark.slow
def test_sabotage_a_simulation_that_ends_where_it_stands_leaves_its_folder(tmp_path: Path):
    code, left = left_behind(tmp_path, WITHOUT)
    assert code == -signal.SIGTERM
    assert len(left) == 1
