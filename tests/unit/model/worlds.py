"""Small seeded data sets whose answer is known."""

from __future__ import annotations

import numpy as np

from crivo.domain.instant import DAY
from crivo.model.artifact import Artifact, ArtifactKind
from crivo.model.booster import BoosterOptions
from crivo.model.dataset import Dataset
from crivo.model.groups import numbered
from crivo.model.labels import NEVER
from crivo.model.split import SplitOptions
from crivo.model.train import Trained, TrainOptions, train

START = 1_600_000_000_000_000
SMALL = TrainOptions(
    booster=BoosterOptions(trees=30, leaves=8, learning_rate=0.1, threads=1), resamples=20
)


def labelled(
    rows: int = 6_000,
    *,
    seed: int = 7,
    days: int = 100,
    offset: float = -4.5,
    delay_days: int = 7,
    names: int = 5,
) -> Dataset:
    """Rows whose risk rises with the first input and where the next two agree; a tenth is null."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, names))
    vectors[:, :4][generator.random((rows, min(names, 4))) < 0.1] = np.nan
    clean = np.nan_to_num(vectors)
    risk = 1.5 * clean[:, 0] + clean[:, 1] * clean[:, 2] + offset
    fraud = generator.random(rows) < 1 / (1 + np.exp(-risk))
    at = np.sort(generator.integers(START, START + days * DAY, rows))
    ids = generator.integers(0, 1 << 62, (rows, 2)).astype(np.uint64)
    return Dataset(
        vectors=vectors,
        weights=np.ones(rows),
        occurred_at=at,
        received_at=at,
        known_at=np.where(fraud, at + delay_days * DAY, NEVER),
        amounts=np.exp(generator.normal(9, 1, rows)).astype(np.int64),
        ids=ids,
        payers=numbered(ids),
        names=tuple(f"input_{place}" for place in range(names)),
        set_hash="0" * 64,
        plan_hash="1" * 64,
        cut=rows,
        labels_as_of=START + (days + delay_days) * DAY,
        label_delay=delay_days * DAY,
        left_out={},
    )


def trained(dataset: Dataset | None = None, options: TrainOptions = SMALL) -> Trained:
    return train(
        labelled() if dataset is None else dataset,
        kind=ArtifactKind.EVENTS,
        split_options=SplitOptions(),
        options=options,
    )


def artifact() -> Artifact:
    return trained().artifact
