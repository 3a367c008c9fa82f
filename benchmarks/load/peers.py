"""Asks the peers, each in a process of the environment that `make peers` makes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / ".tools" / "peers" / "bin" / "python"
NAMES: Final = ("polars", "duckdb", "pandas", "river")

#: All of them keep to one core.
_ONE_CORE: Final = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
_SAID_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Found:
    """Processor seconds that a peer took, the sum of all it made, and which version it was."""

    seconds: float
    total: int
    version: str


def ask(name: str, rows: NDArray[Any], *, runs: int) -> list[Found] | str:
    """What a peer took, run by run; a text where it is not here or failed."""
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, _plain(rows))
        found = []
        for _ in range(runs):
            answer = said(["-m", "benchmarks.peers", name, str(path)])
            if isinstance(answer, str):
                return answer
            found.append(Found(**answer))
    return found


def said(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] = _ONE_CORE,
    python: Path | None = None,
) -> dict[str, Any] | str:
    """What a program of the peers' environment prints as JSON; a text where it is not here.

    `python` is that of another environment of `make peers`.
    """
    python = python or PYTHON
    if not python.exists():
        return "not installed: make peers"
    answer = subprocess.run(
        [str(python), *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        return f"failed: {answer.stderr.strip().splitlines()[-1][:_SAID_MAX]}"
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _plain(rows: NDArray[Any]) -> NDArray[Any]:
    """The rows as peers read them: entities as numbers, one for each."""
    kinds = [(name, "<i8") for name in ("instant", "payer", "payee", "pair", "amount")]
    plain = np.zeros(len(rows), kinds)
    plain["instant"], plain["amount"] = rows["occurred_at"], rows["amount_centavos"]
    for name in ("payer", "payee"):
        plain[name] = np.unique(rows[f"{name}_0"], return_inverse=True)[1]
    plain["pair"] = plain["payer"] * len(rows) + plain["payee"]
    return plain
