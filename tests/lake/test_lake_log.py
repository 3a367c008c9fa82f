"""A log read from the lake is the log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crivo.decision.record import WORKER
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.streams import Stream
from crivo.flows.lake_log import LakeLog, forgotten
from crivo.lake.table import BRONZE
from tests.lake.lakes import Rows, clear, lake_at, quiet, refinery

SEED = 23
COUNT = 160


def archived(folder, log):
    """The log that a lake holds of another."""
    lake = lake_at(folder)
    refinery(lake).append(log, progress=quiet)
    return LakeLog(lake, clear)


@pytest.fixture(scope="module")
def found(log, tmp_path_factory):
    return archived(tmp_path_factory.mktemp("lake"), log)


def test_it_is_the_same_log(log, found):
    assert found.manifest == log.manifest
    assert found.end() == log.end() > 100
    assert not found.is_answered


@pytest.mark.parametrize("streams", [None, {Stream.REPORTS}, {Stream.TRANSFERS, Stream.HISTORY}])
@pytest.mark.parametrize(("start", "limit"), [(0, 1_000), (0, 1), (37, 50), (159, 5), (900, 5)])
def test_a_stretch_of_it_is_the_same(log, found, start, limit, streams):
    wanted = None if streams is None else frozenset(streams)
    assert found.read(start=start, limit=limit, streams=wanted) == log.read(
        start=start, limit=limit, streams=wanted
    )


def test_events_are_found_by_their_ids(log, found):
    some = log.read(start=0, limit=40)
    ids = [each.event.event_id for each in some[::7]]
    assert found.known([*ids, bytes(16)]) == set(ids)
    assert found.find(ids[2]) == log.find(ids[2]) is not None
    assert found.find(bytes(16)) is None


def test_order_time_is_that_of_each_partition(log, found):
    for stream in Stream:
        for partition in range(log.manifest.partitions):
            told = log.order_time(stream, partition)
            assert found.order_time(stream, partition) == told


def test_what_is_appended_later_it_does_not_see(rows, tmp_path):
    log = Rows(rows, grown=50)
    before = archived(tmp_path, log)
    log.grown = 90
    after = archived(tmp_path, log)
    assert (before.end(), after.end()) == (50, 90)
    assert len(before.read(start=0, limit=1_000)) == 50


def test_it_ends_before_the_first_number_that_is_missing(rows, tmp_path):
    found = archived(tmp_path, Rows([row for row in rows if row[0] != 7]))
    assert found.end() == 7
    assert [each.seq for each in found.read(start=0, limit=1_000)] == list(range(7))


def test_what_workers_made_of_events_is_none_of_them(rows, tmp_path):
    # An answer bears the number of what it answers, also where that has not come yet.
    answers = [
        (number, Stream.DECISIONS.value, 0, number, bytes([number]) * 16, *rows[0][5:9], WORKER,
         *rows[0][10:])
        for number in (3, 7)
    ]  # fmt: skip
    found = archived(tmp_path, Rows([*(row for row in rows if row[0] != 7), *answers]))
    assert found.is_answered
    assert found.end() == 7
    assert found.find(bytes([3]) * 16) is None


def days_of(lake):
    return sorted(lake.open(BRONZE).counts())


def first_kept(lake, before):
    """The number behind the newest row of bronze on a day before that one."""
    rows = lake.open(BRONZE).read(["number", "day"]).to_pylist()
    return 1 + max(row["number"] for row in rows if row["day"] < before)


def forget(lake, before, positions=None):
    """Deletes bronze's rows of days before that one, as a vacuum does."""
    marks = forgotten(lake, before) if positions is None else positions
    assert lake.at(BRONZE).forget(before, marks) > 0
    return LakeLog(lake, clear)


def test_once_its_first_days_are_forgotten_it_begins_behind_them(log, rows, tmp_path):
    lake = lake_at(tmp_path)
    works = refinery(lake)
    works.append(Rows(rows, grown=len(rows) - 20), progress=quiet)
    for before in days_of(lake)[1:3]:
        begin = first_kept(lake, before)
        forget(lake, before)
    assert 0 < begin < len(rows) - 20
    assert works.append(Rows(rows), progress=quiet) == 20, "what comes later is appended behind it"
    found = LakeLog(lake, clear)
    assert found.end() == log.end() == len(rows)
    assert found.read(start=begin, limit=200) == log.read(start=begin, limit=200)
    assert forgotten(lake, days_of(lake)[0]) == {}, "there is nothing left to forget"


def test_what_needs_its_forgotten_part_is_refused_in_words(rows, tmp_path):
    lake = lake_at(tmp_path)
    refinery(lake).append(Rows(rows), progress=quiet)
    begin = first_kept(lake, days_of(lake)[1])
    found = forget(lake, days_of(lake)[1])
    for start in (0, begin - 1):
        with pytest.raises(Misconfigured, match="vacuum") as refused:
            found.read(start=start, limit=10)
        assert refused.value.code is Code.LOG_MISMATCH
        assert refused.value.context["expected"] == f"{begin} or more"
        assert refused.value.context["found"] == start


def test_a_late_event_that_was_forgotten_is_no_event_that_is_missing(rows, tmp_path):
    late = rows[100]
    first = min(row[6] for row in rows)
    moved = [row if row is not late else (*row[:6], first, *row[7:]) for row in rows]
    lake = lake_at(tmp_path)
    refinery(lake).append(Rows(moved), progress=quiet)
    found = forget(lake, days_of(lake)[1])
    assert found.end() == len(rows)
    assert [each.seq for each in found.read(start=101, limit=len(rows))] == list(
        range(101, len(rows))
    )
    with pytest.raises(Misconfigured):
        found.read(start=99, limit=10)


def test_a_log_that_was_forgotten_to_its_last_event_goes_on_with_the_next(rows, tmp_path):
    lake = lake_at(tmp_path)
    log = Rows(rows, grown=50)
    refinery(lake).append(log, progress=quiet)
    found = forget(lake, days_of(lake)[-1] + timedelta(days=1))
    assert (found.end(), found.read(start=50, limit=10)) == (50, [])
    log.grown = len(rows)
    refinery(lake).append(log, progress=quiet)
    assert LakeLog(lake, clear).end() == len(rows)


def test_sabotage_days_forgotten_without_a_mark_leave_no_log(rows, tmp_path):
    lake = lake_at(tmp_path)
    refinery(lake).append(Rows(rows), progress=quiet)
    assert forget(lake, days_of(lake)[1], positions={}).end() == 0


def test_a_lake_that_holds_no_log_says_so(tmp_path):
    with pytest.raises(Unavailable) as refused:
        LakeLog(lake_at(tmp_path), clear)
    assert refused.value.code is Code.NOT_FOUND
