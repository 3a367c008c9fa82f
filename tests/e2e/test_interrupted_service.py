"""A service that is told to stop twice ends as if it had been told once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from crivo.cli.stopping import INTERRUPTED
from tests.e2e.homes import make_home
from tests.e2e.serving import STOP_SECONDS_MAX, serving

pytestmark = pytest.mark.slow

#: A service that hears a second Ctrl-C just as it begins to end; the first word says whose answer
#: to it counts.
TWICE = """
import os, signal, sys
from crivo.adapters.http.server import _Server, uvicorn
ends = _Server.shutdown
async def shutdown(self, sockets=None):
    os.kill(os.getpid(), signal.SIGINT)
    await ends(self, sockets)
_Server.shutdown = shutdown
if sys.argv.pop(1) == "uvicorn":
    _Server.handle_exit = uvicorn.Server.handle_exit
from crivo.__main__ import main
main()
"""


@pytest.mark.parametrize("whose", ["crivo", "uvicorn"], ids=["clean", "sabotage: uvicorn hears it"])
def test_a_second_ctrl_c_at_the_very_end_leaves_no_traceback(tmp_path: Path, whose: str) -> None:
    with serving(make_home(tmp_path / "home"), program=("-c", TWICE, whose)) as service:
        service.process.send_signal(signal.SIGINT)
        code = service.process.wait(STOP_SECONDS_MAX)
        assert ("Traceback" in service.said.read_text()) == (whose == "uvicorn")
    assert code == 0


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.25])
def test_a_second_ctrl_c_moments_later_kills_nothing(tmp_path: Path, moment: float) -> None:
    with serving(make_home(tmp_path / "home")) as service:
        service.process.send_signal(signal.SIGINT)
        time.sleep(moment)
        service.process.send_signal(signal.SIGINT)
        code = service.process.wait(STOP_SECONDS_MAX)
        said = service.said.read_text()
    assert code in {0, INTERRUPTED}, "it ended by itself"
    assert "Traceback" not in said
