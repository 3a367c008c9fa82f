"""What a table is made of: pieces of columns, and the day on which their rows happened."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from crivo.simulator.draws import Bools, Int64s


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"  # UTF-8
    WORD = "word"  # text of few distinct values
    INTEGER = "integer"
    MONEY = "money"  # centavos, written as reais with a point
    INSTANT = "instant"  # microseconds since 1970 UTC
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of some rows. `values` are bytes, int64 or bool; `missing` marks the nulls."""

    name: str
    kind: Kind
    values: npt.NDArray[np.bytes_] | Int64s | Bools
    missing: Bools | None = None


Columns = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a table; `day` is their Brasília date, where the table has rows by day."""

    table: str
    columns: Columns
    day: dt.date | None = None

    def __len__(self) -> int:
        return len(self.columns[0].values)


def words(values: tuple[str, ...]) -> npt.NDArray[np.bytes_]:
    """Words as bytes, to be indexed by their place."""
    return np.asarray([str(value).encode() for value in values])
