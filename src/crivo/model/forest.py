"""LightGBM's trees as flat arrays, with its rule for nulls settled a node."""

from __future__ import annotations

from typing import Any, Final

import lightgbm
import numpy as np

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import LEAF, MARGIN_BITS, Forest

_COLUMNS: Final = ("feature", "threshold", "left", "right", "null_left", "value", "cover")


def forest_of(booster: lightgbm.Booster) -> Forest:
    """The booster's trees; walking them gives its raw margin to 2^-41 a tree.

    A null goes where LightGBM sends it: by the node's default where it met nulls in training, else
    as zero would go (`Tree::NumericalDecision` in its `include/LightGBM/tree.h`).

    Raises:
        Misconfigured: ARTIFACT_INVALID for categorical splits and zeros that mean null.
    """
    nodes: list[list[Any]] = []
    roots = []
    for tree in booster.dump_model()["tree_info"]:
        roots.append(len(nodes))
        _append(nodes, tree["tree_structure"])
    columns = dict(zip(_COLUMNS, zip(*nodes, strict=True), strict=True))
    return Forest(
        feature=np.array(columns["feature"], np.int32),
        threshold=np.array(columns["threshold"], np.float64),
        left=np.array(columns["left"], np.int32),
        right=np.array(columns["right"], np.int32),
        null_left=np.array(columns["null_left"], np.uint8),
        value=np.rint(np.array(columns["value"]) * float(1 << MARGIN_BITS)).astype(np.int64),
        cover=np.array(columns["cover"], np.int64),
        roots=np.array(roots, np.int32),
    )


def _append(nodes: list[list[Any]], node: dict[str, Any]) -> tuple[int, float, int]:
    """The place, mean value and row count of `node`, after it and what is below it were added."""
    place = len(nodes)
    if "split_feature" not in node:
        value = float(node["leaf_value"])
        count = int(node.get("leaf_count", 1))
        nodes.append([LEAF, 0.0, -1, -1, 0, value, count])
        return place, value, count
    threshold = node["threshold"]
    if node["decision_type"] != "<=" or node["missing_type"] not in {"None", "NaN"}:
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            "the forest has splits that the scorer does not know",
            hint="Train without categorical features and without zero_as_missing.",
            expected="numbers compared by <=, nulls as NaN",
            found=f"{node['decision_type']} with missing type {node['missing_type']}",
        )
    null_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
    mine = [int(node["split_feature"]), float(threshold), 0, 0, int(null_left), 0.0, 0]
    nodes.append(mine)
    left, left_value, left_count = _append(nodes, node["left_child"])
    right, right_value, right_count = _append(nodes, node["right_child"])
    count = left_count + right_count
    # The mean over the training rows below: what the path knew before it went on.
    value = (left_value * left_count + right_value * right_count) / count
    mine[2], mine[3], mine[5], mine[6] = left, right, value, count
    return place, value, count
