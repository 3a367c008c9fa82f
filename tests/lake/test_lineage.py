"""Which events a row of gold was made of: all of them, found by reading each source once."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pyarrow as pa
import pytest

from crivo.flows.lineage import trace
from crivo.lake.column import Column, Kind
from crivo.lake.measure import Gold, Part
from crivo.lake.registry import gold_tables
from tests.lake.lakes import Rows, contents, lake_at, log_rows, refined, refinery

pytestmark = pytest.mark.slow

GOLDS = {gold.name: gold for gold in gold_tables()}


class Opened:
    """A lake that counts how often each table is opened."""

    def __init__(self, lake):
        self._lake = lake
        self.counts = Counter()

    def has(self, table):
        return self._lake.has(table)

    def open(self, table):
        self.counts[table.name] += 1
        return self._lake.open(table)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return refined(lake_at(tmp_path_factory.mktemp("lake")), Rows(log_rows(11, 300)))


@pytest.fixture(scope="module")
def held(lake):
    return contents(lake)


def rows_above(held, part, key):
    """The rows of a part's source that are in the group of these keys, each looked at by itself."""
    wanted = {part.keys[name]: cell for name, cell in key.items()} | dict(part.where)
    return [
        row
        for row in held.get(part.source, [])
        if all(row[name] == cell for name, cell in wanted.items())
    ]


def places_of(held, gold, key):
    """The places of a row's events, from row to row."""
    found = set()
    for part in gold.parts:
        inner = GOLDS.get(part.source)
        for row in rows_above(held, part, key):
            if inner is None:
                found.add((row["stream"], row["partition"], row["offset"]))
            else:
                below = {column.name: row[column.name] for column in inner.keys}
                found |= places_of(held, inner, below)
    return found


NAMES = ["gold.volumes_hourly", "gold.account_days", "gold.account_profiles", "gold.med_outcomes"]


@pytest.mark.parametrize("name", NAMES)
def test_a_row_leads_to_the_events_that_each_row_below_it_was_made_of(lake, held, name):
    gold, tables = GOLDS[name], refinery(lake).table
    for row in held[name]:
        key = {column.name: row[column.name] for column in gold.keys}
        origin = trace(lake, GOLDS, tables, gold, key)
        assert set(origin.places) == places_of(held, gold, key) != set()


def test_no_table_is_opened_once_a_row(lake, held):
    gold = GOLDS["gold.med_outcomes"]
    day = max(held[gold.name], key=lambda row: row["transfers"])
    assert day["transfers"] > 20
    opened = Opened(lake)
    trace(opened, GOLDS, refinery(lake).table, gold, {"day": day["day"]})
    assert opened.counts["gold.transfers"] == 1
    assert max(opened.counts.values()) <= len(GOLDS["gold.transfers"].parts)


def test_rows_whose_cells_are_those_of_two_groups_are_in_neither():
    """Of the groups (1, 1) and (2, 2) a row of (1, 2) has cells of each, and is none's."""
    keys = [Column(name, Kind.INTEGER) for name in ("whole", "x", "y")]
    above = Gold("gold.above", (keys[0],), (), (Part("gold.below", {"whole": "whole"}, ()),))
    below = Gold(
        "gold.below", tuple(keys), (), (Part("silver.all", {k.name: k.name for k in keys}, ()),)
    )
    rows = {
        "gold.below": [{"whole": 7, "x": 1, "y": 1}, {"whole": 7, "x": 2, "y": 2}],
        "silver.all": [
            {"whole": 7, "x": x, "y": y, "stream": "s", "partition": x, "offset": y}
            for x in (1, 2)
            for y in (1, 2)
        ],
    }

    def opened(name):
        def read(columns, among):
            found = [row for row in rows[name] if all(row[of] in among[of] for of in among)]
            return pa.Table.from_pylist(found).select(columns)

        return SimpleNamespace(version=1, read=read)

    lake = SimpleNamespace(has=lambda name: True, open=opened)
    golds = {gold.name: gold for gold in (above, below)}
    origin = trace(lake, golds, lambda name: name, above, {"whole": 7})
    assert origin.places == (("s", 1, 1), ("s", 2, 2))
