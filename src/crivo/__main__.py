"""`crivo`, and `python -m crivo`: the command line, and a Ctrl-C while it is still being read.

What a command needs takes some tenths of a second to import. Until then the interpreter would
answer a Ctrl-C with a traceback of whichever module it was at.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from crivo.cli.stopping import INTERRUPTED, SAID


def main() -> None:
    """Runs the command line; nothing was begun yet where it is interrupted before."""
    # Where SIGINT is not the interpreter's, as under `nohup`, it stays as it is.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, _end)
    from crivo.cli.main import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end(_number: int, _frame: FrameType | None) -> None:
    # An import that is under way may swallow an exception, or end half done: so none is raised.
    os.write(2, SAID.encode())
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
