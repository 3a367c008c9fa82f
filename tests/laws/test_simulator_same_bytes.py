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
    "chaves_pix.csv": "40ef2af148c0490322f0845bed35d0828c5311e3a92729bc87876e13a20a63c1",
    "dispositivos.csv": "103f2d941221af9da79ddf2b7b0935bad07087a6b3209ab1bda9006841e7ef02",
    "fraudes.csv": "f6a0517c138980019582b50812535b3228ed31c17f5b9efa89cedd8f790f9ea2",
    "limites_transacoes.csv": "83aa488f30a8bd16f1daa3e1209119e2d5a9d45bb4b1fb1596209a7aef5facee",
    "log_autenticacao.csv": "62820f8703173a1e4bea0249daa44f8b98c1eb29d267d8722b133a9d92cc2299",
    "reports.jsonl": "9217bba67c4691dfd77bb73f4c8eb868f9ab196a2d00224bcdd1a8ab9e405ad5",
    "transacoes_historicas.csv": "6a3329786899fb2e97eaa3838fcb6ab7e81f3350df0334fcc58eb70c67a7bf13",
    "transacoes_pix.csv": "c373f27037786e409ec94075cbed8b25a749b5a01cc7514701029130164086de",
    "transfers.jsonl": "97e5a7eb413d32f1a29d7359929502bbfd1516aac506d82a345521d696b7d918",
    "truth.jsonl": "77bfecf9a451a53903a247c718ddbdfb077d25d32994fea9d1b244424b10fd9f",
    "usuarios.csv": "62f783cbc826756e1270ad80d8e05056ee9bc28b39adea6571ed26c3d0674ebe",
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
