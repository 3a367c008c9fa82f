"""Refining: nothing is lost or doubled, however a log comes, whoever is killed or beside."""

from __future__ import annotations

from collections import Counter

import pytest

from crivo.domain.errors import Code, Misconfigured, Refused, Unfit
from crivo.domain.instant import brasilia_day, brasilia_hour
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.lineage import trace_quality
from crivo.flows.refine import bronze_rows, check_conserved
from crivo.flows.silver import refine_rows, silver_tables
from crivo.lake.measure import Statistic
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE, DAY, QUARANTINE
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


def test_how_far_a_log_was_read_is_kept_though_no_row_lies_there(rows, tmp_path):
    """Law: the next refining asks for nothing below it, and no refining goes back behind it."""
    lake, (stream, place) = lake_at(tmp_path), rows[0][1:3]
    last = max(row[3] for row in rows[:9] if row[1:3] == (stream, place))
    read_to = {(stream, place): last + 3, ("pix.history.v1", 3): 2}
    asked = []

    class Asked(Rows):
        def rows_after(self, taken, *, limit):
            asked.append({part: each.offset for part, each in taken.items()})
            return super().rows_after(taken, limit=limit)

    for ends in (read_to, {(stream, place): last}):
        refinery(lake).append(Asked(rows[:9], read_to=ends), progress=quiet)
        version = lake.open(BRONZE).version
    refinery(lake).append(Asked(rows[:9], read_to=read_to), progress=quiet)
    assert asked[0] == {}
    assert all(each.items() >= read_to.items() for each in asked[1:]) and len(asked) == 3
    assert lake.open(BRONZE).version == version, "nothing is new"
    # Sabotage: a log that tells of its rows alone is asked for what lies behind them again.
    refinery(other := lake_at(tmp_path / "rows")).append(Asked(rows[:9]), progress=quiet)
    refinery(other).append(Asked(rows[:9]), progress=quiet)
    assert not asked[-1].items() >= read_to.items()


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


class _Meddled:
    """A lake in which another writer takes a transfer out of silver before the first of gold."""

    def __init__(self, lake):
        self._lake, self.taken = lake, 0

    def __getattr__(self, name):
        return getattr(self._lake, name)

    def open(self, table):
        handle = self._lake.open(table)
        if table.name == gold_tables()[0].name and not self.taken:
            silver = self._lake.open(silver_tables()["transfer.v1"].table)
            day = min(silver.counts())
            rows = silver.read(None, {DAY: [day]})
            assert silver.replace(rows.slice(1), [day])
            self.taken = 1
        return handle


def test_gold_is_of_what_silver_holds_though_another_wrote_there_since(rows, whole, tmp_path):
    lake = _Meddled(lake_at(tmp_path))
    refined(lake, Rows(rows))
    found = contents(lake)
    held = len(found["silver.transfer"])
    assert held == len(whole["silver.transfer"]) - lake.taken
    assert sum(row["transfers"] for row in found["gold.volumes_hourly"]) == held
    received = sum(row["received"] for row in found["gold.account_receipts"])
    assert received == held


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


def test_quality_tells_sources_apart_and_each_of_its_rows_leads_to_the_events_that_it_counts(
    rows, tmp_path
):
    """Law: the events of all rows of quality are those of bronze, each once."""
    sources = ("bank", "http", "inbox")
    mixed = [(*row[:9], sources[row[0] % 3], *row[10:]) for row in rows]
    bad = next(at for at, row in enumerate(mixed) if row[8] == "transfer.v1")
    mixed[bad] = spoilt(mixed[bad], schema="transfer.v9")
    lake = refined(lake_at(tmp_path), Rows(mixed))
    counted = contents(lake)["gold.quality"]
    expected = Counter((row[9], row[8]) for row in mixed)
    found: Counter = Counter()
    for row in counted:
        found[row["source"], row["schema"]] += row["events"]
    assert found == expected
    assert {row["code"] for row in counted} == {"REFINED", "SCHEMA_UNKNOWN"}
    silvers = {name: silver.table for name, silver in silver_tables().items()}
    traced = []
    for row in counted:
        origin = trace_quality(lake, silvers, row)
        assert len(origin.places) == row["events"]
        traced += origin.places
    assert sorted(traced) == places(lake)
    with pytest.raises(Refused) as refused:
        trace_quality(lake, silvers, {"day": row["day"], "schema": row["schema"], "code": "X"})
    assert refused.value.code is Code.FIELD_MISSING
    # Sabotage: a row of another source leads to none of them.
    assert trace_quality(lake, silvers, {**row, "source": "nobody"}).places == ()


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


@pytest.mark.parametrize("places", [("", "kafka"), ("kafka", "")])
def test_a_lake_is_filled_from_one_place_of_a_log_alone(rows, tmp_path, places):
    """Law: offsets are each place's own, so that what one place lacks would be passed over."""
    lake = refined(lake_at(tmp_path), Rows(rows[:5], place=places[0]))
    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(Rows(rows, place=places[1]), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH
    # Sabotage: what says no place would be gone on with.
    refinery(lake).append(Rows(rows, place=places[0]), progress=quiet)
    assert sum(lake.open(BRONZE).counts().values()) == len(rows)


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
