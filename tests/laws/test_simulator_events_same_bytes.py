"""The same seed gives the same event streams, in any process and on any processor."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy._core._multiarray_umath as numpy_core
import pytest

from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.writer import TableSet, write_world
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL

#: Of the JSON lines of all streams of the world SMALL, as each side sees it. They change with
#: WORLD_VERSION and with new fields. What `python -m tests.laws.test_simulator_events_same_bytes
#: FOLDER` prints is the payer's.
GOLDENS = {
    Viewpoint.PAYER_PSP: "14777a16e0b34afd1abc638f97b756d78929dc6e90f85cc49a2f1d3490eda093",
    Viewpoint.PAYEE_PSP: "4c0797aacff96c686e4c72e30c4dc86370f44ad1fd02df176bfdcc56a9d7ea4f",
    Viewpoint.RAIL: "543a42cd17a418a644a86b780b1cf49985472ea27fa04838128427811663c428",
}
GOLDEN = GOLDENS[Viewpoint.PAYER_PSP]


def digest(
    folder: Path,
    options: SimulationOptions = SMALL,
    viewpoint: Viewpoint = Viewpoint.PAYER_PSP,
) -> str:
    """One digest over every file of the streams, by name."""
    layout = Layout(WorldFormat.JSON_LINES, by_day=True)
    written = write_world(
        folder,
        simulate(options),
        table_set=TableSet.EVENTS,
        layout=layout,
        viewpoint=viewpoint,
        replace=True,
    )
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(written.sha256.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def digest_of_a_process(folder: Path, **environment: str) -> str:
    """The digest that another process finds."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.laws.test_simulator_events_same_bytes", str(folder)],
        env={**os.environ, **environment},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("viewpoint", Viewpoint)
def test_the_golden_streams_are_what_they_were(tmp_path: Path, viewpoint: Viewpoint):
    assert digest(tmp_path / "events", viewpoint=viewpoint) == GOLDENS[viewpoint]


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_hash_seeds_and_threads_change_no_byte(tmp_path: Path, hash_seed: str):
    threads = str(1 + int(hash_seed) % 4)
    found = digest_of_a_process(
        tmp_path / "events", PYTHONHASHSEED=hash_seed, OMP_NUM_THREADS=threads, TZ="Asia/Tokyo"
    )
    assert found == GOLDEN


@pytest.mark.slow
def test_a_plainer_processor_changes_no_byte(tmp_path: Path):
    usable = numpy_core.__cpu_features__
    disabled = [name for name in numpy_core.__cpu_dispatch__ if usable.get(name)]
    # Where the machine has what NumPy would use, something is left out, or nothing is shown here.
    assert disabled or not any(usable.get(name) for name in ("AVX2", "ASIMDDP"))
    plain = {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)}
    found = digest_of_a_process(tmp_path / "events", **plain)
    assert found == GOLDEN


@pytest.mark.slow
def test_sabotage_another_seed_gives_other_bytes(tmp_path: Path):
    assert digest(tmp_path / "events", replace(SMALL, seed=SMALL.seed + 1)) != GOLDEN


if __name__ == "__main__":
    sys.stdout.write(digest(Path(sys.argv[1])) + "\n")
