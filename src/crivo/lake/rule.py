"""Rules of quality: what a row must be, and under which code it waits in quarantine where not.

A rule is data. Engines that make rows judge them by it, and the table itself keeps most of
them as constraints, so that no other writer can put in what the rule forbids.
"""

from __future__ import annotations

from dataclasses import dataclass

from crivo.domain.errors import Code


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= column <= high`; a null holds."""

    code: Code
    column: str
    low: int
    high: int

    @property
    def words(self) -> str:
        """The condition for people."""
        return f"{self.low} to {self.high}"

    @property
    def sql(self) -> str:
        """The condition in SQL, as both engines read it."""
        within = f"{self.column} >= {self.low} AND {self.column} <= {self.high}"
        return f"{self.column} IS NULL OR {within}"


@dataclass(frozen=True, slots=True)
class NotAfter:
    """`column <= other + slack`, all in microseconds; a null holds."""

    code: Code
    column: str
    other: str
    slack: int

    @property
    def words(self) -> str:
        """The condition for people."""
        return f"at most {self.other} + {self.slack} microseconds"

    @property
    def sql(self) -> str:
        """The condition in SQL, as both engines read it."""
        return f"{self.column} IS NULL OR {self.column} <= {self.other} + {self.slack}"


@dataclass(frozen=True, slots=True)
class LongAs:
    """The bytes of a cell are so many; a null holds.

    It is no constraint of the table: the engines have no common word for the length of bytes.
    """

    code: Code
    column: str
    length: int

    @property
    def words(self) -> str:
        """The condition for people."""
        return f"{self.length} bytes"


#: What a table keeps as constraints.
Constraint = Between | NotAfter

Rule = Constraint | LongAs
