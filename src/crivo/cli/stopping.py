"""What a command does when it is told to stop: it ends as after an error, and leaves nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

#: 128 + 15, as shells report a process that SIGTERM has ended.
STOPPED: Final = 143


@contextmanager
def cleaned_up() -> Iterator[None]:
    """A SIGTERM within the block unwinds it, so that what was set aside is removed.

    Without it the process would end where it stands. A second signal does not disturb the first.

    Raises:
        SystemExit: with STOPPED, where the signal came.
    """
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(STOPPED)
