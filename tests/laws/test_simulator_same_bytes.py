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
    "chaves_pix.csv": "801e1a3b4d436b7076c6784757291e07b1ab665d0fdb495529656176c92d68ca",
    "dispositivos.csv": "b07735430ac0dde426a3e112ee5b52d4eefeac529ea5f32f8a9d96f458bcee77",
    "fraudes.csv": "386d06934fdae18807abaaa077092515f7c64ef62aa8ac7af2b37a3c90017b13",
    "limites_transacoes.csv": "e3ae86b530a0b07247f30603b0b160079f8b1b496abd937f9e32fd06a7233c83",
    "log_autenticacao.csv": "d71a99b622311a85116e54da94e754ef7782bb833dd1cd03bdbc533243d31575",
    "reports.jsonl": "727f31d7d45a3817b1a28093c7e5238f58ddb0418e3179baeb5d209a6b0433d0",
    "transacoes_historicas.csv": "12252b00a6f6186c2a1253d851feef92cdc76259a24768b566e92fd8a5d0769d",
    "transacoes_pix.csv": "189d5554381d90a61f3117f571bbdba428dcc28b394c159c6a3d775f01191c4e",
    "transfers.jsonl": "8ea72943828716fb273667fd8d6f60c331c8e5b2836ce60fc98dfdbb98cdbb51",
    "truth.jsonl": "e59bf403d1f097ada8c5ded80cca0e629340a900708c76098ea16e160bf6b6b2",
    "usuarios.csv": "deea8999e19179e871f6996fc23647040a1113be901c7efa660a3858a0756aa4",
}

#: The transfers of the world SMALL as Parquet, which names the library that wrote it: they change
#: with WORLD_VERSION and with that library.
PARQUET = ("25.0.1", "bfa1e8049b159c89799c490b0cc66bc4aab10184aeaa1e1e8eff44d5acfc5799")

#: The transfers of the world SMALL with every fault in 3 % of the rows that reach it. They change
#: with WORLD_VERSION and with the faults.
FAULTED = {
    "faulted/done.jsonl": "9168726735181ced6c9c9ec861f65e245d10f9c00bdac4152d96d9d50d7aadc2",
    "faulted/sent.jsonl": "cfaca1a02b4c20da6c0dbfec3ce54e872e7f02b15603f0fe355d2348bd3f981e",
    "faulted/transfers.jsonl": "4982ce59e9047db45bcb775f0664391b1c9e8f89d84cdb80a8e78aa124be9a48",
}

PROGRAM = """
import sys
from pathlib import Path
from tests.laws.test_simulator_same_bytes import digests
print(*(f"{name} {digest}" for name, digest in digests(Path(sys.argv[1])).items()), sep="\\n")
"""

#: Prints the digest of PARQUET.
PARQUET_PROGRAM = """
import sys
from pathlib import Path
from crivo.adapters.world_files.writer import write_world
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL
print(write_world(Path(sys.argv[1]), simulate(SMALL)).sha256["transfers.parquet"])
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
    return dict(line.split() for line in _printed(folder, PROGRAM, **environment).splitlines())


def _printed(folder: Path, program: str, **environment: str) -> str:
    """What a program prints in a process of its own, which is told the folder."""
    found = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, **environment},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout


def test_the_golden_world_is_what_it_was(tmp_path: Path):
    assert digests(tmp_path / "world") == GOLDEN


@pytest.mark.slow
def test_the_golden_world_is_what_it_was_as_parquet_and_with_faults_in_it(tmp_path: Path):
    rates = {fault.name: 30_000 for fault in default_faults()}
    found = write_world(tmp_path / "world", simulate(SMALL), faults=rates).sha256
    assert (pa.__version__, found["transfers.parquet"]) == PARQUET
    faulted = {name: digest for name, digest in found.items() if name.startswith("faulted/")}
    assert faulted == FAULTED


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_hash_seeds_and_threads_change_no_byte(tmp_path: Path, hash_seed: str):
    told = {
        "PYTHONHASHSEED": hash_seed,
        "OMP_NUM_THREADS": str(1 + int(hash_seed) % 4),
        "TZ": "Asia/Tokyo",
    }
    assert _digests_of_a_process(tmp_path / "world", **told) == GOLDEN
    written = _printed(tmp_path / "parquet", PARQUET_PROGRAM, **told)
    assert (pa.__version__, written.strip()) == PARQUET


@pytest.mark.slow
def test_a_plainer_processor_changes_no_byte(tmp_path: Path):
    usable = numpy_core.__cpu_features__
    disabled = [name for name in numpy_core.__cpu_dispatch__ if usable.get(name)]
    # Where the machine has what NumPy would use, something is left out, or nothing is shown here.
    assert disabled or not any(usable.get(name) for name in ("AVX2", "ASIMDDP"))
    plain = {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled), "ARROW_USER_SIMD_LEVEL": "NONE"}
    assert _digests_of_a_process(tmp_path / "world", **plain) == GOLDEN
    level = _printed(tmp_path, "import pyarrow as pa; print(pa.runtime_info().simd_level)", **plain)
    assert level == "none\n"
    written = _printed(tmp_path / "parquet", PARQUET_PROGRAM, **plain)
    assert (pa.__version__, written.strip()) == PARQUET


@pytest.mark.slow
def test_sabotage_another_seed_gives_other_bytes(tmp_path: Path):
    found = digests(tmp_path / "world", SMALL.seed + 1)
    assert set(found.values()).isdisjoint(GOLDEN.values())


def test_sabotage_one_changed_byte_gives_another_digest(tmp_path: Path):
    write_world(tmp_path / "world", simulate(SMALL), layout=Layout(WorldFormat.JSON_LINES))
    content = bytearray((tmp_path / "world" / "transfers.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    assert hashlib.sha256(content).hexdigest() != GOLDEN["transfers.jsonl"]
