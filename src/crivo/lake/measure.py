"""Gold tables as data: groups of the rows of other tables, and what is told of each group.

A table has parts, one a source; groups of equal keys become one row, whichever parts they come of.
So nothing is ever joined, and every engine that can group can make every gold table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crivo.lake.column import Column, Kind
from crivo.lake.table import DAY, LEGAL_DAYS, Table


class Statistic(StrEnum):
    """What is told of a group. No row: a count and a sum are 0, the least and greatest null."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


#: Of a source's rows, those alone whose cells are equal to these.
Where = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a gold table: a statistic of a source's column, over some of its rows."""

    name: str
    statistic: Statistic
    column: str | None = None
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What one source tells. `keys` names the source's column of each key of the table; a row in
    which one of them is null is in no group.
    """

    source: str
    keys: Mapping[str, str]
    measures: tuple[Measure, ...]
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold table: its keys, what is measured (name to kind), and the parts it is made of.

    With the key `day` it is made anew day by day, else as a whole.
    """

    name: str
    keys: tuple[Column, ...]
    measured: tuple[Column, ...]
    parts: tuple[Part, ...]
    retention_days: int | None = LEGAL_DAYS

    def __post_init__(self) -> None:
        names = {column.name for column in self.keys}
        measured = {column.name for column in self.measured}
        for part in self.parts:
            assert set(part.keys) == names, f"{self.name}: {part.source} tells other keys"
            told = {measure.name for measure in part.measures}
            assert told <= measured, f"{self.name} has no {told - measured}"

    @property
    def is_daily(self) -> bool:
        """Whether it is made day by day."""
        return any(column.name == DAY for column in self.keys)

    @property
    def table(self) -> Table:
        """The table itself."""
        return Table(
            self.name,
            (*self.keys, *self.measured),
            key=tuple(column.name for column in self.keys),
            partition=DAY if self.is_daily else None,
            retention_days=self.retention_days if self.is_daily else None,
        )

    def statistic(self, name: str) -> Statistic:
        """The statistic of a measured column: the same in every part that tells it, where counts
        and sums are one.
        """
        found = {
            measure.statistic for part in self.parts for measure in part.measures
            if measure.name == name
        }  # fmt: skip
        if found <= {Statistic.COUNT, Statistic.SUM}:
            return Statistic.SUM
        assert len(found) == 1, f"{self.name}.{name} is told in {len(found)} ways"
        return found.pop()


def count(name: str, where: Where | None = None) -> Measure:
    """How many rows of a group there are."""
    return Measure(name, Statistic.COUNT, None, where or {})


def total(name: str, column: str, where: Where | None = None) -> Measure:
    """The sum of a column over a group."""
    return Measure(name, Statistic.SUM, column, where or {})


def least(name: str, column: str, where: Where | None = None) -> Measure:
    """The least of a column over a group."""
    return Measure(name, Statistic.MIN, column, where or {})


def greatest(name: str, column: str | None = None, where: Where | None = None) -> Measure:
    """The greatest of a column over a group; of a column with one value, that value."""
    return Measure(name, Statistic.MAX, column or name, where or {})


def integers(*names: str) -> tuple[Column, ...]:
    """Measured columns of numbers."""
    return tuple(Column(name, Kind.INTEGER) for name in names)
