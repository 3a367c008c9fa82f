"""The command line, called in this process: its exit code and what it says."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

import pytest

from crivo.cli.main import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


def crivo(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    """What `crivo` answers to these arguments."""
    before, sys.argv = sys.argv, ["crivo", *map(str, arguments)]
    # A command that serves owns the process, and its logs; here both are the next test's again.
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        main()
        code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
        root.handlers[:] = handlers
        root.setLevel(level)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return Said(code if isinstance(code, int) else 0 if code is None else 1, out, err)
