"""The same seed gives the same bytes, in any process and on any processor."""

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
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL

#: Of the JSON lines of the world SMALL, and of the seven tables of a small world with a past, as
#: CSV. It changes only with WORLD_VERSION.
GOLDEN = {
    "chaves_pix.csv": "fb89642f52829b136a9a0e979b17d4792d27bbc44f7cb795e76b4f87b4ead63a",
    "dispositivos.csv": "8e96e4bbcb6b1bd8f9fda2fe4618c588dc8b4c2692332fa88654163564d3cea2",
    "fraudes.csv": "495a72641fc71531513fede3e096b266254b22c41e0f7856bc52db022cf51822",
    "limites_transacoes.csv": "73759e0a428944845599fdab04c8d86052138d83e9ba26d865761dedf8e2927c",
    "log_autenticacao.csv": "edb4d7526b34f855483161e9b9c7a6bd9b6a9267c63d93d717b8c1b403a3c617",
    "reports.jsonl": "38c84b72befa8e39cf6559199b66ec6417fdab52cb034d9d4f9b92ba31cf4491",
    "transacoes_historicas.csv": "e476b9db0f9664069bdbe8864efa645e2b54c1c6157f96d9383002f15fddfc1f",
    "transacoes_pix.csv": "cd25bedaec6a1fa447d1c4fb5667f59af4364eb671a8c81b621e4e8556d704f9",
    "transfers.jsonl": "9b0fdb6eb2802d938660e9b0e975a14d11997e7c9feeb13236835bde3049d1d5",
    "truth.jsonl": "637f68d3f6f193ea9424093b40ce8eccd93aebe12b795e34815abfe86a42d93a",
    "usuarios.csv": "92c435c203d46729b05371dc8c8581614dcdeda985fb797e1c01a721b43e3898",
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


def test_sabotage_another_seed_gives_other_bytes(tmp_path: Path):
    found = digests(tmp_path / "world", SMALL.seed + 1)
    assert set(found.values()).isdisjoint(GOLDEN.values())


def test_sabotage_one_changed_byte_gives_another_digest(tmp_path: Path):
    write_world(tmp_path / "world", simulate(SMALL), layout=Layout(WorldFormat.JSON_LINES))
    content = bytearray((tmp_path / "world" / "transfers.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    assert hashlib.sha256(content).hexdigest() != GOLDEN["transfers.jsonl"]
