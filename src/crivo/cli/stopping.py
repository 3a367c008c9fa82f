"""What a command does when it is told to stop: it ends as after an error, and leaves nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

#: What tells a command to end: a supervisor, or a terminal that was closed.
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
#: 128 + 15, as shells report a process that SIGTERM has ended.
STOPPED: Final = 128 + signal.SIGTERM


@contextmanager
def cleaned_up() -> Iterator[None]:
    """A SIGTERM or SIGHUP within the block unwinds it: what was set aside is removed, what was
    started is stopped.

    Without it the process would end where it stands. A second signal does not disturb the first;
    one that was ignored before (`nohup`) stays ignored.

    Raises:
        SystemExit: with 128 and the signal's number, where one came.
    """
    heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, _stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)
