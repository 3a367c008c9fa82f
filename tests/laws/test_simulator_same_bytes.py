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
    "chaves_pix.csv": "db86301ef3a0ed5f7962a566892222c97873bf47d36bdd66c87332792312e4c0",
    "dispositivos.csv": "7920974b3458f3db83f15f1fc748ca7e3cfcc251c4b227eeffa694f12cca0bc5",
    "fraudes.csv": "1f42dc6e12c729047fb598988d2367aea73098291590063d4cbbed53df686583",
    "limites_transacoes.csv": "ad8141e716ce65b670ae18cd007eff7276f773dc8f5ea6f71b9be2a94c06963d",
    "log_autenticacao.csv": "a3ac7f66501cb8224a2d584b2a20d3cb346c2848ec7a0cba06483380338d4e2a",
    "reports.jsonl": "ad44d4fe23dd7d889271bf77354c524e08c6f1a7d61ebfa5eb50cd4b356dfd57",
    "transacoes_historicas.csv": "e99013c3c697fef8df6f6e2fc7df106d4993199b896dd8a8d36d2e38f47fc3be",
    "transacoes_pix.csv": "655ba560b879190dd37eee70feafbbca32cf0dac698f63830e9378029d0aa785",
    "transfers.jsonl": "154abc3c9ada577897e0d559409e418ee6abaf59d8eefe4f289a2d562bb2c4b1",
    "truth.jsonl": "47da02a750227c09d84fea9a67d10e4d963ea34f64523a6a1c73f5021a9b2aaf",
    "usuarios.csv": "e24ac6b86827d59236035f15f954abaaf8aaa13a10ee81d355bfde19a3aecbcd",
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
