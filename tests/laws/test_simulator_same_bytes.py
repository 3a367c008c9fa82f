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
    "chaves_pix.csv": "e459d54aabf2d7f2ebad29e8c3bf2b2e74e08a8900adc3d01238f443ec37bbbc",
    "dispositivos.csv": "660fdc7009e3be4a936877ab3f2912d9aba316bc76792495133539fe6aaf1dee",
    "fraudes.csv": "6ade6bce9504fe88421e607b15a22b7de3ee549702d19f1c42c3fc1eda7ec196",
    "limites_transacoes.csv": "c0f1f42a71c6c48d3b381a98040524a07078710f30cd328025ce0dbbb52f1b62",
    "log_autenticacao.csv": "72b78b9eb2498240e67bf504b22e0cb18415d14823e79b33e71da9f6f4db6d41",
    "reports.jsonl": "03f61fe26ecc82eb5df4e07c5fae2de4862f9ac6f3fcb31068399e931ee0d3fe",
    "transacoes_historicas.csv": "77a95f0b20f630e3bce035aebbb504b56973481b78198dab71b774299c3ff5ea",
    "transacoes_pix.csv": "1418c29817aaeed558c5ef7bdb44d438c02215411bcbb6428a2df573dbbb12a9",
    "transfers.jsonl": "a853229b8b6766b2d4da2d53fe7df7ed90a6594be39d1e634a9fd09dff6ca52d",
    "truth.jsonl": "d2c0fd5c8ffc215789b16a06f99f75ee7b33865f35cce624bd8e39b587f66b97",
    "usuarios.csv": "f583f2f4c4a168dee531ed4e0e0992fe75a5eaf01ec03c63a6b7343bbdb3ce45",
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
