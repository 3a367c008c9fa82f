"""Rows of Arrow in the order of their keys, and groups of equal keys as a row each.

Keys become their ranks, and a row's ranks and its place one integer. Integers are sorted several
times as fast as texts, which gives the groups and the order of what is told of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crivo.lake.measure import Statistic

#: Bits of an integer that can be told apart by sign alone: what a row's ranks and place have.
_BITS: Final = 63

Places = NDArray[np.int64]


def order_of(rows: pa.Table, keys: Sequence[str]) -> tuple[Places, Places]:
    """The rows in the order of these keys (ascending, none of them null), rows with equal keys as
    they came; and the places in that order where a group of equal keys begins.
    """
    ranks = [_ranks(rows[key]) for key in keys]
    sizes = [int(rank.max(initial=0)) + 1 for rank in ranks]
    place_bits = rows.num_rows.bit_length()
    if math.prod(sizes).bit_length() + place_bits < _BITS:
        code = np.zeros(rows.num_rows, dtype=np.int64)
        for rank, size in zip(ranks, sizes, strict=True):
            code *= size
            code += rank
        code <<= place_bits
        code |= np.arange(rows.num_rows)
        code.sort()
        order = code & ((1 << place_bits) - 1)
        ranks = [code >> place_bits]
    else:
        order = np.lexsort(ranks[::-1])
        ranks = [rank[order] for rank in ranks]
    begins = np.zeros(rows.num_rows, dtype=np.bool_)
    begins[:1] = True
    for rank in ranks:
        begins[1:] |= rank[1:] != rank[:-1]
    return order, np.flatnonzero(begins)


def grouped(rows: pa.Table, keys: Sequence[str], told: Mapping[str, Statistic]) -> pa.Table:
    """A row for each group of equal keys, in their order: the keys, and what is told of each column
    (of integers, where it is a sum). Nulls are passed over; of nothing but them a sum is 0.
    """
    order, starts = order_of(rows, keys)
    sizes = np.diff(starts, append=rows.num_rows)
    groups = _Groups(order, starts, sizes)
    columns = {key: rows[key].take(pa.array(groups.first)) for key in keys}
    for name, statistic in told.items():
        columns[name] = groups.told(rows[name], statistic)
    return pa.table(columns)


class _Groups:
    """Groups of rows, each of one row or of many.

    Args:
        order: The rows, those of a group beside each other.
        starts: Where each group starts in that order.
        sizes: How many rows each group has.
    """

    def __init__(self, order: Places, starts: Places, sizes: Places) -> None:
        #: The first row of each group.
        self.first = order[starts]
        self._is_many = sizes > 1
        #: The rows of groups of many, and where among them each group starts.
        self._rows = order[np.repeat(self._is_many, sizes)]
        self._sizes = sizes[self._is_many]
        self._starts = np.cumsum(self._sizes) - self._sizes

    def told(self, column: pa.ChunkedArray, statistic: Statistic) -> pa.Array | pa.ChunkedArray:
        """What is told of a column, a cell a group."""
        if statistic in {Statistic.COUNT, Statistic.SUM}:
            return pa.array(self._reduced(pc.fill_null(column, 0).to_numpy(), np.add))
        is_least = statistic is Statistic.MIN
        if pa.types.is_int64(column.type):
            bounds = np.iinfo(np.int64)
            blank = bounds.max if is_least else bounds.min
            cells = pc.fill_null(column, blank).to_numpy()
            found = self._reduced(cells, np.minimum if is_least else np.maximum)
            if not column.null_count:
                return pa.array(found)
            is_valid = self._reduced(column.is_valid().to_numpy(), np.logical_or)
            return pa.array(found, mask=~is_valid)
        chosen = self.first.copy()
        if self._rows.size:
            chosen[self._is_many] = self._chosen(column, is_least=is_least)
        return column.take(pa.array(chosen))

    def _reduced(self, cells: NDArray[Any], reduce: np.ufunc) -> NDArray[Any]:
        found = cells[self.first]
        if self._rows.size:
            found[self._is_many] = reduce.reduceat(cells[self._rows], self._starts)
        return found

    def _chosen(self, column: pa.ChunkedArray, *, is_least: bool) -> Places:
        """The row of each group of many that has its least cell, or its greatest."""
        is_valid = column.is_valid().to_numpy()[self._rows]
        found = np.maximum.reduceat(np.where(is_valid, self._rows, -1), self._starts)
        found = np.where(found < 0, self._rows[self._starts], found)
        is_open = np.add.reduceat(is_valid, self._starts, dtype=np.intp) > 1
        if not is_open.any():
            return found
        # Several rows tell it, and not what one alone does.
        numbers = np.repeat(np.arange(self._sizes.size), self._sizes)
        asked = is_valid & np.repeat(is_open, self._sizes)
        rows, numbers = self._rows[asked], numbers[asked]
        order = np.lexsort([_ranks(column.take(pa.array(rows))), numbers])
        asked_of = np.flatnonzero(is_open)
        if is_least:
            ends = np.searchsorted(numbers, asked_of, "left")
        else:
            ends = np.searchsorted(numbers, asked_of, "right") - 1
        found[is_open] = rows[order[ends]]
        return found


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Integers from 0 on that compare as the cells do."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_integer(column.type):
        cells: NDArray[np.int64] = column.to_numpy().astype(np.int64)
        return cells - cells.min() if cells.size else cells
    encoded = column.combine_chunks().dictionary_encode()
    ranks = np.empty(len(encoded.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(ranks))
    found: NDArray[np.int64] = ranks[encoded.indices.to_numpy()]
    return found
