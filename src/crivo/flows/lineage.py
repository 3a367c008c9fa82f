"""Lineage: which events of bronze a row of gold was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crivo.domain.errors import Code, invalid
from crivo.flows.lake import Lake
from crivo.lake.measure import Gold, Part
from crivo.lake.table import PLACE, Table

#: Cells by the names of their columns.
Cells = Mapping[str, Any]


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
    for column in gold.keys:
        if column.name not in key:
            raise invalid(
                Code.FIELD_MISSING,
                field=column.name,
                expected=f"a value of each key of {gold.name}",
                found=None,
            )
    found: set[tuple[str, int, int]] = set()
    versions: dict[str, int] = {}
    waiting: list[tuple[Part, Cells]] = [(part, key) for part in gold.parts]
    seen: set[tuple[str, tuple[Any, ...]]] = set()
    while waiting:
        part, cells = waiting.pop()
        table = tables(part.source)
        if not lake.has(table):
            continue
        handle = lake.open(table)
        versions[part.source] = handle.version
        among = {part.keys[name]: [cells[name]] for name in part.keys}
        inner = golds.get(part.source)
        names = PLACE if inner is None else tuple(column.name for column in inner.keys)
        wanted = list(dict.fromkeys([*names, *part.where]))
        rows = _matching(handle.read(wanted, among), part)
        if inner is None:
            found.update(zip(*(rows[name].to_pylist() for name in PLACE), strict=True))
            continue
        for each in rows.to_pylist():
            mark = (inner.name, tuple(each[name] for name in names))
            if mark not in seen:
                seen.add(mark)
                waiting += [(below, each) for below in inner.parts]
    return Origin(tuple(sorted(found)), versions)


def _matching(rows: pa.Table, part: Part) -> pa.Table:
    for name, value in part.where.items():
        rows = rows.filter(pc.fill_null(pc.equal(rows[name], value), False))
    return rows
