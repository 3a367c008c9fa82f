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
    "chaves_pix.csv": "1feeff5add848c7e3f4328aa2c39468af134fd2f35a876fd0c75af578a2b4c60",
    "dispositivos.csv": "7d5be75a91f2c33410b1a44fc395c0a6593f7d62a8495f11a56298e6dceabe68",
    "fraudes.csv": "0958297d33489c2806dfcdba9902b2e53d0be3070802efb0ffbe3d0d0546aae7",
    "limites_transacoes.csv": "0bd0d1216280ff3f182d2fadfccadb08ca622ebe22d0ead8287dfd5d519c12a4",
    "log_autenticacao.csv": "d69edc1888f8184f85fc82a7611817d4db5d91c2ee6131b239eed947fd65ca39",
    "reports.jsonl": "a6052821ac4f103ec505fa9b3effac214cbc481e58f3ba78917a252f6c52b46e",
    "transacoes_historicas.csv": "421a9a01ac27f606cbf6a80b41c23bbf6d61e9899dfce4744a5f74665da5e594",
    "transacoes_pix.csv": "1f630b4708021607b7ed5af69b7ba3142de00a7b562e6da55db8f8523cdefb53",
    "transfers.jsonl": "451ef323b2652226f0da3c70bcf558c6e9050815341f8d17c8617430c7eef842",
    "truth.jsonl": "4c0784632cdedcfeef16c3f56834ab517aea726dcf95d1139912f4bf110beb95",
    "usuarios.csv": "8fdf35ac1e4e6c86c54eb7b067e43085df4eb2d9317e1e2500b6a542df5543e5",
}

#: The transfers of the world SMALL as Parquet, which names the library that wrote it: they change
#: with WORLD_VERSION and with that library.
PARQUET = ("25.0.1", "522166bd030c96f21f8378831cab600180435f6af41d2e5c69ef1e303dea505c")

#: The transfers of the world SMALL with every fault in 3 % of the rows that reach it. They change
#: with WORLD_VERSION and with the faults.
FAULTED = {
    "faulted/done.jsonl": "c7cdad766ab09010955d43f03522894ac990683c6f59871dfd21387e49f3aa03",
    "faulted/transfers.jsonl": "51462370e18ee017ef289c4eed96cc741d0d0a52bc7473a0b8dbef47b2a8935c",
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
