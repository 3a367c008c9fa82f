"""What tells a command to stop is not lost, though Python ignores what is raised where it came."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from weakref import ref

import pytest

from crivo.cli import main, stopping
from crivo.cli.stopping import (
    INTERRUPTED,
    SAID,
    STOPPED,
    cleaned_up,
    interruptible,
    interruption,
)


class Closing:
    """Something that is let go of just when the signal comes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)


def in_a_finaliser(number: int) -> None:
    Closing(number)


def in_a_callback_of_a_weak_reference(number: int) -> None:
    class Watched:
        pass

    def gone(_: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(0.01)

    watched = Watched()
    reference = ref(watched, gone)
    del watched
    assert reference() is None


def in_the_garbage_collector(number: int) -> None:
    cycle = [Closing(number)]
    cycle.append(cycle)
    del cycle
    gc.collect()


def where_it_is_caught_and_forgotten(number: int) -> None:
    try:
        os.kill(os.getpid(), number)
        time.sleep(1)
    except (KeyboardInterrupt, SystemExit):
        return


PLACES = (
    in_a_finaliser,
    in_a_callback_of_a_weak_reference,
    in_the_garbage_collector,
    where_it_is_caught_and_forgotten,
)


@pytest.fixture(autouse=True)
def heard_by_the_interpreter(monkeypatch: pytest.MonkeyPatch):
    """Whoever runs these tests may have them ignore the signals; an ignored error is no warning."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(each) for each in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    alarm = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) == alarm
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def goes_on_after(place: Callable[[int], None], number: int) -> bool:
    """Whether a command goes on that was told to stop at that place."""
    with interruptible(), cleaned_up():
        place(number)
        time.sleep(3 * stopping.LOOK_SECONDS)
        return True


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_an_interruption_ends_the_command_wherever_it_came(place):
    with pytest.raises(KeyboardInterrupt):
        goes_on_after(place, signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_supervisors_signal_ends_the_command_wherever_it_came(place):
    with pytest.raises(SystemExit) as stopped:
        goes_on_after(place, signal.SIGTERM)
    assert stopped.value.code == STOPPED


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES[:3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sabotage_a_command_that_does_not_look_again_goes_on(monkeypatch, place, number):
    monkeypatch.setattr(stopping._Ending, "_look", lambda *_: None)
    assert goes_on_after(place, number)


@pytest.mark.slow
def test_what_is_on_its_way_out_is_not_raised_again():
    cleaned = []

    @interruptible()
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            time.sleep(3 * stopping.LOOK_SECONDS)
            cleaned.append("slowly")

    with pytest.raises(KeyboardInterrupt):
        command()
    assert cleaned == ["slowly"]


@pytest.mark.slow
def test_an_error_of_what_cleans_up_is_not_interrupted_again():
    @interruptible()
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            try:
                raise ValueError("while it was cleaned")
            finally:
                time.sleep(3 * stopping.LOOK_SECONDS)

    with pytest.raises(ValueError, match="while it was cleaned") as raised:
        command()
    assert isinstance(raised.value.__context__, KeyboardInterrupt)


def test_a_look_that_comes_as_the_block_ends_sets_no_alarm():
    """It would ring where nobody hears it, and end the process."""
    ending = stopping._Ending(stopping._Interruption)
    with pytest.raises(KeyboardInterrupt):
        ending.begin()
    look = signal.getsignal(signal.SIGALRM)
    ending.over()
    look(signal.SIGALRM, None)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.slow
def test_other_errors_that_python_ignores_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: told.append(found.exc_type))

    class Faulty:
        def __del__(self) -> None:
            raise ZeroDivisionError

    @interruptible()
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            Faulty()

    with pytest.raises(KeyboardInterrupt):
        command()
    assert told == [ZeroDivisionError]
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        goes_on_after(in_a_finaliser, signal.SIGINT)
    assert told == [ZeroDivisionError]
    assert sys.unraisablehook is before


def test_an_interruption_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


#: A command of the command line that is interrupted while something is let go of.
COMMAND = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from crivo.cli import main as cli

class Closing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

@cli.app.command()
def lets_go():
    Closing()
    time.sleep(20)
    print("went on")

cli.main()
"""


@pytest.mark.slow
def test_the_command_line_ends_as_after_any_other_interruption():
    command = [sys.executable, "-c", COMMAND, "lets-go"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == INTERRUPTED
    assert found.stdout == ""
    assert found.stderr == SAID, "and no word of what was ignored"


def test_a_ctrl_c_before_typer_listens_is_told_in_a_line(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == SAID


#: `crivo --version`, interrupted by the import of a module, in code that ignores every exception.
IMPORTING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.{handler})

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:
                pass

sys.meta_path.insert(0, Finder())
sys.argv = ["crivo", "--version"]
from crivo.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["crivo.cli.main", "typer", "crivo.cli.train_command"])
def test_a_ctrl_c_while_the_command_line_is_being_read_is_told_in_a_line(module):
    program = IMPORTING.format(module=module, handler="default_int_handler")
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout, found.stderr) == (INTERRUPTED, "", SAID)


@pytest.mark.slow
def test_a_command_for_which_ctrl_c_is_ignored_is_read_to_its_end():
    command = [sys.executable, "-c", IMPORTING.format(module="typer", handler="SIG_IGN")]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.strip()


def test_one_that_comes_before_it_is_waited_for_is_heard() -> None:
    """Law: whoever is told that Ctrl-C ends a command may press it at once."""
    with interruption() as wait:
        os.kill(os.getpid(), signal.SIGINT)
        wait()
    # Sabotage: where it is listened for too late, it ends the command as any other would.
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
