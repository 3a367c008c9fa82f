"""The forest that the laws of scoring are about, and the booster that it comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.model.artifact import Artifact
from crivo.model.booster import fit_booster
from crivo.model.forest import forest_of
from tests.unit.model.worlds import SMALL, labelled, trained


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return trained().artifact


@pytest.fixture(scope="module")
def booster():
    dataset = labelled()
    return fit_booster(dataset.vectors, dataset.labels(), dataset.weights, SMALL.booster)[0]


@pytest.fixture(scope="module")
def from_booster(booster, artifact) -> Artifact:
    return replace(artifact, body=forest_of(booster))
