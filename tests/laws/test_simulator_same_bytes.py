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
    "chaves_pix.csv": "04415d4179cc8dd1582d038779e43a641cec950dfeb86bc4724640094515b11f",
    "dispositivos.csv": "7c1a79efc9b04c04f86d989143ad0fbc3fe13a906c3a6d9081151dc99cc84deb",
    "fraudes.csv": "39f34db45e31fe4ffd0e9b2c0920a3d1865926d159802ffae8a51361e5a6ea7f",
    "limites_transacoes.csv": "97d08753179792270a8f7b5c648f7137c5abeddca13d25c01b160570628dcc8b",
    "log_autenticacao.csv": "7d78e6ce1d56f6657caf90b562a74b0f44df32a5a8c0d80491bc70bc15d268e0",
    "reports.jsonl": "4f4a72a1f7eceeebc3d47a669b59e578f9b2da589aa9f98932dded0e3da3445c",
    "transacoes_historicas.csv": "1dd5ff29cc60f9eb8d58bc87c3d9e61ea3bb758a7ed3f27c4e289d59cfa88287",
    "transacoes_pix.csv": "58074761b80133c7c59e9453cf9a20ed7030a72835c3f84e406274d82091ab10",
    "transfers.jsonl": "2211791e3fcade72557f884f63ad50933290b4e6774d3767949f158c4159fcf9",
    "truth.jsonl": "637f68d3f6f193ea9424093b40ce8eccd93aebe12b795e34815abfe86a42d93a",
    "usuarios.csv": "ea99da96aed9c2c4a1a34dbff5fa355e6e8cb06bdc120de3846924f853b122c6",
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


@pytest.mark.slow
def test_sabotage_another_seed_gives_other_bytes(tmp_path: Path):
    found = digests(tmp_path / "world", SMALL.seed + 1)
    assert set(found.values()).isdisjoint(GOLDEN.values())


def test_sabotage_one_changed_byte_gives_another_digest(tmp_path: Path):
    write_world(tmp_path / "world", simulate(SMALL), layout=Layout(WorldFormat.JSON_LINES))
    content = bytearray((tmp_path / "world" / "transfers.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    assert hashlib.sha256(content).hexdigest() != GOLDEN["transfers.jsonl"]
