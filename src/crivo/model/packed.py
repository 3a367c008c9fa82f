"""A forest as the scorer walks it: small nodes, siblings together, like depths in groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.model.artifact import LEAF, Forest

#: Four nodes a cache line. The right child stands after the left; a leaf is its own left child, and
#: whatever comes to it stays, so that every walk of a group can take as many steps as its longest.
NODE: Final = np.dtype(
    [
        ("threshold", np.float64),
        ("left", np.int32),
        ("feature", np.int16),
        ("null_left", np.int16),
    ]
)


@dataclass(frozen=True, slots=True)
class Packed:
    """`nodes` (NODE[N]) and their values (int64[N], 2^-40).

    `roots` (int32[lanes * G]) are those of G groups, the last filled with trees that add nothing,
    and `depths` (int32[G]) the steps from a root to the deepest leaf of a group.
    """

    nodes: npt.NDArray[Any]
    values: npt.NDArray[np.int64]
    roots: npt.NDArray[np.int32]
    depths: npt.NDArray[np.int32]


def pack(forest: Forest, *, lanes: int) -> Packed:
    """The same trees in groups of `lanes`, shallow ones first: a sum of integers has no order."""
    trees = sorted((list(_levels(forest, root)) for root in forest.roots.tolist()), key=len)
    places: list[int] = []
    roots = []
    for levels in trees:
        roots.append(len(places))
        places += [place for level in levels for place in level]
    nothing = len(places)
    roots += [nothing] * (-len(roots) % lanes)
    depths = [len(levels) - 1 for levels in trees]
    groups = [max(depths[start : start + lanes]) for start in range(0, len(depths), lanes)]
    return Packed(
        nodes=_nodes(forest, places),
        values=np.append(forest.value[places], 0).astype(np.int64),
        roots=np.array(roots, np.int32),
        depths=np.array(groups, np.int32),
    )


def _levels(forest: Forest, root: int) -> Iterator[list[int]]:
    """The places of a tree's nodes, level by level, siblings side by side."""
    level = [root]
    while level:
        yield level
        inner = [place for place in level if forest.feature[place] != LEAF]
        level = [int(side[place]) for place in inner for side in (forest.left, forest.right)]


def _nodes(forest: Forest, places: list[int]) -> npt.NDArray[Any]:
    at = np.empty(len(forest.feature), np.int32)
    at[places] = np.arange(len(places), dtype=np.int32)
    nodes = np.empty(len(places) + 1, NODE)
    nodes["left"] = np.arange(len(nodes))
    nodes["threshold"], nodes["feature"], nodes["null_left"] = np.inf, 0, 1
    is_inner = forest.feature[places] != LEAF
    inner = np.array(places, np.int32)[is_inner]
    for name in ("threshold", "feature", "null_left"):
        nodes[name][:-1][is_inner] = getattr(forest, name)[inner]
    nodes["left"][:-1][is_inner] = at[forest.left[inner]]
    return nodes
