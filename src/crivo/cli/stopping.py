"""What a command does when it is told to stop: it ends as after an error, and leaves nothing.

A handler of a signal raises wherever the main thread happens to be. In a `__del__`, in a callback
of a weak reference or of the garbage collector, and in C code that clears errors, nothing that is
raised gets out: the command would go on as if nobody had said anything. So what was raised here is
looked for a moment later, and raised again where it is gone and its block is not over.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final
from weakref import ref

#: What tells a command to end: a supervisor, or a terminal that was closed.
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
#: 128 + 15, as shells report a process that SIGTERM has ended.
STOPPED: Final = 128 + signal.SIGTERM
#: 128 + 2: the same of Ctrl-C, and what is said of it.
INTERRUPTED: Final = 128 + signal.SIGINT
SAID: Final = "\ncrivo: stopped by Ctrl-C\n"
#: How long after it was raised an exception is looked for.
LOOK_SECONDS: Final = 0.2
#: How often a command that only waits looks whether it was interrupted.
_WAIT_SECONDS: Final = 0.2


class _Interruption(KeyboardInterrupt):
    """One that can be referred to weakly, as those of the interpreter cannot."""


class _Stop(SystemExit):
    """The same of a SystemExit."""


class _Ending:
    """Ends a block by an exception from a signal, however often it takes.

    An exception that is on its way out exists, also while blocks on the way clean up, and as the
    context of what it became. One that is gone was taken by nobody who ended the block. SIGALRM is
    used for the look, from the first one on until the block is over.
    """

    def __init__(self, make: Callable[[], BaseException]) -> None:
        self._make: Final = make
        self._raised: ref[BaseException] | None = None
        self._before: object = None
        self._told: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook

    def begin(self) -> None:
        """Raises it for the first time, or once more for a second signal."""
        if self._raised is None:
            self._before = signal.signal(signal.SIGALRM, self._look)
            self._told, sys.unraisablehook = sys.unraisablehook, self._ignored
        # No name for it here: its traceback would hold this frame, and the frame would hold it.
        raise self._made()

    def over(self) -> None:
        """The block is over, by whatever ended it."""
        # First of all: a look that is under way sets no alarm any more.
        raised, self._raised = self._raised, None
        if raised is not None:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, self._before)  # type: ignore[arg-type]
            sys.unraisablehook = self._told

    def _made(self) -> BaseException:
        made = self._make()
        self._raised = ref(made)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)
        return made

    def _ignored(self, found: sys.UnraisableHookArgs) -> None:
        """What Python ignores of ours is raised again, so nobody is told of it."""
        if not issubclass(found.exc_type, _Interruption | _Stop):
            self._told(found)

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        if self._raised is None:
            return
        if self._raised() is None:
            raise self._made()
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)


@contextmanager
def interruptible() -> Iterator[None]:
    """A Ctrl-C within the block ends it, wherever it is heard.

    Where SIGINT is not the interpreter's, ignored since `nohup` or heard by another, it stays so.

    Raises:
        KeyboardInterrupt: where it came.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    ending = _Ending(_Interruption)
    signal.signal(signal.SIGINT, lambda *_: ending.begin())
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        ending.over()


def end_unheard() -> None:
    """The process has done its work and ends: what tells it to stop changes nothing any more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def told_to_stop() -> threading.Event:
    """Set by the signals that end a process, for a command that looks between two turns."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def interruption() -> Iterator[Callable[[], None]]:
    """Gives what waits for the next Ctrl-C, which ends nothing from here on: who is told of the
    wait may be quicker than what comes before it.
    """
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, _: heard.append(number))

    def wait() -> None:
        while not heard:
            time.sleep(_WAIT_SECONDS)

    try:
        yield wait
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def unbroken() -> Iterator[None]:
    """What tells the command to end is heard once the block is over: for what must not be done by
    half, such as to start a process and to know which.
    """
    came: list[int] = []
    numbers = [
        each for each in (signal.SIGINT, *_SIGNALS) if signal.getsignal(each) is not signal.SIG_IGN
    ]
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def cleaned_up() -> Iterator[None]:
    """A SIGTERM or SIGHUP within the block unwinds it: what was set aside is removed, what was
    started is stopped.

    Without it the process would end where it stands. A second signal does not disturb the first;
    one that was ignored before (`nohup`) stays ignored.

    Raises:
        SystemExit: with 128 and the signal's number, where one came.
    """
    came: list[int] = []
    ending = _Ending(lambda: _Stop(128 + came[0]))

    def stop(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        ending.begin()

    heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        ending.over()
