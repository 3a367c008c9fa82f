"""One peer of the scorer on a model and rows, in an environment of its own: prints JSON.

    python -m benchmarks.peers.models NAME FOLDER

The folder holds `vectors.npy` (float64[n, F]), `margins.npy` and `parts.npy` (our own answers, in
2^-40), and a model as MLflow keeps it, whose artifact the others read too. Each peer says how it
answers all the rows and one at a time, on one core, and how far its answers lie from ours.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from crivo.model.artifact import LEAF, MARGIN_BITS, Artifact, load_artifact

#: Rows that are asked about one by one; the first half warms what answers.
SINGLE_ROWS: Final = 2_000
#: Rows whose contributions are asked for together.
EXPLAINED_ROWS: Final = 400

Array = np.ndarray[Any, Any]
Answer = Callable[[Array], Array]


def with_onnxruntime(folder: Path) -> Answer:
    """The forest as an ONNX TreeEnsemble of doubles (ai.onnx.ml, version 5), on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    content = onnx_of(_artifact(folder)).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def answer(rows: Array) -> Array:
        (found,) = session.run(None, {"vectors": rows})
        return np.asarray(found)[:, 0]

    return answer


def onnx_of(artifact: Artifact) -> Any:
    """The artifact's forest as an ONNX model of its raw margin, float64[n, 1]."""
    from onnx import TensorProto, helper

    forest = artifact.forest
    is_leaf = forest.feature == LEAF
    inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    # A node's place among those of its kind: leaves and splits are numbered apart.
    place = np.where(is_leaf, np.cumsum(is_leaf) - 1, np.cumsum(~is_leaf) - 1)
    assert not is_leaf[forest.roots].any(), "a tree of one leaf has no split to name"
    doubles, left, right = TensorProto.DOUBLE, forest.left[inner], forest.right[inner]
    count = len(inner)
    node = helper.make_node(
        "TreeEnsemble",
        ["vectors"],
        ["margins"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=place[forest.roots].tolist(),
        nodes_featureids=forest.feature[inner].tolist(),
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, (count,), [0] * count),
        nodes_splits=helper.make_tensor("splits", doubles, (count,), forest.threshold[inner]),
        nodes_truenodeids=place[left].tolist(),
        nodes_trueleafs=is_leaf[left].astype(int).tolist(),
        nodes_falsenodeids=place[right].tolist(),
        nodes_falseleafs=is_leaf[right].astype(int).tolist(),
        nodes_missing_value_tracks_true=forest.null_left[inner].astype(int).tolist(),
        leaf_targetids=[0] * len(leaves),
        leaf_weights=helper.make_tensor(
            "weights", doubles, (len(leaves),), forest.value[leaves] / float(1 << MARGIN_BITS)
        ),
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("vectors", doubles, [None, len(artifact.input_names)])],
        [helper.make_tensor_value_info("margins", doubles, [None, 1])],
    )
    versions = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


def with_mlflow(folder: Path) -> Answer:
    """The model as `mlflow.pyfunc` loads it: a frame in, a frame out."""
    import mlflow.pyfunc
    import pandas

    model = mlflow.pyfunc.load_model(str(folder))
    names = [each.name for each in model.metadata.signature.inputs]

    def answer(rows: Array) -> Array:
        found = model.predict(pandas.DataFrame(rows, columns=names))
        return found["margin"].to_numpy() / float(1 << MARGIN_BITS)

    return answer


def with_shap(folder: Path) -> Answer:
    """TreeExplainer's own program on the artifact's trees, the way that follows a tree's paths."""
    import shap

    forest = _artifact(folder).forest
    ends = np.append(forest.roots[1:], len(forest.feature))
    trees = []
    for start, end in zip(forest.roots.tolist(), ends.tolist(), strict=True):
        own = slice(start, end)
        is_leaf = forest.feature[own] == LEAF
        left, right = (
            np.where(is_leaf, -1, side[own] - start) for side in (forest.left, forest.right)
        )
        trees.append(
            {
                "children_left": left.astype(np.int32),
                "children_right": right.astype(np.int32),
                "children_default": np.where(forest.null_left[own] == 1, left, right),
                "features": np.where(is_leaf, -2, forest.feature[own]).astype(np.int32),
                "thresholds": forest.threshold[own],
                "values": (forest.value[own] / float(1 << MARGIN_BITS)).reshape(-1, 1),
                "node_sample_weight": forest.cover[own].astype(np.float64),
            }
        )
    explainer = shap.TreeExplainer(
        {"trees": trees, "tree_output": "raw_value", "objective": "binary_crossentropy"},
        feature_perturbation="tree_path_dependent",
    )

    def answer(rows: Array) -> Array:
        return np.asarray(explainer.shap_values(rows, check_additivity=False))

    return answer


#: Who answers, with which of our answers it is compared, and the package that is timed.
PEERS: Final[Mapping[str, tuple[Callable[[Path], Answer], str, str]]] = {
    "onnxruntime": (with_onnxruntime, "margins", "onnxruntime"),
    "mlflow": (with_mlflow, "margins", "mlflow-skinny"),
    "shap": (with_shap, "parts", "shap"),
}


def main(name: str, path: str) -> None:
    """Prints rows a second, microseconds of the median single row, and the greatest difference."""
    folder = Path(path)
    make, what, package = PEERS[name]
    vectors, ours = (np.load(folder / f"{each}.npy") for each in ("vectors", what))
    answer = make(folder)
    if what == "parts":
        vectors, ours = vectors[:EXPLAINED_ROWS], ours[:EXPLAINED_ROWS, :-1]
    answer(vectors[:100])
    begun = time.perf_counter()
    found = answer(vectors)
    seconds = time.perf_counter() - begun
    taken = []
    for row in vectors[:SINGLE_ROWS]:
        one = row.reshape(1, -1)
        begun_ns = time.perf_counter_ns()
        answer(one)
        taken.append(time.perf_counter_ns() - begun_ns)
    difference = float(np.abs(found - ours / float(1 << MARGIN_BITS)).max())
    said = {
        "rows_per_second": len(vectors) / seconds,
        "one_us": float(np.median(taken[len(taken) // 2 :])) / 1_000,
        "difference": difference,
        "version": version(package),
    }
    print(json.dumps(said))


def _artifact(folder: Path) -> Artifact:
    (manifest,) = folder.glob("*/manifest.json")
    return load_artifact(manifest.parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
