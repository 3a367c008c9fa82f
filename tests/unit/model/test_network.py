"""A network's arrays are checked and kept whole; numpy scores it as its formula says."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.model.artifact import load_artifact
from crivo.model.files import sha256_of
from crivo.model.network import MANIFEST, load_network, network_folders, save_network
from tests.unit.model.networks import network


def by_hand(made, vector) -> int:
    """The score of one row in plain Python."""
    layers = made.layers
    values, marks = [], []
    for x, center, scale in zip(vector, layers.center, layers.scale, strict=True):
        null = math.isnan(x)
        spread = (math.copysign(math.log1p(abs(x)), x) - center) / scale if not null else 0.0
        values.append(spread)
        marks.append(float(null))
    found = values + marks
    last = len(layers.kernels) - 1
    for place, (kernel, bias) in enumerate(zip(layers.kernels, layers.biases, strict=True)):
        rows = range(kernel.shape[0])
        found = [
            bias[j] + sum(found[i] * kernel[i, j] for i in rows) for j in range(kernel.shape[1])
        ]
        if place < last:
            found = [max(x, 0.0) for x in found]
    return round(1e9 / (1 + math.exp(-(made.slope * found[0] + made.intercept))))


def test_scores_are_those_of_the_formula_for_one_row_and_many():
    made = network()
    vectors = np.random.default_rng(5).normal(size=(50, 3)) * 1e3
    vectors[::4, 1] = np.nan
    scores = made.scores(vectors)
    assert np.abs(scores - [by_hand(made, row) for row in vectors.tolist()]).max() <= 1
    assert np.abs(scores - [made.score_one(row) for row in vectors]).max() <= 1
    assert len(set(scores.tolist())) > 40


def test_a_kept_network_is_loaded_with_the_same_hash_and_scores(tmp_path):
    made = network(learner="network")
    folder = save_network(tmp_path, made)
    assert save_network(tmp_path, made) == folder
    (loaded,) = [load_network(each) for each in network_folders(tmp_path)]
    assert (loaded.hash, loaded.metadata) == (made.hash, {"learner": "network"})
    vectors = np.random.default_rng(5).normal(size=(9, 3))
    assert (loaded.scores(vectors) == made.scores(vectors)).all()
    assert {path.suffix for path in folder.iterdir()} == {".json", ".npy"}


@pytest.mark.parametrize("name", ["kernel_1.npy", "center.npy", MANIFEST])
def test_sabotage_one_other_byte_is_refused(tmp_path, name):
    folder = save_network(tmp_path, network())
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        load_network(folder)
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_sabotage_an_array_of_objects_is_never_unpickled(tmp_path):
    folder = save_network(tmp_path, network())
    np.save(folder / "center.npy", np.array([{"a": 1}], object), allow_pickle=True)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["center.npy"] = sha256_of((folder / "center.npy").read_bytes())
    (folder / MANIFEST).write_text(json.dumps(manifest))
    other = folder.rename(tmp_path / sha256_of((folder / MANIFEST).read_bytes()))
    with pytest.raises(Misconfigured) as refusal:
        load_network(other)
    assert refusal.value.code is Code.ARTIFACT_INVALID


@pytest.mark.parametrize("field", ["center", "scale", "kernels", "biases"])
def test_layers_that_do_not_follow_one_another_are_refused(field):
    made = network()
    layers = made.layers
    wrong = {
        "center": layers.center[:2],
        "scale": -layers.scale,
        "kernels": (layers.kernels[0].T, *layers.kernels[1:]),
        "biases": (*layers.biases[:-1], np.full(1, np.inf)),
    }
    with pytest.raises(Misconfigured) as refusal:
        replace(made, layers=replace(layers, **{field: wrong[field]}))
    assert refusal.value.code is Code.ARTIFACT_INVALID


def test_nothing_that_decides_can_load_a_network(tmp_path):
    folder = save_network(tmp_path, network())
    with pytest.raises(Unavailable) as refusal:
        load_artifact(folder)
    assert refusal.value.code is Code.MODEL_MISSING
    with pytest.raises(Unavailable):
        load_network(tmp_path / ("0" * 64))
