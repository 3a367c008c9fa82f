"""Whether so many cells of a table of rows cannot be read that it is no slip."""

from __future__ import annotations

from collections import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows.mapping import Label, Mapping
from crivo.flows.ports import Table

#: Of a table's rows so many may hold what cannot be read in one column, and ten in any case: a slip
#: here and there. Beyond that the column is so by the way it is made, and the rows that would be
#: left out for it are no accident. Labels that cannot be read are measured by the frauds, too.
UNREADABLE_SHARE_MAX: Final = 0.01
_UNREADABLE_MIN: Final = 10
#: How a cell is written that holds nothing, and how many are looked at together.
_EMPTY: Final = (None, "", b"")
_LOOKED_AT: Final = 10_000
#: Values that a refusal for them shows.
_VALUES_SHOWN: Final = 5


@dataclass(slots=True)
class Unreadable:
    """The rows that were refused for what one column holds: how many, as what, with examples."""

    code: Code
    expected: str
    rows: int = 0
    found: dict[str, None] = field(default_factory=dict)

    def add(self, found: str) -> None:
        """One more row, and what it holds."""
        self.rows += 1
        if len(self.found) < _VALUES_SHOWN:
            self.found[found] = None


def count_unreadable(counts: dict[str, Unreadable], refusal: Refused) -> None:
    """Counts one more row under the column that it was refused for."""
    said = {name: str(refusal.context[name]) for name in ("field", "expected", "found")}
    each = counts.setdefault(said["field"], Unreadable(refusal.code, said["expected"]))
    each.add(said["found"])


def check_readable(
    unreadable: abc.Mapping[str, Unreadable],
    mapping: Mapping,
    rows: int,
    *,
    read: int,
    kept: bool = True,
) -> None:
    """Nothing, where few of a table's rows were refused for what one of its columns holds.

    `kept` says whether such rows lie in quarantine.

    Raises:
        Refused: with the code by which the first of them was.
    """
    most = max(_UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * rows))
    for name, each in unreadable.items():
        if each.rows > most:
            raise _too_many(name, each, mapping, f"{most:,} of {rows:,} rows", read, kept=kept)


def check_labels(
    unreadable: abc.Mapping[str, Unreadable],
    mapping: Mapping,
    label: Label,
    frauds: int,
    rows: int,
) -> None:
    """Nothing, where few labels cannot be read beside those that say fraud: frauds are rare, and
    what a hundredth of all rows hides may be most of them.

    Raises:
        Refused: as `check_readable`.
    """
    most = max(_UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * frauds))
    each = unreadable.get(label.column)
    if each is not None and each.rows > most:
        among = f"{most:,} rows beside {frauds:,} that are called fraud"
        raise _too_many(label.column, each, mapping, among, rows)


def check_labels_due(label: Label, known: Sequence[int], until: int) -> None:
    """Nothing, where of the instants at which frauds are known few lie at or after `until`: such a
    fraud would count as honest.

    Raises:
        Refused: TIME_RANGE.
    """
    most = max(_UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * len(known)))
    later = [instant for instant in known if instant >= until]
    if len(later) > most:
        raise Refused(
            Code.TIME_RANGE,
            f"{len(later):,} of {len(known):,} frauds are said to be known later than the log's "
            "clock, and would count as honest",
            hint="Look at `known_at` of [label] in the mapping: its column, and the unit and zone "
            "of [time]. Where the table lies in the future, use a replay clock.",
            field=label.known_at,
            expected=f"nothing at or after {format_rfc3339(until)}, but for {most:,} frauds",
            found=f"{len(later):,} later, the furthest {format_rfc3339(max(later))}",
        )


def check_filled(table: Table, mapping: Mapping) -> None:
    """Nothing, where every column of a table of transfers that may be empty in a row holds
    something in some row. Without a time, an id, a payer or an amount a row is refused by itself.

    Raises:
        Refused: FIELD_MISSING for the first that does not.
    """
    told = {} if mapping.transfer is None else mapping.transfer.columns()
    names = [column for field, column in told.items() if field not in {"id", "payer"}]
    if mapping.label is not None:
        names += [name for name in (mapping.label.column, mapping.label.known_at) if name]
    for name in names if table.row_count else ():
        if not any(
            cell not in _EMPTY
            for start in range(0, table.row_count, _LOOKED_AT)
            for cell in table.cells(name, range(start, min(start + _LOOKED_AT, table.row_count)))
        ):
            raise Refused(
                Code.FIELD_MISSING,
                f"the column {name} holds nothing in any row",
                hint="Take it out of the mapping, or look at how the table was written.",
                field=name,
                expected="a value in some row",
                found="nothing",
            )


def _too_many(
    name: str, each: Unreadable, mapping: Mapping, most: str, read: int, *, kept: bool = True
) -> Refused:
    """The refusal of a table for what a column holds."""
    section, advice = _role(name, mapping)
    return Refused(
        each.code,
        f"the {section} {name} cannot be read in too many rows",
        hint=f"{advice}; the rows lie in quarantine." if kept else f"{advice}.",
        field=name,
        expected=f"{each.expected}, but for {most}",
        found=f"{each.rows:,} others in the first {read:,} rows: {', '.join(each.found)}",
    )


def _role(name: str, mapping: Mapping) -> tuple[str, str]:
    """What a column is to a table, and what can be done where it cannot be read."""
    if mapping.timed is not None and name == mapping.timed.column:
        return "time", "Look at [time] in the mapping: its column, unit and zone"
    if mapping.label is not None and name == mapping.label.column:
        return "label", "Say in `positive` of [label] what is fraud, or write 1, 0 or nothing"
    if mapping.weight is not None and name == mapping.weight.column:
        return "weight", "Give each row a weight above 0, or take [weight] out"
    if mapping.amount is not None and name == mapping.amount.column:
        return "amount", "Look at [amount] in the mapping: its column and unit"
    if mapping.entity is not None and name == mapping.entity.column:
        return "entity", "Say in each row whose it is, or take [entity] out"
    return "input", "Write nothing where it is not defined, or take it out of [features]"


def columns_about(mapping: Mapping, label: Label) -> set[str]:
    """The columns that say more of a row than an input of it."""
    others = (mapping.timed, mapping.weight, mapping.amount, mapping.entity)
    return {label.column} | {each.column for each in others if each is not None}
