"""Lineage: which events of bronze a row of gold was made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from crivo.domain.errors import Code, invalid
from crivo.flows.gold import QUALITY, REFINED
from crivo.flows.lake import Lake, LakeTable
from crivo.lake.measure import Gold, Part
from crivo.lake.table import PLACE, QUARANTINE, Table

#: Cells by the names of their columns.
Cells = Mapping[str, Any]

#: Cells in the order of some columns.
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """The places of events in the log, and the versions of the tables that they were found by."""

    places: tuple[tuple[str, int, int], ...]
    versions: Mapping[str, int]


def trace(
    lake: Lake, golds: Mapping[str, Gold], tables: Callable[[str], Table], gold: Gold, key: Cells
) -> Origin:
    """Where the events lie that made the rows of a gold table with these keys.

    Raises:
        Refused: FIELD_MISSING for a key of the table that is not given.
    """
    _check_whole(gold.name, [column.name for column in gold.keys], key)
    found: set[Row] = set()
    versions: dict[str, int] = {}
    names = _keys(gold)
    waiting: list[tuple[Gold, Part, set[Row]]] = [
        (gold, part, {tuple(key[name] for name in names)}) for part in gold.parts
    ]
    seen: set[tuple[str, Row]] = set()
    while waiting:
        above, part, groups = waiting.pop()
        table = tables(part.source)
        if not lake.has(table):
            continue
        handle = lake.open(table)
        versions[part.source] = handle.version
        inner = golds.get(part.source)
        below = _rows_of(
            handle, part, _keys(above), groups, PLACE if inner is None else _keys(inner)
        )
        if inner is None:
            found |= below
            continue
        fresh = {row for row in below if (inner.name, row) not in seen}
        seen |= {(inner.name, row) for row in fresh}
        if fresh:
            waiting += [(inner, each, fresh) for each in inner.parts]
    return Origin(tuple(sorted(found)), versions)


def trace_quality(lake: Lake, silvers: Mapping[str, Table], key: Cells) -> Origin:
    """Where the events lie that a row of `gold.quality` counts; `silvers` are the tables by schema.

    Raises:
        Refused: FIELD_MISSING for a key of the table that is not given.
    """
    _check_whole(QUALITY.name, QUALITY.key, key)
    is_refined = key["code"] == REFINED
    table = silvers.get(key["schema"]) if is_refined else QUARANTINE
    if table is None or not lake.has(table):
        return Origin((), {})
    among = {name: [key[name]] for name in QUALITY.key if name != "code" or not is_refined}
    handle = lake.open(table)
    rows = handle.read(PLACE, among)
    places = zip(*(rows[name].to_pylist() for name in PLACE), strict=True)
    return Origin(tuple(sorted(places)), {table.name: handle.version})


def _check_whole(table: str, names: Collection[str], key: Cells) -> None:
    for name in names:
        if name not in key:
            raise invalid(
                Code.FIELD_MISSING,
                field=name,
                expected=f"a value of each key of {table}",
                found=None,
            )


def _keys(gold: Gold) -> tuple[str, ...]:
    return tuple(column.name for column in gold.keys)


def _rows_of(
    handle: LakeTable, part: Part, keys: Sequence[str], groups: set[Row], names: Sequence[str]
) -> set[Row]:
    """These columns of a part's rows that are in one of the groups; a group is its keys' cells.

    The source is read once for all of them: a table is opened, and its files are, in as much time
    for one row as for thousands.
    """
    of_keys = [part.keys[name] for name in keys]
    cells = zip(*groups, strict=True)
    among = {name: set(each) for name, each in zip(of_keys, cells, strict=True)}
    rows = handle.read(list(dict.fromkeys([*of_keys, *names, *part.where])), among)
    for name, value in part.where.items():
        rows = rows.filter(pc.fill_null(pc.equal(rows[name], value), False))
    # Each cell is that of some group: all of them together need not be.
    of_groups = zip(*(rows[name].to_pylist() for name in of_keys), strict=True)
    wanted = zip(*(rows[name].to_pylist() for name in names), strict=True)
    return {row for group, row in zip(of_groups, wanted, strict=True) if group in groups}
