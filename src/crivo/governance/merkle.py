"""Merkle trees as RFC 6962 (section 2.1) has them: roots, and paths that prove one leaf.

A leaf's hash is SHA-256(0x00 ‖ data), a node's SHA-256(0x01 ‖ left ‖ right); an odd node at the end
of a level moves up as it is, which is the RFC's split at the largest power of two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32

_LEAF: Final = b"\0"
_NODE: Final = b"\1"


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(_LEAF + data).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the hashes of the leaves, at least one."""
    assert leaves, "a tree has a leaf"
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def merkle_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from the leaf at `index` to the root, the lowest first."""
    assert 0 <= index < len(leaves)
    level, path = list(leaves), []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside])
        level, index = _above(level), index // 2
    return path


def root_of_path(leaf: bytes, *, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf's hash and its path lead to; None for a path of another length."""
    rest = list(reversed(path))
    found, last = leaf, count - 1
    while last > 0:
        if index ^ 1 <= last:
            if not rest:
                return None
            beside = rest.pop()
            found = _node(beside, found) if index & 1 else _node(found, beside)
        index, last = index // 2, last // 2
    return None if rest else found


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
