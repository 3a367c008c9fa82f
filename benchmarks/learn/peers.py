"""Asks the scorer's peers, each in a process of the environment that `make peers` makes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.peers import ROOT, said
from crivo.adapters.mlflow.packaging import packaged
from crivo.flows.tracker import TrackedData, TrainingRun
from crivo.model.artifact import Artifact, save_artifact

#: How far a peer's answer may lie from ours.
EQUAL: Final = 1e-9

_ONE_CORE: Final = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a peer took, on one core, and how far its answers lay from ours at most."""

    rows_per_second: float
    one_us: float
    difference: float
    version: str


def ask(
    name: str,
    artifact: Artifact,
    vectors: NDArray[np.float64],
    ours: Mapping[str, NDArray[np.int64]],
) -> Found | str:
    """What a peer took; a text where it is not here, failed, or answers otherwise than we do.

    Args:
        name: One of `benchmarks.peers.models.PEERS`.
        artifact: The model.
        vectors: What is asked about, float64[n, F].
        ours: Our own `margins` and `parts` of them, in 2^-40.
    """
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as place:
        folder = Path(place)
        _write(folder, artifact)
        for what, array in {"vectors": vectors, **ours}.items():
            np.save(folder / f"{what}.npy", array)
        answer = said(["-m", "benchmarks.peers.models", name, str(folder)], environ=_ONE_CORE)
    if isinstance(answer, str):
        return answer
    found = Found(**answer)
    if not found.difference <= EQUAL:
        return f"{found.version} answers otherwise than we do, by up to {found.difference:.3g}"
    return found


def _write(folder: Path, artifact: Artifact) -> None:
    """The model as a run of MLflow keeps it."""
    run = TrainingRun(
        name="benchmark",
        params={},
        metrics={},
        tags={},
        folder=save_artifact(folder, artifact),
        data=TrackedData("benchmark", "", 0, artifact.input_names, 0, ""),
    )
    for file, text in packaged(run, run_id="", place="model").items():
        (folder / file).write_text(text, encoding="utf-8")
