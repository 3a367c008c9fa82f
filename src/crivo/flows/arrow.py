"""Tables of the lake as Arrow: their schemas, and cells made of values."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.lake.column import Kind
from crivo.lake.table import Table

TYPES: Final = {
    Kind.INTEGER: pa.int64(),
    Kind.TEXT: pa.string(),
    Kind.BYTES: pa.binary(),
    Kind.FLAG: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.NUMBER: pa.float64(),
}

_JSON: Final = msgspec.json.Encoder()


def arrow_schema(table: Table) -> pa.Schema:
    """The schema of a table's rows."""
    return pa.schema(
        [pa.field(each.name, TYPES[each.kind], nullable=each.is_nullable) for each in table.columns]
    )


def cells_of(values: Sequence[Any], kind: Kind) -> pa.Array:
    """A column of plain values; in a column of text, what is many or has parts becomes JSON."""
    if kind is Kind.TEXT:
        first = next((each for each in values if each is not None), None)
        if isinstance(first, enum.Enum) and not isinstance(first, str):
            values = [None if each is None else str(each.value) for each in values]
        elif first is not None and not isinstance(first, str):
            values = [None if each is None else _JSON.encode(each).decode() for each in values]
    return pa.array(values, TYPES[kind])


def days_of(instants: NDArray[np.int64]) -> pa.Array:
    """Brasília's date of each instant."""
    days = ((instants + BRASILIA_OFFSET) // DAY).astype(np.int32)
    return pa.array(days, pa.int32()).cast(pa.date32())


def id_words(ids: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Ids of 16 bytes, one a row, as two integers each."""
    fixed = ids.cast(pa.binary(16)).combine_chunks()
    words: NDArray[np.uint64] = np.frombuffer(fixed.buffers()[1], np.uint64).reshape(-1, 2)
    return words[fixed.offset : fixed.offset + len(fixed)]
