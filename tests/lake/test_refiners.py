"""Refiners beside each other: whatever one does between two steps of another, they end as one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from deltalake import CommitProperties

from crivo.adapters.delta import lake as delta_lake
from crivo.domain.errors import Code
from crivo.lake.table import BRONZE
from tests.lake.lakes import Rows, contents, lake_at, log_rows, refined, refinery

pytestmark = pytest.mark.slow

SEED = 11


@pytest.fixture(scope="module")
def rows():
    return log_rows(SEED, 300)


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


class _Overtaken:
    """A lake in which another does its work behind one step of a refining: the reading of bronze
    for it, or the opening of another table. `is_blind`: silver's tables always seem empty.
    """

    def __init__(self, lake, step, work, *, is_blind=False):
        self._lake, self._step, self._works, self._is_blind = lake, step, [work], is_blind

    def __getattr__(self, name):
        return getattr(self._lake, name)

    def open(self, table):
        handle = self._lake.open(table)
        if table is BRONZE and self._step == BRONZE.name:
            return _Step(handle, read=lambda *asked: self._behind(handle.read(*asked)))
        if table.name.startswith("silver.") and self._is_blind:
            return _Step(handle, counts=dict)
        return self._behind(handle) if table.name == self._step else handle

    def _behind(self, done):
        while self._works:
            self._works.pop()()
        return done


class _Step:
    """A table some of whose ways are others."""

    def __init__(self, table, **ways):
        self._table = table
        vars(self).update(ways)

    def __getattr__(self, name):
        return getattr(self._table, name)


def overtaken(rows, folder, step, **how):
    """What a new lake holds, one of whose two refiners knew half of what the other did, who was
    whole at that step of the first.
    """
    lake = lake_at(folder)
    beside = _Overtaken(lake, step, lambda: refined(lake_at(folder), Rows(rows)), **how)
    refined(beside, Rows(rows, grown=len(rows) // 2))
    assert refinery(lake).due() == {}
    return contents(lake)


@pytest.mark.parametrize("step", ["bronze.events", "gold.account_profiles", "gold.quality"])
def test_who_is_overtaken_by_one_that_read_more_leaves_the_tables_that_one_made(
    rows, whole, tmp_path, step
):
    """Law: two refiners of a new lake end as one."""
    assert overtaken(rows, tmp_path, step) == whole


def test_sabotage_who_takes_a_table_that_was_made_since_for_a_new_one_loses_rows(
    rows, whole, tmp_path
):
    found = overtaken(rows, tmp_path, BRONZE.name, is_blind=True)
    assert len(found["silver.transfer"]) < len(whole["silver.transfer"])


def test_sabotage_a_replacement_that_is_tried_again_doubles_a_table(
    rows, whole, tmp_path, monkeypatch
):
    def tried_again(max_commit_retries=None, **how):
        return CommitProperties(**how)

    monkeypatch.setattr(delta_lake, "CommitProperties", tried_again)
    found = overtaken(rows, tmp_path, "gold.account_profiles")["gold.account_profiles"]
    assert len(found) > len(whole["gold.account_profiles"])
