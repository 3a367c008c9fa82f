"""The command line, called in this process: its exit code and what it says."""

from __future__ import annotations

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
    try:
        main()
        code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return Said(code if isinstance(code, int) else 0 if code is None else 1, out, err)
