"""Whether so many cells of a table to train on cannot be read that it is no slip."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows.cells import is_absent
from crivo.flows.mapping import Label, Mapping
from crivo.flows.ports import Table
from crivo.flows.rows import RowReader

#: Of a table's rows so many may hold what cannot be read in one column, and ten in any case: a slip
#: here and there. Beyond that the column is so by the way it is made, and the rows that would be
#: left out for it are no accident. Labels that cannot be read are measured by the frauds, too.
UNREADABLE_SHARE_MAX: Final = 0.01
UNREADABLE_MIN: Final = 10
#: Cells that are looked at together for one that holds something.
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
    most = max(UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * rows))
    for name, each in unreadable.items():
        if each.rows > most:
            raise _too_many(name, each, mapping, f"{most:,} of {rows:,} rows", read, kept=kept)


def check_labels(
    unreadable: abc.Mapping[str, Unreadable],
    mapping: Mapping,
    label: Label,
    frauds: int,
    rows: int,
    *,
    kept: bool = True,
) -> None:
    """Nothing, where few labels cannot be read beside those that say fraud: frauds are rare, and
    what a hundredth of all rows hides may be most of them.

    Raises:
        Refused: as `check_readable`.
    """
    most = max(UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * frauds))
    each = unreadable.get(label.column)
    if each is not None and each.rows > most:
        among = f"{most:,} rows beside {frauds:,} that are called fraud"
        raise _too_many(label.column, each, mapping, among, rows, kept=kept)


def check_frauds_kept(lost: abc.Mapping[str, Unreadable], label: Label, frauds: int) -> None:
    """Nothing, where few of the rows that are called fraud are lost for what they hold: a model
    would learn, and be judged, as if there had been no more frauds than the others.

    Raises:
        Refused: with the code by which the first of those was that the commonest column lost.
    """
    most = max(UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * frauds))
    rows = sum(each.rows for each in lost.values())
    if rows <= most:
        return
    name, each = max(lost.items(), key=lambda item: item[1].rows)
    where = f"{name} in the mapping and in the table"
    if name == label.known_at:
        where = "`known_at` of [label] in the mapping: its column, and the unit and zone of [time]"
    raise Refused(
        each.code,
        f"{rows:,} of the {frauds:,} rows that are called fraud cannot be read, {each.rows:,} of "
        f"them for {name}",
        hint=f"Look at {where}.",
        field=name,
        expected=f"{each.expected}, but for {most:,} frauds",
        found=", ".join(each.found),
    )


def check_labels_due(
    label: Label, known: Sequence[int], until: int, *, later_than: str = "the log's clock"
) -> None:
    """Nothing, where of the instants at which frauds are known few lie at or after `until`, which
    `later_than` names: such a fraud would count as honest.

    Raises:
        Refused: TIME_RANGE.
    """
    most = max(UNREADABLE_MIN, int(UNREADABLE_SHARE_MAX * len(known)))
    later = [instant for instant in known if instant >= until]
    if len(later) > most:
        raise Refused(
            Code.TIME_RANGE,
            f"{len(later):,} of {len(known):,} frauds are said to be known later than "
            f"{later_than}, and would count as honest",
            hint="Look at `known_at` of [label] in the mapping: its column, and the unit and zone "
            "of [time]. Where the table lies in the future, use a replay clock.",
            field=label.known_at,
            expected=f"nothing at or after {format_rfc3339(until)}, but for {most:,} frauds",
            found=f"{len(later):,} later, the furthest {format_rfc3339(max(later))}",
        )


def check_labels_to_train(
    mapping: Mapping, rows: RowReader, order: NDArray[np.int64], until: int | None
) -> None:
    """Nothing, where the labels of a table of transfers can be read, but for a few, and the rows
    that they call fraud; and where a column says when labels were known, few are known only later.

    Labels that take some days are still under way of young rows, which nobody learns from. `order`
    are the rows that have a time, by receipt; `until` is the instant after a wall clock's.

    Raises:
        Refused: as `check_labels`, `check_frauds_kept` and `check_labels_due`.
    """
    label = mapping.label
    if label is None:
        return
    wanted = rows.timeless() + order.tolist()
    unread: dict[str, Unreadable] = {}
    lost: dict[str, Unreadable] = {}
    frauds, known = [], []
    for row, fraud in zip(wanted, rows.labels(wanted), strict=True):
        if isinstance(fraud, Refused):
            count_unreadable(unread, fraud)
        elif fraud:
            frauds.append(row)
    check_labels(unread, mapping, label, len(frauds), len(wanted), kept=False)
    for found in rows.parse(frauds):
        if isinstance(found, Refused):
            count_unreadable(lost, found)
        elif found.known_at is not None:
            known.append(found.known_at)
    # Where not one is read for what another column holds, the import says why of all rows.
    if known or label.known_at in lost:
        check_frauds_kept(lost, label, len(frauds))
    if label.known_at is None or not len(order):
        return
    if until is not None:
        check_labels_due(label, known, until)
        return
    # A replay clock follows whatever it is given. A label that comes later than this can teach no
    # model of this table, and would move the clock on to itself.
    oldest, newest = (rows.received_at(int(order[place])) for place in (0, -1))
    limit = "the last row by more than the table lasts"
    check_labels_due(label, known, newest + (newest - oldest) + 1, later_than=limit)


def check_filled(tables: Iterable[Table], mapping: Mapping) -> None:
    """Nothing, where every column of tables of transfers that may be empty in a row holds something
    in some row of one of them. Without a time, an id, a payer or an amount a row is refused by
    itself. Of the tables no more are asked for than it takes.

    Raises:
        Refused: FIELD_MISSING for the first that does not.
    """
    told = {} if mapping.transfer is None else mapping.transfer.columns()
    empty = [column for field, column in told.items() if field not in {"id", "payer"}]
    if mapping.label is not None:
        empty += [name for name in (mapping.label.column, mapping.label.known_at) if name]
    rows = 0
    for table in tables:
        rows += table.row_count
        empty = [name for name in empty if not _holds_some(table, name)]
        if not empty:
            return
    if rows and empty:
        raise Refused(
            Code.FIELD_MISSING,
            f"the column {empty[0]} holds nothing in any row",
            hint="Take it out of the mapping, or look at how the table was written.",
            field=empty[0],
            expected="a value in some row",
            found="nothing",
        )


def _holds_some(table: Table, name: str) -> bool:
    """Whether a column holds something in some row."""
    return any(
        not is_absent(cell)
        for start in range(0, table.row_count, _LOOKED_AT)
        for cell in table.cells(name, range(start, min(start + _LOOKED_AT, table.row_count)))
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
