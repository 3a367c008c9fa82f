"""What a run keeps is loaded and served by MLflow itself, and scores as our scorer does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crivo.adapters.mlflow.packaging import EXAMPLE_FILE, MODEL_FILE
from crivo.adapters.mlflow.tracker import MlflowTracker
from crivo.flows.tracker import TrackedData, TrainingRun
from crivo.model.artifact import Artifact, save_artifact
from crivo.model.scorer import Scorer
from tests.unit.model.worlds import artifact as an_artifact
from tests.unit.model.worlds import labelled

HASH = "0123456789abcdef" * 4

LOAD = """
import json, sys
import mlflow, numpy, pandas
from mlflow.models import Model
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_registry_uri(sys.argv[1])
found = {}
vectors = numpy.load(sys.argv[2])
for uri in sys.argv[3:]:
    model = mlflow.pyfunc.load_model(uri)
    names = [each.name for each in model.metadata.signature.inputs]
    # The columns of a frame may come in any order: the signature names them.
    frame = pandas.DataFrame(vectors, columns=names)[names[::-1]]
    found[uri] = {name: each.tolist() for name, each in model.predict(frame).items()}
    example = model.input_example
    found[uri]["example"] = [example.to_numpy().tolist(), model.predict(example).score.tolist()]
    found[uri]["outputs"] = [each.name for each in model.metadata.signature.outputs]
    try:
        model.predict(frame.drop(columns=names[0]).assign(other="x").astype({"other": str}))
    except mlflow.exceptions.MlflowException as error:
        found[uri]["without a column"] = type(error).__name__
print(json.dumps(found))
"""


def run_of(artifact: Artifact, folder: Path) -> TrainingRun:
    example = dict.fromkeys(artifact.input_names, 0.5) | {artifact.input_names[1]: None}
    return TrainingRun(
        name="log",
        params={},
        metrics={},
        tags={"artifact_hash": artifact.hash},
        folder=folder,
        data=TrackedData("log", HASH, 10, artifact.input_names, 12, "2026-09-01T00:00:00Z"),
        example=example,
    )


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return an_artifact()


def load(python: Path, store: Path, vectors: Path, *uris: str) -> subprocess.CompletedProcess[str]:
    url = f"sqlite:///{store / 'mlflow.db'}"
    return subprocess.run(
        [str(python), "-c", LOAD, url, str(vectors), *uris],
        capture_output=True,
        text=True,
        check=False,
        cwd=store,
    )


@pytest.mark.slow
def test_mlflow_loads_a_run_s_model_and_it_scores_as_our_scorer(tmp_path, artifact, require_extra):
    python = require_extra("mlflow")
    folder = save_artifact(tmp_path / "models", artifact)
    run = run_of(artifact, folder)
    kept = MlflowTracker(tmp_path / "mlflow").record(run)
    vectors = np.ascontiguousarray(labelled(rows=500, seed=3).vectors)
    np.save(tmp_path / "vectors.npy", vectors)
    uris = (f"runs:/{kept.run_id}/model", "models:/crivo@candidate")
    done = load(python, tmp_path / "mlflow", tmp_path / "vectors.npy", *uris)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    scorer = Scorer(artifact)
    margins, scores = scorer.score(vectors, plan_hash=artifact.plan_hash)
    asked = np.array([[np.nan if v is None else v for v in run.example.values()]])
    expected = scorer.score(asked, plan_hash=artifact.plan_hash)[1].tolist()
    for uri in uris:
        found = said[uri]
        assert found["margin"] == margins.tolist()
        assert found["score"] == scores.tolist()
        (values,), answered = found["example"]
        assert np.array_equal(values, asked[0], equal_nan=True)
        assert answered == expected
        assert found["outputs"] == ["margin", "score"]
        assert found["without a column"] == "MlflowException"


@pytest.mark.slow
def test_sabotage_mlflow_does_not_load_a_model_with_one_other_byte(
    tmp_path, artifact, require_extra
):
    python = require_extra("mlflow")
    run = run_of(artifact, save_artifact(tmp_path / "models", artifact))
    kept = MlflowTracker(tmp_path / "mlflow").record(run)
    (values,) = (tmp_path / "mlflow" / "artifacts").rglob("value.npy")
    content = bytearray(values.read_bytes())
    content[-1] ^= 1
    values.write_bytes(content)
    np.save(tmp_path / "vectors.npy", labelled(rows=5).vectors)
    uri = f"runs:/{kept.run_id}/model"
    done = load(python, tmp_path / "mlflow", tmp_path / "vectors.npy", uri)
    assert done.returncode == 1
    assert "value.npy" in done.stderr
    assert "not what was written" in done.stderr


@pytest.mark.slow
def test_a_run_names_the_loader_and_holds_no_pickle(tmp_path, artifact):
    run = run_of(artifact, save_artifact(tmp_path / "models", artifact))
    MlflowTracker(tmp_path / "mlflow").record(run)
    MlflowTracker(tmp_path / "mlflow").record(replace(run, example={}))
    kept = [path for path in (tmp_path / "mlflow" / "artifacts").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} <= {"", ".json", ".npy", ".txt", ".yaml"}
    models = [json.loads(path.read_text()) for path in kept if path.name == MODEL_FILE]
    assert len(models) == 2
    for model in models:
        function = model["flavors"]["python_function"]
        assert function["loader_module"] == "crivo.adapters.mlflow.pyfunc"
        assert function["data"] == artifact.hash
    # A run without an example names none.
    assert [path.name for path in kept].count(EXAMPLE_FILE) == 1
    assert sum("saved_input_example_info" in model for model in models) == 1
