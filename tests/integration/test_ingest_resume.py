"""An import that is killed, or whose disk fails, is finished by running it again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crivo.domain.errors import Code
from crivo.flows import ingest as ingest_module
from tests.integration.imports import good_rows, place, write_csv

#: Kills itself, for good, after so many batches.
IMPORT = """
import os, signal, sys
from pathlib import Path
from crivo.flows import ingest
from tests.integration.imports import place

ingest.APPEND_ROWS = 50
batches = 0

def progress(done, total):
    global batches
    batches += 1
    if batches == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

with place(Path(sys.argv[1])) as here:
    here.ingest(Path(sys.argv[2]), progress=progress)
"""


def import_in_a_process(folder: Path, table: Path, *, batches: int, root: Path) -> int:
    command = [sys.executable, "-c", IMPORT, str(folder), str(table), str(batches)]
    return subprocess.run(command, cwd=root, check=False, timeout=60).returncode


@pytest.mark.slow
def test_an_import_killed_twice_gives_the_same_log(tmp_path, root):
    bad = [f"bad{n},2018-04-05T00:00:00Z,p,q,{amount},0" for n, amount in enumerate(["x", "-1"])]
    table = write_csv(tmp_path / "t.csv", [*good_rows(500), *bad])
    for batches in (3, 6):
        code = import_in_a_process(tmp_path / "killed", table, batches=batches, root=root)
        assert code == -signal.SIGKILL
    assert import_in_a_process(tmp_path / "killed", table, batches=0, root=root) == os.EX_OK
    with place(tmp_path / "killed") as killed, place(tmp_path / "whole") as whole:
        whole.ingest(table)
        stored = [here.log.read(start=0, limit=10_000) for here in (killed, whole)]
        assert stored[0] == stored[1]
        assert len(stored[0]) == 550
        assert killed.quarantine.counts() == whole.quarantine.counts()
        assert killed.quarantine.counts() == {Code.AMOUNT_INVALID: 1, Code.AMOUNT_RANGE: 1}


def test_an_import_stopped_between_batches_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest_module, "APPEND_ROWS", 50)
    table = write_csv(tmp_path / "t.csv", good_rows(300))

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 150:
            raise Stopped

    with place(tmp_path / "stopped") as stopped, place(tmp_path / "whole") as whole:
        with pytest.raises(Stopped):
            stopped.ingest(table, progress=stop)
        result = stopped.ingest(table)
        assert (result.accepted, result.duplicate) == (150, 150)
        whole.ingest(table)
        assert stopped.events() == whole.events()
