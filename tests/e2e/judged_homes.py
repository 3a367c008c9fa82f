"""A home whose champion says by which rows it was judged, and has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from crivo.bootstrap.home import Paths
from crivo.flows.promote import promote
from crivo.model.artifact import Artifact, load_artifact, save_artifact
from crivo.model.judged import JudgedRows, as_table, save_judged
from tests.e2e.homes import RISKY_CENTAVOS, make_home

NOON = 1_795_435_200_000_000


def make_judged_home(folder: Path) -> Path:
    """A home as `make_home` makes it; its champion was judged by a thousand rows."""
    home = make_home(folder)
    paths = Paths(home)
    (found,) = (path for path in paths.models.iterdir() if path.is_dir())
    plain = load_artifact(found)
    rows = _rows(plain)
    save_judged(paths.judged, rows)
    scores = rows.scores(plain)
    metrics = rows.figures(scores, chances=scores / 1e9, reviews_per_day=100, resamples=20)
    told = {**plain.metadata, "judged": rows.hash, "metrics": {"lightgbm": as_table(metrics)}}
    artifact = replace(plain, metadata=told)
    save_artifact(paths.models, artifact)
    promote(paths.models, artifact.hash, promoted_at=NOON)
    return home


def _rows(artifact: Artifact) -> JudgedRows:
    draws = np.random.default_rng(7)
    vectors = np.zeros((1_000, len(artifact.input_names)))
    amounts = draws.integers(1, 2 * RISKY_CENTAVOS, 1_000)
    vectors[:, artifact.input_names.index("transfer_amount_value_now")] = amounts
    labels = draws.random(1_000) < np.where(amounts > RISKY_CENTAVOS, 0.4, 0.01)
    return JudgedRows(
        names=artifact.input_names,
        vectors=vectors,
        labels=labels,
        weights=np.ones(1_000),
        amounts=amounts,
        occurred_at=NOON + np.arange(1_000) * 1_000_000,
    )
