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
    "chaves_pix.csv": "8924afa8ac57a4e5a4e698ddee9ebd88f460eb0d0c255252e531e847c0bac780",
    "dispositivos.csv": "21ef0bd68b3dbb73e9e7ce1be9f106cd36978b59f1da53776ba41fa6835b1d87",
    "fraudes.csv": "9b711c1a091391e9b7afcaff38535a97fcd5c302747f37372c8c3e286d816b7b",
    "limites_transacoes.csv": "1cfa0a7a00a38951fba5ca955e7f1b11ca9c0bae310af06685822ab7bbc9eec1",
    "log_autenticacao.csv": "1bd1261650b4c0117b2b852ea09907b612bf0fa423b82d7aaf68c9ae2ee291f3",
    "reports.jsonl": "b9679e12e20ce03d22d33867f2322403ebfc623d58c878f16e65af8a40e106f2",
    "transacoes_historicas.csv": "a2d74b6f0aa77c47f1b9543e72c552867a7461a98e06ff46145934a31b083b91",
    "transacoes_pix.csv": "6f2bc28f74f7045c43625ebc9f19b74fae3e40433fdef6f7bbce51a63f54b3ee",
    "transfers.jsonl": "0571a3ca33d6edaf745669bd06458f9932d7b8ac0e13eaaf2b89324911c06119",
    "truth.jsonl": "c267fc4113dd388fc2ebabbff660f37067ae2bab22842882ad47df0062ddf84f",
    "usuarios.csv": "ae82ce49f51b4dab4395434e9056802abf70cb711020a6878961b64007d9d8d7",
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
