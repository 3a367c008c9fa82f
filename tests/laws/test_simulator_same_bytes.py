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
    "chaves_pix.csv": "0535b84febeb79b8ed7031e8fe2b7578c835030230c446312e5de4429ef8ca65",
    "dispositivos.csv": "fa9ad33091bef3dd3bd834aaf3b68eedde428c0f64d0cc9455c94c1f4ceb682c",
    "fraudes.csv": "712ef452906e11bb6d04be9ee375df9334cf1fb13fce492b944691ce1f976c38",
    "limites_transacoes.csv": "cd8669cd84210633e3ce47cdcd8cfed12f51eb91a77d5a5b168652bcf882c6cc",
    "log_autenticacao.csv": "e25ff51986e1ee3101bb5ae248f60c766c6801af754568ca01151f88421d06fd",
    "reports.jsonl": "075ffc6e4bd3beac5f6f1290d717b233fa791f38adac3a8f4bc8c145bfaa5352",
    "transacoes_historicas.csv": "cd9b362f442f8a009a6ff434c206242d8e0ffec569959e744f5b32857b3b4df0",
    "transacoes_pix.csv": "e6918f61d2d0565d3557ae6fbdc7c5a0ec6e3ee62f5afd563069b6246332c882",
    "transfers.jsonl": "0d63b08e736051fc90fc5fff07c7b22e67a1c5a093f1b49788418282c08586ef",
    "truth.jsonl": "999d34a2a2b86d1e8fc237f7302bb47c8bc0dcb652a90f9f2fdbb87623661153",
    "usuarios.csv": "8ea15314bb16104f69b7385225655f0a3aa0ea812f4479a1093e4123b8b97a2d",
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
