"""Refining: nothing is lost or doubled, however a log comes, whoever is killed or beside."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.domain.instant import brasilia_day, brasilia_hour
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.refine import bronze_rows, check_conserved
from crivo.flows.silver import refine_rows, silver_tables
from crivo.lake.measure import Statistic
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE, QUARANTINE
from tests.lake.lakes import (
    Rows,
    clear,
    contents,
    declared,
    lake_at,
    log_rows,
    quiet,
    refined,
    refinery,
)

SEED = 11


@pytest.fixture(scope="module")
def rows():
    return log_rows(SEED, 300)


@pytest.fixture(scope="module")
def whole(rows, tmp_path_factory):
    """What the lake holds that took the log at once."""
    return contents(refined(lake_at(tmp_path_factory.mktemp("whole")), Rows(rows)))


def test_bronze_holds_each_record_as_it_is_stored(rows, whole):
    found = {(r["stream"], r["partition"], r["offset"]): r for r in whole["bronze.events"]}
    assert len(found) == len(rows)
    for row in rows:
        kept = found[row[1], row[2], row[3]]
        assert (kept["payload"], kept["event_id"], kept["number"]) == (row[10], row[4], row[0])


@pytest.mark.slow
@pytest.mark.parametrize("steps", [(1, 300), (17, 60, 61, 200, 300), (150, 150, 300)])
def test_a_log_that_comes_in_pieces_gives_the_tables_of_one_that_comes_at_once(
    rows, whole, tmp_path, steps
):
    lake, log = lake_at(tmp_path), Rows(rows)
    for grown in steps:
        log.grown = grown
        refined(lake, log)
    assert contents(lake) == whole


@pytest.mark.slow
def test_a_log_that_is_refined_again_changes_no_table(rows, tmp_path):
    lake = refined(lake_at(tmp_path), Rows(rows[:40]))
    before = {table.name: lake.open(table).version for table in declared() if lake.has(table)}
    refined(lake, Rows(rows[:40]))
    assert {name: lake.at(t).version for t in declared() if (name := t.name) in before} == before


def test_gold_is_what_plain_python_counts(rows, whole):
    counted = Counter()
    for row in rows:
        if row[8] == "transfer.v1":
            found = decode_transfer(row[10])
            counted[brasilia_day(found.occurred_at), brasilia_hour(found.occurred_at)] += 1
    epoch = next(iter(whole["gold.volumes_hourly"]))["day"].fromtimestamp(0)
    told = {
        ((row["day"] - epoch).days, row["hour"]): row["transfers"]
        for row in whole["gold.volumes_hourly"]
    }
    assert told == counted
    claims = Counter(decode_report(row[10]).status for row in rows if row[8] == "report.v1")
    found = whole["gold.transfers"]
    assert sum(row["reports"] for row in found) == claims["CLAIMED"] > 0
    assert sum(row["accepted_reports"] for row in found) == claims["ACCEPTED"] > 0
    profiles = whole["gold.account_profiles"]
    assert sum(row["sent"] for row in profiles) == sum(counted.values())
    assert sum(row["sent_centavos"] for row in profiles) == sum(
        decode_transfer(row[10]).amount_centavos for row in rows if row[8] == "transfer.v1"
    )


@pytest.mark.slow
def test_rebuilt_from_bronze_the_tables_are_the_same(rows, whole, tmp_path):
    lake = refined(lake_at(tmp_path), Rows(rows))
    done = refinery(lake).rebuild(progress=quiet)
    assert done.rows == done.silver == len(rows)
    assert contents(lake) == whole


class _Killed(Exception):
    """The process is gone."""


class _Failing:
    """A lake whose process is gone after so many writes."""

    def __init__(self, lake, left):
        self._lake, self.left = lake, left

    def __getattr__(self, name):
        return getattr(self._lake, name)

    def open(self, table):
        return _FailingTable(self, self._lake.open(table))


class _FailingTable:
    def __init__(self, lake, table):
        self._lake, self._table = lake, table

    def __getattr__(self, name):
        return getattr(self._table, name)

    def _write(self, name, *given):
        if self._lake.left == 0:
            raise _Killed
        self._lake.left -= 1
        return getattr(self._table, name)(*given)

    def append(self, *given):
        return self._write("append", *given)

    def replace(self, *given):
        return self._write("replace", *given)


@pytest.mark.slow
def test_whenever_it_is_killed_the_next_refining_makes_it_good(rows, tmp_path):
    rows = rows[:90]
    whole = contents(refined(lake_at(tmp_path / "whole"), Rows(rows)))
    kills = 0
    for left in (0, 1, 3, 9, 17):
        lake, log = lake_at(tmp_path / str(left)), Rows(rows)
        log.grown = 40
        refined(lake, log)
        log.grown = len(rows)
        try:
            refined(_Failing(lake, left), log)
        except _Killed:
            kills += 1
        refined(lake, log)
        assert contents(lake) == whole, left
    assert kills >= 4, "it was killed at different writes"


@pytest.mark.slow
def test_refiners_beside_each_other_lose_and_double_nothing(rows, whole, tmp_path):
    def work(_):
        for grown in (150, 300):
            refined(lake_at(tmp_path), Rows(rows, grown=grown))

    with ThreadPoolExecutor(3) as pool:
        works = [pool.submit(work, number) for number in range(3)]
    failed = [error for each in works if (error := each.exception()) is not None]
    # Who met the others too often says so, and the next refining makes it good.
    assert all(getattr(error, "code", None) is Code.LAKE_BUSY for error in failed), failed
    assert contents(refined(lake_at(tmp_path), Rows(rows))) == whole


def spoilt(row, **changes):
    """A row with some of its parts changed."""
    names = {"event_id": 4, "occurred_at": 6, "schema": 8, "payload": 10}
    found = list(row)
    for name, value in changes.items():
        found[names[name]] = value
    return tuple(found)


def test_what_is_no_row_waits_in_quarantine_under_its_code(rows, tmp_path):
    kept = [row for row in rows if row[8] == "transfer.v1"][:6]
    bad = [
        spoilt(kept[0], payload=b"\xc1"),
        spoilt(kept[1], schema="transfer.v9"),
        spoilt(kept[2], event_id=kept[5][4]),
        spoilt(kept[3], occurred_at=kept[3][7] + 61_000_000),
        spoilt(kept[4], payload=kept[4][10][:20]),
        kept[5],
    ]
    # Places of their own, each behind the one before it.
    bad = [(*row[:1], "pix.history.v1", 0, at, *row[4:]) for at, row in enumerate(bad)]
    refined_to = refine_rows(bronze_rows(bad), silver_tables(), clear)
    aside = refined_to[QUARANTINE.name].to_pylist()
    assert {row["offset"]: row["code"] for row in aside} == {
        0: "FIELD_TYPE",
        1: "SCHEMA_UNKNOWN",
        3: "CLOCK_AHEAD",
        4: "FIELD_TYPE",
        5: "DUPLICATE",
    }
    assert refined_to["silver.transfer"]["offset"].to_pylist() == [2]
    lake = refined(lake_at(tmp_path), Rows(bad))
    quality = contents(lake)["gold.quality"]
    assert sum(row["events"] for row in quality) == len(bad)
    assert {row["code"] for row in quality} >= {"REFINED", "DUPLICATE", "CLOCK_AHEAD"}


def test_sabotage_a_lost_row_is_noticed_before_anything_is_written(rows):
    found = refine_rows(bronze_rows(rows), silver_tables(), clear)
    check_conserved(len(rows), found)
    lossy = {**found, "silver.transfer": found["silver.transfer"].slice(1)}
    with pytest.raises(Unfit) as refused:
        check_conserved(len(rows), lossy)
    assert refused.value.code is Code.LAKE_DIFFERS


@pytest.mark.slow
def test_sabotage_an_event_that_is_missing_changes_gold(rows, whole, tmp_path):
    lossy = [row for row in rows if row[0] != 7]
    assert contents(refined(lake_at(tmp_path), Rows(lossy))) != whole


def test_a_lake_takes_one_log_alone(rows, tmp_path):
    lake = refined(lake_at(tmp_path), Rows(rows[:5]))
    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(Rows(rows, log_id="another"), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH


def test_every_part_of_a_gold_table_reads_columns_that_there_are(tmp_path):
    works = refinery(lake_at(tmp_path))
    for gold in gold_tables():
        for part in gold.parts:
            source = works.table(part.source)
            for key, name in part.keys.items():
                assert source.column(name).kind is gold.table.column(key).kind
            for measure in part.measures:
                for name in (*part.where, *measure.where):
                    source.column(name)
                if measure.statistic in {Statistic.MIN, Statistic.MAX}:
                    kind = gold.table.column(measure.name).kind
                    assert source.column(measure.column).kind is kind, (gold.name, measure.name)


def test_every_row_of_bronze_can_be_told_from_all_others():
    assert BRONZE.key == ("stream", "partition", "offset")
    for table in declared():
        assert set(table.key) <= {column.name for column in table.columns}


def places(lake):
    """Where the records lie that bronze has, each as often as it has it."""
    found = lake.open(BRONZE).read(["stream", "partition", "offset"]).to_pylist()
    return sorted(tuple(row.values()) for row in found)


def test_a_batch_that_is_run_again_is_in_bronze_once(rows, tmp_path):
    lake = lake_at(tmp_path)
    batches = [rows[:20], rows[20:50], rows[50:60]]
    for number, batch in enumerate(batches):
        refinery(lake).append_batch(batch, "crivo/lake-test/a", number)
    for number in (1, 2):
        refinery(lake).append_batch(batches[number], "crivo/lake-test/a", number)
    assert places(lake) == sorted(row[1:4] for row in rows[:60])
    # Sabotage: under another name nobody knows that it was there.
    refinery(lake).append_batch(batches[2], "crivo/lake-test/b", 2)
    assert len(places(lake)) == 70


def test_a_batch_that_another_run_of_it_appended_in_between_is_in_bronze_once(rows, tmp_path):
    lake, name = lake_at(tmp_path), "crivo/lake-test/a"
    stale = lake.open(BRONZE)
    refinery(lake).append_batch(rows[:20], name, 0)
    assert not stale.append(bronze_rows(rows[:20]), {name: 0})
    assert len(places(lake)) == 20
