"""The laws of `Lake` and `LakeTable`, in every store that tables lie in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import count, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crivo.adapters.delta.lake import DeltaLake
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.flows.arrow import arrow_schema
from crivo.flows.lake import Lake
from crivo.lake.column import Column, Kind
from crivo.lake.rule import Between
from crivo.lake.table import DAY, Table
from tests.ports.gcs import bucket

DAYS = (date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22))
VALUE = Column("value", Kind.INTEGER, is_nullable=False)
#: A table with days, whose values are to be below a hundred, and one without.
DAILY = Table(
    "silver.laws",
    (Column(DAY, Kind.DATE, is_nullable=False), VALUE),
    key=("value",),
    rules=(Between(Code.FIELD_VALUE, "value", 0, 99),),
)
WHOLE = Table("gold.laws", (VALUE,), key=("value",), partition=None)

_places = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory, require_program) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("bucket")
    with bucket(require_program("fake-gcs-server"), folder, "lake") as options:
        yield options


@pytest.fixture(params=["a folder", pytest.param("a bucket", marks=pytest.mark.slow)])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    if request.param == "a folder":
        return DeltaLake(str(tmp_path), {})
    return DeltaLake(f"gs://lake/{next(_places)}", request.getfixturevalue("store"))


def daily(*cells: tuple[int, int]) -> pa.Table:
    """Rows of `DAILY`: the place of a day in `DAYS`, and a value."""
    made = [{DAY: DAYS[day], "value": value} for day, value in cells]
    return pa.Table.from_pylist(made, schema=arrow_schema(DAILY))


def whole(*values: int) -> pa.Table:
    """Rows of `WHOLE`."""
    return pa.Table.from_pylist([{"value": each} for each in values], schema=arrow_schema(WHOLE))


def cells(rows: pa.Table) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in rows.to_pylist())


def held(lake: Lake, table: Table) -> list[tuple[Any, ...]]:
    return cells(lake.open(table).read())


def test_a_table_is_made_where_there_is_none(lake):
    assert not lake.has(DAILY)
    first = lake.open(DAILY)
    assert lake.has(DAILY) and not lake.has(WHOLE)
    assert lake.open(DAILY).version == first.version
    assert held(lake, DAILY) == [] and first.counts() == {} and first.position("a") is None


def test_a_table_of_other_columns_is_refused(lake):
    lake.open(DAILY)
    other = (*DAILY.columns, Column("another", Kind.INTEGER))
    with pytest.raises(Misconfigured) as refused:
        lake.open(replace(DAILY, columns=other))
    assert refused.value.code is Code.LAKE_DIFFERS


def test_rows_are_read_as_they_are_wanted_and_counted_by_day(lake):
    assert lake.open(DAILY).append(daily((0, 1), (0, 2), (1, 3)), {})
    table = lake.open(DAILY)
    assert table.counts() == {DAYS[0]: 2, DAYS[1]: 1}
    assert table.read(["value"]).column_names == ["value"]
    assert cells(table.read(["value"], {DAY: [DAYS[0]]})) == [(1,), (2,)]
    assert cells(table.read(None, {"value": range(2, 9), DAY: DAYS[:1]})) == [(DAYS[0], 2)]


def test_a_reader_sees_a_write_whole_or_not_at_all(lake):
    """Law 1: each write is one version, and a table that was opened stays what it was."""
    lake.open(DAILY).append(daily(*((day, 0) for day in (0, 1))), {})
    seen, is_over = [], threading.Event()

    def look():
        while not is_over.is_set():
            seen.append(held(lake, DAILY))

    with ThreadPoolExecutor(1) as beside:
        looking = beside.submit(look)
        try:
            for number in range(1, 6):
                before = lake.open(DAILY)
                stood = held(lake, DAILY)
                assert lake.open(DAILY).replace(daily((0, number), (1, number)), DAYS[:2])
                assert cells(before.read()) == stood
                assert lake.open(DAILY).version == before.version + 1
        finally:
            is_over.set()
        looking.result()
    assert all(len(rows) == 2 and rows[0][1] == rows[1][1] for rows in seen), seen


def test_an_append_whose_positions_another_has_moved_changes_nothing(lake):
    """Law 2."""
    first, second, other = (lake.open(DAILY) for _ in range(3))
    assert first.append(daily((0, 1)), {"a": 1, "b": 1})
    assert not second.append(daily((0, 2)), {"b": 1, "c": 1})
    assert other.append(daily((0, 3)), {"c": 5})
    assert held(lake, DAILY) == [(DAYS[0], 1), (DAYS[0], 3)]
    assert [lake.open(DAILY).position(each) for each in "abc"] == [1, 1, 5]


def test_of_appends_at_once_that_move_one_position_one_is_written(lake):
    """Law 2, with others beside."""
    handles = [lake.open(DAILY) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda at: handles[at].append(daily((0, at)), {"a": at}), range(4)))
    assert sum(done) == 1
    assert held(lake, DAILY) == [(DAYS[0], done.index(True))]
    assert lake.open(DAILY).position("a") == done.index(True)


def test_a_replacement_leaves_the_rows_of_all_other_days(lake):
    """Law 3."""
    lake.open(DAILY).append(daily((0, 1), (1, 2), (2, 3)), {"a": 1})
    assert lake.open(DAILY).replace(daily((0, 4), (0, 5)), DAYS[:2])
    assert held(lake, DAILY) == [(DAYS[0], 4), (DAYS[0], 5), (DAYS[2], 3)]
    assert lake.open(DAILY).position("a") == 1
    assert lake.open(DAILY).replace(daily((1, 6)), None)
    assert held(lake, DAILY) == [(DAYS[1], 6)]


def test_a_replacement_that_meets_anothers_write_changes_nothing(lake):
    """Law 3: whatever was there, and whatever the other wrote."""
    theirs = (
        lambda table: table.replace(daily((0, 1)), DAYS[:1]),
        lambda table: table.replace(daily((1, 1)), DAYS[1:2]),
        lambda table: table.replace(daily(), None),
        lambda table: table.append(daily((1, 1)), {}),
    )
    ours = (([], (daily((0, 2)), DAYS[:1])), ([(0, 0)], (daily(), None)))
    for number, (other, (before, own)) in enumerate(product(theirs, ours)):
        table = replace(DAILY, name=f"silver.laws_{number}", rules=())
        lake.open(table).append(daily(*before), {})
        opened = lake.open(table)
        assert other(lake.open(table))
        stood = held(lake, table)
        assert not opened.replace(*own), number
        assert held(lake, table) == stood, number


def test_a_replacement_of_a_whole_table_that_meets_anothers_changes_nothing(lake):
    """Law 3, of a table without days: also of one that nothing was in."""
    for number, before in enumerate(([], [0])):
        table = replace(WHOLE, name=f"gold.laws_{number}")
        lake.open(table).append(whole(*before), {})
        opened = lake.open(table)
        assert lake.open(table).replace(whole(1), None)
        assert not opened.replace(whole(2), None), number
        assert held(lake, table) == [(1,)], number


def test_of_replacements_at_once_one_is_written(lake):
    """Law 3, with others beside."""
    handles = [lake.open(DAILY) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda at: handles[at].replace(daily((at % 3, at)), [DAYS[at % 3]]), range(4))
        )
    assert sum(done) == 1
    assert held(lake, DAILY) == [(DAYS[done.index(True) % 3], done.index(True))]


def test_what_breaks_a_rule_of_the_table_is_never_written(lake):
    """Law 4."""
    lake.open(DAILY).append(daily((0, 99)), {})
    version = lake.open(DAILY).version
    for write in (
        lambda table: table.append(daily((0, 1), (0, 100)), {"a": 1}),
        lambda table: table.replace(daily((0, 1), (0, -1)), DAYS[:1]),
    ):
        with pytest.raises(Refused) as refused:
            write(lake.open(DAILY))
        assert refused.value.code is Code.LAKE_DIFFERS
    assert held(lake, DAILY) == [(DAYS[0], 99)]
    assert (lake.open(DAILY).version, lake.open(DAILY).position("a")) == (version, None)
