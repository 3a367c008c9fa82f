"""Merkle trees: the roots of RFC 6962's own tests, and paths that prove one leaf and no other."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.governance.merkle import leaf_hash, merkle_path, merkle_root, root_of_path

#: The tree of the tests of Certificate Transparency (RFC 6962): leaves, and the root over the first
#: n of them.
LEAVES = [
    leaf_hash(bytes.fromhex(each))
    for each in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_the_rfc(count):
    assert merkle_root(LEAVES[:count]).hex() == ROOTS[count - 1]


def split_root(leaves):
    """The RFC's own words: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while 2 * middle < len(leaves):
        middle *= 2
    halves = split_root(leaves[:middle]) + split_root(leaves[middle:])
    return hashlib.sha256(b"\1" + halves).digest()


def some(count):
    return [leaf_hash(b"%d" % number) for number in range(count)]


@given(st.integers(1, 300), st.data())
def test_every_leaf_is_proven_by_its_path_and_by_no_other(count, data):
    leaves = some(count)
    root = merkle_root(leaves)
    assert root == split_root(leaves)
    index = data.draw(st.integers(0, count - 1))
    path = merkle_path(leaves, index)
    assert root_of_path(leaves[index], index=index, count=count, path=path) == root
    other = data.draw(st.integers(0, count - 1))
    if other != index:
        assert root_of_path(leaves[other], index=index, count=count, path=path) != root
        assert root_of_path(leaves[index], index=other, count=count, path=path) != root


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9])
def test_a_path_of_another_length_proves_nothing(count):
    leaves = some(count)
    path = merkle_path(leaves, 0)
    longer = [*path, leaves[0]]
    assert root_of_path(leaves[0], index=0, count=count, path=longer) is None
    if path:
        assert root_of_path(leaves[0], index=0, count=count, path=path[:-1]) is None
