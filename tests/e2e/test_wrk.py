"""The script of the load test: `wrk` decides new transfers, and none is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.homes import KEY, ROOT, make_home
from tests.e2e.serving import serving

pytestmark = pytest.mark.slow


def test_wrk_decides_new_transfers_and_says_how_many(tmp_path: Path, require_program) -> None:
    wrk = require_program("wrk")
    with serving(make_home(tmp_path / "home"), LOG__CLOCK="wall") as running:
        answer = subprocess.run(
            [wrk, "-t2", "-c4", "-d2s", "-s", "benchmarks/wrk/decide.lua", running.address],
            cwd=ROOT,
            env={**os.environ, "CRIVO_KEY": KEY},
            capture_output=True,
            text=True,
            check=True,
        )
    figures = json.loads(answer.stdout.splitlines()[-1])
    assert figures["decided"] > 0
    assert (figures["refused"], figures["shed"]) == (0, 0)
    assert figures["latency_ms_p50"] <= figures["latency_ms_p99"] <= figures["latency_ms_p999"]
