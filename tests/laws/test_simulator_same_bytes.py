"""The same seed gives the same bytes, in any process and on any processor."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy._core._multiarray_umath as numpy_core
import pyarrow as pa
import pytest

from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.writer import TableSet, write_world
from crivo.simulator.fault import default_faults
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL

#: Of the JSON lines of the world SMALL, and of the seven tables of a small world with a past, as
#: CSV. It changes only with WORLD_VERSION.
GOLDEN = {
    "chaves_pix.csv": "bcaa386e475d334ae739a68f309d612d4f08a808ad35cf5c1b5de84e80f84795",
    "dispositivos.csv": "6548752332d8639e67c04b05ff53f19cad5acfc5d73741f7edbf951d3397b30b",
    "fraudes.csv": "d067cfaef381a344be5cf097049dc3c379f4e9a5d8288294224ae83fd8b13aa5",
    "limites_transacoes.csv": "d9e06753a6ab00ef0b753f14b4f6d342d76823369c1a00f965dbedd044eb580e",
    "log_autenticacao.csv": "eca1da224f0b4cda419d32217678491535cb92d5c3110244b51a76ad5e55e3f4",
    "reports.jsonl": "f6d501a1fc608b741f0efc8e5bd3a94e2778e3ccf4af0050865316058c91592b",
    "transacoes_historicas.csv": "0109bd2f043e1d9085241c76162efd56311a196c6d81b953bba1c02e063622e5",
    "transacoes_pix.csv": "1b6ea704cb0e4b09b119f533eee3ea5591b4cf1985c4ca17d249107424a23832",
    "transfers.jsonl": "ee587627914eab5156b2201f6374614ffa3678113ee8ac1f3cbfe49a662f7950",
    "truth.jsonl": "d413f3ffa8832b5db53ce96c7f2a6311e9f2dada4e30a40792c7a98ef6bc1046",
    "usuarios.csv": "d686ec41dd9f8ca3fc7cfa8fb54121836847c2ec0061aba77b3acd4bb49f4c96",
}

#: The transfers of the world SMALL as Parquet, which names the library that wrote it: they change
#: with WORLD_VERSION and with that library.
PARQUET = ("25.0.1", "c8ce52185ace075bd90393aa7ea61d7fde899150f9e7d84135c0479dace9b61c")

#: The transfers of the world SMALL with every fault in 3 % of the rows that reach it. They change
#: with WORLD_VERSION and with the faults.
FAULTED = {
    "faulted/done.jsonl": "45a76b2cb5fff41dced91fed6d31dec530442db066cb9ab3db60c3de7bc63602",
    "faulted/transfers.jsonl": "ede78adeffb469a98ac2d54bdf12fdba928c7f9115e56c7dbc6560130b68500f",
}

PROGRAM = """
import sys
from pathlib import Path
from tests.laws.test_simulator_same_bytes import digests
print(*(f"{name} {digest}" for name, digest in digests(Path(sys.argv[1])).items()), sep="\\n")
"""


def digests(folder: Path, seed: int = SMALL.seed) -> dict[str, str]:
    """The SHA-256 of every file of both sets of tables."""
    small = simulate(replace(SMALL, seed=seed))
    platform = write_world(folder / "platform", small, layout=Layout(WorldFormat.JSON_LINES))
    with_past = simulate(replace(SMALL, seed=seed, days=7, past_days=14))
    seven = write_world(
        folder / "seven", with_past, table_set=TableSet.SEVEN, layout=Layout(WorldFormat.CSV)
    )
    return {**platform.sha256, **seven.sha256}


def _digests_of_a_process(folder: Path, **environment: str) -> dict[str, str]:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, **environment},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in found.stdout.splitlines())


def test_the_golden_world_is_what_it_was(tmp_path: Path):
    assert digests(tmp_path / "world") == GOLDEN


@pytest.mark.slow
def test_the_golden_world_is_what_it_was_as_parquet_and_with_faults_in_it(tmp_path: Path):
    rates = {fault.name: 30_000 for fault in default_faults()}
    found = write_world(tmp_path / "world", simulate(SMALL), faults=rates).sha256
    assert (pa.__version__, found["transfers.parquet"]) == PARQUET
    assert {name: found[name] for name in FAULTED} == FAULTED


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_hash_seeds_and_threads_change_no_byte(tmp_path: Path, hash_seed: str):
    found = _digests_of_a_process(
        tmp_path / "world",
        PYTHONHASHSEED=hash_seed,
        OMP_NUM_THREADS=str(1 + int(hash_seed) % 4),
        TZ="Asia/Tokyo",
    )
    assert found == GOLDEN


@pytest.mark.slow
def test_a_plainer_processor_changes_no_byte(tmp_path: Path):
    usable = numpy_core.__cpu_features__
    disabled = " ".join(name for name in numpy_core.__cpu_dispatch__ if usable.get(name))
    found = _digests_of_a_process(tmp_path / "world", NPY_DISABLE_CPU_FEATURES=disabled)
    assert found == GOLDEN


@pytest.mark.slow
def test_sabotage_another_seed_gives_other_bytes(tmp_path: Path):
    found = digests(tmp_path / "world", SMALL.seed + 1)
    assert set(found.values()).isdisjoint(GOLDEN.values())


def test_sabotage_one_changed_byte_gives_another_digest(tmp_path: Path):
    write_world(tmp_path / "world", simulate(SMALL), layout=Layout(WorldFormat.JSON_LINES))
    content = bytearray((tmp_path / "world" / "transfers.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    assert hashlib.sha256(content).hexdigest() != GOLDEN["transfers.jsonl"]
