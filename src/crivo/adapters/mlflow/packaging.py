"""The files beside an artifact in a run by which MLflow loads and serves it: its MLmodel format.

https://mlflow.org/docs/latest/ml/model/ (MLmodel, signature, input example). An MLmodel file is
YAML, of which JSON is a part.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from crivo.adapters.mlflow.pyfunc import __name__ as loader_module
from crivo.flows.tracker import TrainingRun

MODEL_FILE: Final = "MLmodel"
EXAMPLE_FILE: Final = "input_example.json"
SERVING_FILE: Final = "serving_input_example.json"
REQUIREMENTS_FILE: Final = "requirements.txt"
PYTHON_FILE: Final = "python_env.yaml"

#: What the loader needs, pandas for MLflow itself.
_NEEDED: Final = ("crivo", "numba", "numpy")


def packaged(run: TrainingRun, *, run_id: str, place: str) -> dict[str, str]:
    """The files by their names; the artifact lies beside them in a folder named by its hash.

    Args:
        run: What was learnt.
        run_id: The run's, in MLflow.
        place: The folder of the files, in the run.
    """
    needed = "\n".join(f"{name}=={version(name)}" for name in _NEEDED)
    files = {
        MODEL_FILE: json.dumps(_model(run, run_id, place), indent=2),
        REQUIREMENTS_FILE: f"{needed}\npandas\n",
        PYTHON_FILE: json.dumps(
            {"python": platform.python_version(), "dependencies": [f"-r {REQUIREMENTS_FILE}"]}
        ),
    }
    if run.example:
        example = _split(run.example)
        files[EXAMPLE_FILE] = json.dumps(example, indent=2)
        files[SERVING_FILE] = json.dumps({"dataframe_split": example}, indent=2)
    return files


def _model(run: TrainingRun, run_id: str, place: str) -> dict[str, Any]:
    function = {
        "loader_module": loader_module,
        "data": run.folder.name,
        "python_version": platform.python_version(),
        "env": {"virtualenv": PYTHON_FILE},
    }
    inputs = [{"type": "double", "name": name, "required": True} for name in run.data.inputs]
    outputs = [{"type": "long", "name": name, "required": True} for name in run.outputs]
    model: dict[str, Any] = {
        "artifact_path": place,
        "run_id": run_id,
        "mlflow_version": version("mlflow-skinny"),
        "flavors": {"python_function": function},
        "signature": {
            "inputs": json.dumps(inputs),
            "outputs": json.dumps(outputs),
            "params": None,
        },
    }
    if run.example:
        model["saved_input_example_info"] = {
            "artifact_path": EXAMPLE_FILE,
            "serving_input_path": SERVING_FILE,
            "type": "dataframe",
            "pandas_orient": "split",
        }
    return model


def _split(example: Mapping[str, float | None]) -> dict[str, list[Any]]:
    """A frame of one row, as pandas writes it by `split`."""
    return {"columns": list(example), "data": [list(example.values())]}
