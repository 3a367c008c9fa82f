"""Models of tests: fitted, kept in a home as a training keeps them, and who serves there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import Names
from crivo.flows.promote import read_champion
from crivo.model.artifact import Artifact, ArtifactKind, save_artifact
from crivo.model.dataset import Dataset
from crivo.model.judged import save_judged
from crivo.model.split import SplitOptions
from crivo.model.train import Trained, TrainOptions, train
from crivo.settings import Settings
from tests.unit.model.worlds import SMALL, labelled

ROWS = replace(labelled(rows=20_000), plan_hash="")
ANA = Names(approved_by="Ana")


def fitted(
    dataset: Dataset = ROWS,
    options: TrainOptions = SMALL,
    *,
    calibration_share: float | None = None,
) -> Trained:
    split = SplitOptions(calibration_share=calibration_share)
    return train(dataset, kind=ArtifactKind.ROWS, split_options=split, options=options)


def without_signal(dataset: Dataset) -> Dataset:
    """The same rows, whose training vectors say little of their labels."""
    vectors = dataset.vectors.copy()
    early = dataset.occurred_at < np.quantile(dataset.occurred_at, 0.7)
    noise = np.random.default_rng(0).normal(size=vectors.shape) * 2
    vectors[early] += noise[early]
    return replace(dataset, vectors=vectors)


def leaked() -> Dataset:
    dataset = replace(labelled(rows=20_000, offset=-6.3), plan_hash="")
    vectors = dataset.vectors.copy()
    # At both ends: a tree finds it, where a ranking by the column would tie with any model.
    frauds = np.flatnonzero(dataset.labels())
    vectors[frauds, 4] = np.where(np.arange(len(frauds)) % 3, 9.0, -9.0)
    return replace(dataset, vectors=vectors)


def keep(settings: Settings, trained: Trained) -> Artifact:
    paths = Paths(settings.home)
    save_judged(paths.judged, trained.judged)
    save_artifact(paths.models, trained.artifact)
    return trained.artifact


def champion_of(settings: Settings) -> str:
    return read_champion(Paths(settings.home).models).hash
