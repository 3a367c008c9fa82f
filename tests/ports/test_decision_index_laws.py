"""The laws of `DecisionIndex`."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.domain.errors import Unavailable
from crivo.flows.ports import IndexedDecision
from tests.ports.disk import Disk


def decision(seq: int, *, name: str = "") -> IndexedDecision:
    return IndexedDecision(
        name or f"E{seq}", "initiation", seq, 10 * seq, 10 * seq + 1, "ALLOW", seq
    )


@pytest.fixture(params=["sqlite"])
def index(tmp_path):
    opened = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    yield opened
    opened.close()


def test_a_new_index_has_reached_nothing(index):
    assert index.reached() == 0
    assert index.get("E1") is None
    assert index.latest(5) == []


def test_decisions_are_found_by_id_and_phase_and_the_newest_come_first(index):
    index.put([decision(3), decision(7), decision(5)], reached=8)
    assert index.get("E5") == decision(5)
    assert index.get("E5", phase="settlement") is None
    assert [each.seq for each in index.latest(2)] == [7, 5]
    assert index.reached() == 8


@pytest.mark.parametrize("seqs", [(3, 9), (9, 3)])
def test_of_two_records_the_first_in_the_log_stands(index, seqs):
    for seq in seqs:
        index.put([decision(seq, name="E")], reached=10)
    assert index.get("E") == decision(3, name="E")


def test_what_was_reached_never_goes_back(index):
    index.put([], reached=8)
    index.put([replace(decision(2))], reached=3)
    assert index.reached() == 8


def test_decisions_and_reached_become_visible_together_or_not_at_all(tmp_path):
    disk = Disk("decisions-broken")
    index = SqliteDecisionIndex(tmp_path / "decisions.sqlite", vfs=disk.name, log_id="log")
    index.put([decision(1)], reached=2)
    disk.broken = apsw.IOError
    with pytest.raises(Unavailable):
        index.put([decision(2)], reached=3)
    disk.broken = None
    assert (index.get("E2"), index.reached()) == (None, 2)
    index.put([decision(2)], reached=3)
    assert (index.get("E2"), index.reached()) == (decision(2), 3)
    index.close()


def test_a_deleted_index_is_made_again(tmp_path):
    path = tmp_path / "decisions.sqlite"
    for _ in range(2):
        index = SqliteDecisionIndex(path, log_id="log")
        assert index.reached() == 0
        index.put([decision(1)], reached=2)
        index.close()
        for each in tmp_path.iterdir():
            each.unlink()


def test_an_index_of_another_release_is_made_again(tmp_path):
    path = tmp_path / "decisions.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE decisions (another)")
    connection.execute("CREATE TABLE reached (another)")
    connection.close()
    index = SqliteDecisionIndex(path, log_id="log")
    assert index.reached() == 0
    index.put([decision(1)], reached=2)
    index.close()
    again = SqliteDecisionIndex(path, log_id="log")
    assert (again.get("E1"), again.reached()) == (decision(1), 2)
    again.close()


def test_an_index_of_another_log_is_made_again(tmp_path):
    path = tmp_path / "decisions.sqlite"
    index = SqliteDecisionIndex(path, log_id="log")
    index.put([decision(3)], reached=4)
    index.close()
    other = SqliteDecisionIndex(path, log_id="another")
    assert (other.reached(), other.latest(10)) == (0, [])
    other.close()
    same = SqliteDecisionIndex(path, log_id="another")
    same.put([decision(1)], reached=2)
    assert same.reached() == 2
    same.close()
