"""A model server as one writes it in an afternoon: the champion behind FastAPI, asked in JSON.

    python -m benchmarks.load.model_server HOME PORT

It is told amounts and answers with scores: what else a vector of the champion holds is null.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.load.answering import answering, free_port
from benchmarks.load.service import ROOT
from crivo.bootstrap.home import Paths
from crivo.flows.promote import load_champion
from crivo.model.artifact import SCORE_ONE
from crivo.model.scorer import Scorer

AMOUNT = "transfer_amount_value_now"


class Asked(BaseModel):
    """What is asked of the model: transfers, by their amounts in centavos."""

    amounts: list[int]


def application(home: Path) -> FastAPI:
    """The server of a home's champion."""
    artifact = load_champion(Paths(home).models)
    scorer, names = Scorer(artifact), artifact.input_names
    app = FastAPI()

    @app.get("/ping")
    def ping() -> None:
        return None

    @app.post("/score")
    def score(asked: Asked) -> dict[str, list[float]]:
        vectors = np.full((len(asked.amounts), len(names)), np.nan)
        vectors[:, names.index(AMOUNT)] = asked.amounts
        _, scores = scorer.score(vectors, plan_hash=artifact.plan_hash)
        return {"scores": (scores / SCORE_ONE).tolist()}

    return app


@contextlib.contextmanager
def serving(home: Path, *, said: Path) -> Iterator[int]:
    """The port of the server while it runs and answers; `said` is what it printed.

    Raises:
        RuntimeError: it did not answer in time; the message holds what it said.
    """
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.load.model_server", str(home), str(port)]
    with answering(command, f"http://127.0.0.1:{port}/ping", said=said, cwd=ROOT):
        yield port


if __name__ == "__main__":
    uvicorn.run(
        application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning"
    )
