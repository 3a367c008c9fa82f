"""Asks Quix Streams, which has an environment of its own: its release wants older settings."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm

from benchmarks.load.kafka_logs import told_peer
from benchmarks.load.peers import ROOT, said
from crivo.adapters.kafka.client import Cluster

PYTHON: Final = ROOT / ".tools" / "streams" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers a second by the clock and by processor time, and the version that gave them."""

    rate: float
    processor_rate: float
    version: str


def answer_all(cluster: Cluster, model: lightgbm.Booster, count: int) -> Answered | str:
    """What an application made of all transfers; a text where it is not here or failed."""
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        file = Path(folder) / "model.txt"
        model.save_model(file)
        job = {
            **told_peer(cluster),
            "model": str(file),
            "count": count,
        }
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        found = said(["-m", "benchmarks.peers.streams", str(path)], python=PYTHON)
    if isinstance(found, str):
        return found
    return Answered(
        found["answered"] / found["seconds"],
        found["answered"] / found["processor_seconds"],
        found["version"],
    )
