"""A network is trained beside the forest where Keras is installed, and becomes the shadow."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from crivo.bootstrap import service as module
from crivo.bootstrap.home import Paths
from crivo.bootstrap.service import shadow_network
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.aliases import Alias, aliases_of, give_alias
from crivo.model.network import load_network, save_network
from crivo.settings import Settings, load_settings
from tests.integration.commands import crivo
from tests.lookalikes import ulb, write
from tests.unit.decision.worlds import bundle_in, plan
from tests.unit.model.networks import network

COMPARE = """
import sys
import numpy as np
from pathlib import Path
from crivo.model.challenger import _keras
from crivo.model.network import load_network
keras = _keras()
made, vectors = load_network(Path(sys.argv[1])), np.load(sys.argv[2])
layers = made.layers
sizes = [len(bias) for bias in layers.biases]
dense = [keras.layers.Dense(size, activation="relu") for size in sizes[:-1]]
model = keras.Sequential([keras.Input((2 * vectors.shape[1],)), *dense, keras.layers.Dense(1)])
model.set_weights([each for pair in zip(layers.kernels, layers.biases) for each in pair])
its = np.asarray(model(layers.inputs(vectors).astype(np.float32)))[:, 0]
print(np.abs(its - layers.log_odds(vectors)).max() / max(1.0, np.abs(its).max()))
"""


def run(python: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.run(
        [str(python), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def train(python: Path, root: Path, table: Path, home: Path) -> dict:
    mapping = root / "mappings" / "ulb.toml"
    said = run(
        python, "-m", "crivo", "train", "--data", table, "--mapping", mapping,
        "--home", home, "--challenger", "network", "--json",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


@pytest.mark.slow
def test_a_network_learns_beside_the_forest_and_is_kept_as_arrays(
    capsys, tmp_path, root, require_extra
):
    python = require_extra("keras")
    table = write(ulb(12_000), tmp_path / "rows.parquet")
    made, again = (train(python, root, table, tmp_path / name) for name in ("home", "again"))
    assert made["shadow"] == again["shadow"]  # one seed, one machine: the same bytes
    assert made["model"] == again["model"]
    by_model = {row["model"]: row for row in made["metrics"]}
    # A coin has the share of frauds; the table's weights make that smaller still.
    share = made["split"]["positives_test"] / made["split"]["rows_test"]
    assert by_model["network"]["average_precision"] > 3 * share
    home = tmp_path / "home"
    folder = home / "networks" / made["shadow"]
    assert {path.suffix for path in folder.iterdir()} == {".json", ".npy"}
    assert aliases_of(home / "models")[Alias.SHADOW] == made["shadow"]

    said = crivo(capsys, "models", "list", "--home", home, "--json")
    listed = {each["model"]: each for each in json.loads(said.out)}
    assert listed[made["shadow"]]["aliases"] == ["shadow"]
    assert listed[made["shadow"]]["kind"] == "network"
    said = crivo(capsys, "models", "compare", made["model"][:12], "shadow", "--home", home)
    assert said.code == 0, said.err
    said = crivo(capsys, "models", "promote", "shadow", "--approved-by", "Ana", "--home", home)
    assert said.code == 1
    assert "shadow only" in said.err

    # Numpy answers what Keras answers, to what single precision holds.
    vectors = np.random.default_rng(3).normal(size=(200, 29))
    vectors[::3, 2] = np.nan
    np.save(tmp_path / "vectors.npy", vectors)
    compared = run(python, "-c", COMPARE, folder, tmp_path / "vectors.npy")
    assert compared.returncode == 0, compared.stderr
    assert float(compared.stdout) < 1e-5


@pytest.mark.slow
def test_the_tracker_has_the_network_under_the_alias_shadow(tmp_path, root, require_extra):
    made = train(
        require_extra("keras"), root, write(ulb(12_000), tmp_path / "a.parquet"), tmp_path / "home"
    )
    kept = list((tmp_path / "home" / "mlflow" / "artifacts").rglob("network.json"))
    assert [path.parent.name for path in kept] == [made["shadow"]]
    assert load_network(kept[0].parent).hash == made["shadow"]
    with sqlite3.connect(tmp_path / "home" / "mlflow" / "mlflow.db") as store:
        bearers = store.execute(
            "SELECT alias, value FROM registered_model_aliases JOIN model_version_tags USING "
            "(name, version) WHERE key = 'artifact_hash'"
        ).fetchall()
        (tagged,) = store.execute("SELECT value FROM tags WHERE key = 'serves_as'").fetchall()
    store.close()
    assert tagged == ("shadow",)
    assert dict(bearers)["shadow"] == made["shadow"]
    assert dict(bearers)["candidate"] == made["model"]
    model = json.loads((kept[0].parent.parent / "MLmodel").read_text())
    (answer,) = json.loads(model["signature"]["outputs"])
    assert answer["name"] == "score"


def test_without_keras_it_is_said_before_anything_is_trained(capsys, tmp_path, root):
    table = write(ulb(2_000), tmp_path / "rows.parquet")
    said = crivo(
        capsys, "train", "--data", table, "--mapping", root / "mappings" / "ulb.toml",
        "--home", tmp_path / "home", "--challenger", "network",
    )  # fmt: skip
    assert said.code == 2
    assert "make extra NAME=keras" in said.err
    assert not list((tmp_path / "home").glob("models/*"))
    assert not list((tmp_path / "home").glob("mlflow/*"))


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home")


def keep(settings: Settings, plan_hash: str) -> str:
    paths = Paths(settings.home)
    made = network(plan().names, plan_hash=plan_hash)
    save_network(paths.networks, made)
    paths.models.mkdir(parents=True, exist_ok=True)
    give_alias(paths.models, Alias.SHADOW, made.hash)
    return made.hash


def test_a_service_finds_its_shadow_and_may_be_told_to_leave_it(tmp_path, settings):
    bundle = bundle_in(tmp_path)
    assert shadow_network(settings, bundle) is None
    hash_ = keep(settings, bundle.plan.plan_hash)
    found = shadow_network(settings, bundle)
    assert found is not None and found.hash == hash_
    off = load_settings({"CRIVO_SHADOW": "false"}, home=settings.home)
    assert shadow_network(off, bundle) is None


def test_a_shadow_of_other_features_is_left_out_and_that_is_logged(tmp_path, settings, caplog):
    keep(settings, "2" * 64)
    with caplog.at_level("WARNING", logger=module.__name__):
        assert shadow_network(settings, bundle_in(tmp_path)) is None
    assert "shadow.of_another_plan" in caplog.text


def test_sabotage_a_shadow_with_another_byte_stops_the_start(tmp_path, settings):
    bundle = bundle_in(tmp_path)
    hash_ = keep(settings, bundle.plan.plan_hash)
    path = Paths(settings.home).networks / hash_ / "kernel_0.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        shadow_network(settings, bundle)
    assert refusal.value.code is Code.ARTIFACT_INVALID
