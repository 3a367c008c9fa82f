"""An answer leaves only after the log has it on disk: seen from the system's own calls."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: Appends one event, then says so; `{pragma}` is what a sabotage changes.
PROGRAM = """
import sys
from pathlib import Path
from crivo.adapters.sqlite.log import open_log
from crivo.adapters.sqlite import connection
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.domain.streams import Stream
if {lie}:
    honest = connection.open_connection
    import crivo.adapters.sqlite.log as log_module, crivo.adapters.sqlite.writer as writer_module
    def lying(*a, **k):
        opened = honest(*a, **k)
        opened.execute("PRAGMA synchronous = OFF")
        return opened
    for module in (log_module, writer_module):
        if hasattr(module, "open_connection"):
            module.open_connection = lying
log = open_log(Path(sys.argv[1]), clock=ClockKind.REPLAY, partitions=4, new_log_id="00" * 16)
event = Event(Stream.HISTORY, bytes(16), bytes(16), 1, 1, "transfer.v1", "test", b"payload")
sys.stdout.write("appending\\n"); sys.stdout.flush()
log.append([event])
sys.stdout.write("answered\\n"); sys.stdout.flush()
log.close()
"""


def syncs_before_the_answer(strace: str, folder: Path, *, lie: bool) -> int:
    """How many syncs completed between the append and the answer."""
    trace = folder / "trace"
    subprocess.run(
        [strace, "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync,write", sys.executable]
        + ["-c", PROGRAM.format(lie=lie), str(folder / "log.sqlite")],
        check=True,
        capture_output=True,
    )
    between, syncs = False, 0
    for line in trace.read_text(errors="replace").splitlines():
        if 'write(1, "appending' in line:
            between = True
        elif 'write(1, "answered' in line:
            return syncs
        elif between and re.search(r"(fsync|fdatasync)(\(\d+\)| resumed>\)).*= 0", line):
            syncs += 1
    raise AssertionError("the program did not answer")


@pytest.mark.slow
def test_a_sync_completes_between_the_append_and_the_answer(
    require_program: Any, tmp_path: Path
) -> None:
    assert syncs_before_the_answer(require_program("strace"), tmp_path, lie=False) >= 1


@pytest.mark.slow
def test_sabotage_a_log_that_does_not_sync_is_noticed(require_program: Any, tmp_path: Path) -> None:
    assert syncs_before_the_answer(require_program("strace"), tmp_path, lie=True) == 0
