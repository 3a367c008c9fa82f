"""The home's champion as LightGBM's own model, so that peers score with the worker's trees."""

from __future__ import annotations

from collections.abc import Iterable

import lightgbm

from crivo.model.artifact import LEAF, MARGIN_BITS, Artifact, Forest

#: A node that compares numbers and knows nulls as NaN, and one that sends these left (LightGBM's
#: `include/LightGBM/tree.h`: kDefaultLeftMask, and the missing type in bits 2 and 3).
_NAN, _NULL_LEFT = 8, 2


def booster_of(artifact: Artifact) -> lightgbm.Booster:
    """A booster of the artifact's trees and inputs, whose raw margin is the sum of its leaves."""
    forest, inputs = artifact.forest, len(artifact.input_names)
    ends = [*forest.roots[1:].tolist(), len(forest.feature)]
    trees = [
        _tree(forest, number, range(root, end))
        for number, (root, end) in enumerate(zip(forest.roots.tolist(), ends, strict=True))
    ]
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={inputs - 1}",
        "objective=binary sigmoid:1",
        f"feature_names={_cells(f'Column_{number}' for number in range(inputs))}",
        f"feature_infos={_cells(['[-inf:inf]'] * inputs)}",
        f"tree_sizes={_cells(len(tree.encode()) for tree in trees)}",
    ]
    text = "\n".join(head) + "\n\n" + "".join(trees) + "end of trees\n"
    return lightgbm.Booster(model_str=text)


def _tree(forest: Forest, number: int, nodes: range) -> str:
    """One tree in LightGBM's words: its splits are numbered by themselves, its leaves as -1 - n."""
    splits = [node for node in nodes if forest.feature[node] != LEAF]
    leaves = [node for node in nodes if forest.feature[node] == LEAF]
    called = {node: place for place, node in enumerate(splits)}
    called |= {node: -1 - place for place, node in enumerate(leaves)}
    values = forest.value / float(1 << MARGIN_BITS)
    of_splits = {
        "split_feature": forest.feature[splits].tolist(),
        "split_gain": [0] * len(splits),
        "threshold": [repr(cell) for cell in forest.threshold[splits].tolist()],
        "decision_type": (_NAN + _NULL_LEFT * forest.null_left[splits]).tolist(),
        "left_child": [called[node] for node in forest.left[splits].tolist()],
        "right_child": [called[node] for node in forest.right[splits].tolist()],
        "leaf_value": [repr(cell) for cell in values[leaves].tolist()],
        "leaf_weight": [0] * len(leaves),
        "leaf_count": forest.cover[leaves].tolist(),
        "internal_value": [repr(cell) for cell in values[splits].tolist()],
        "internal_weight": [0] * len(splits),
        "internal_count": forest.cover[splits].tolist(),
    }
    lines = [f"Tree={number}", f"num_leaves={len(leaves)}", "num_cat=0"]
    lines += [f"{name}={_cells(cells)}" for name, cells in of_splits.items()]
    return "\n".join([*lines, "is_linear=0", "shrinkage=1"]) + "\n\n\n"


def _cells(cells: Iterable[object]) -> str:
    return " ".join(map(str, cells))
