"""The laws of `DecisionIndex`."""

from __future__ import annotations

from collections import Counter

import apsw
import pytest

from crivo.adapters.postgres.decisions import PostgresDecisionIndex
from crivo.adapters.sqlite.decisions import SqliteDecisionIndex, statement_of
from crivo.domain.errors import Unavailable
from crivo.domain.instant import EARLIEST, LATEST
from crivo.flows.decision_index import DecisionQuery, IndexedDecision
from tests.ports.disk import Disk

#: Four decisions share an instant; two payers, three outcomes.
START = 1_795_435_200_000_000
OUTCOMES = ("ALLOW", "HOLD", "REJECT")


def decision(seq: int, *, name: str = "") -> IndexedDecision:
    return IndexedDecision(
        end_to_end_id=name or f"E{seq}",
        phase="initiation",
        seq=seq,
        occurred_at=START + 10 * seq,
        received_at=START + seq // 4,
        outcome=OUTCOMES[seq % 3],
        score=seq,
        payer_id=bytes(15) + bytes([seq % 2]),
        amount_centavos=100 * seq,
        payee_id=bytes(14) + bytes([1, seq % 3]),
    )


_logs = iter(range(10**6))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def index(request, tmp_path):
    if request.param == "sqlite":
        opened = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    else:
        url = request.getfixturevalue("postgres")
        opened = PostgresDecisionIndex(url, log_id=f"log{next(_logs)}")
    yield opened
    opened.close()


def test_a_new_index_has_reached_nothing(index):
    assert index.reached() == 0
    assert index.get("E1") is None
    assert index.latest(5) == []


def test_an_index_says_how_many_of_what_it_was_given_stand_since_then(index):
    assert index.put([decision(3), decision(5)], reached=6) == 2
    assert index.put([], reached=7) == 0
    assert index.put([decision(8), decision(9, name="E5")], reached=10) == 1, "the first stands"
    assert index.put([decision(3)], reached=10) == 0, "given again"
    assert index.put([decision(2, name="E5")], reached=10) == 1, "it comes before the other"
    assert index.get("E5") == decision(2, name="E5")


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
    index.put([decision(2)], reached=3)
    assert index.reached() == 8


def test_a_search_gives_what_is_asked_for_newest_first(index):
    index.put([decision(seq) for seq in range(40)], reached=40)
    everything = [decision(seq) for seq in reversed(range(40))]
    assert index.search(DecisionQuery()) == everything
    for payer_id in (None, bytes(16), bytes(15) + b"\x01", b"\x09" * 16):
        for outcome in (None, *OUTCOMES, "WARN"):
            for since, until in ((EARLIEST, LATEST), (START + 3, START + 7), (START + 5, START)):
                query = DecisionQuery(payer_id, outcome, since, until)
                assert index.search(query) == [
                    each
                    for each in everything
                    if payer_id in {None, each.payer_id}
                    and outcome in {None, each.outcome}
                    and since <= each.received_at < until
                ], query


def test_counts_are_those_of_the_whole_list_by_outcome(index):
    assert index.counts() == {}
    index.put([decision(4)], reached=5)
    assert index.counts() == {"HOLD": 1}
    index.put([decision(seq) for seq in range(40)], reached=40)
    index.put([decision(90, name="E4")], reached=91)
    listed = Counter(each.outcome for each in index.search(DecisionQuery()))
    assert index.counts() == listed == {"ALLOW": 14, "HOLD": 13, "REJECT": 13}


def test_a_search_by_payee_is_one_by_payer_with_the_roles_changed(index):
    index.put([decision(seq) for seq in range(40)], reached=40)
    everything = [decision(seq) for seq in reversed(range(40))]
    for payee_id in (everything[0].payee_id, everything[1].payee_id, bytes(16)):
        for payer_id in (None, bytes(16)):
            for outcome in (None, "HOLD"):
                query = DecisionQuery(payer_id, outcome, payee_id=payee_id)
                assert index.search(query) == [
                    each
                    for each in everything
                    if each.payee_id == payee_id
                    and payer_id in {None, each.payer_id}
                    and outcome in {None, each.outcome}
                ], query


def test_pages_that_follow_each_other_are_the_whole_list(index):
    index.put([decision(seq) for seq in range(40)], reached=40)
    for outcome in (None, "ALLOW", "HOLD"):
        whole = index.search(DecisionQuery(outcome=outcome, until=START + 9))
        for limit in (1, 3, 4, 40, 41):
            assert pages(index, outcome=outcome, limit=limit, count_max=len(whole) + 2) == whole


def pages(index, *, outcome, limit, count_max):
    """The pages of a list, one behind the other, also of an index that goes in a circle."""
    found, before = [], None
    for _ in range(count_max):
        query = DecisionQuery(outcome=outcome, until=START + 9, before=before, limit=limit)
        page = index.search(query)
        found += page
        if len(page) < limit:
            break
        before = page[-1].seq
    return found


def test_a_search_goes_on_where_it_was_while_decisions_are_added(index):
    index.put([decision(seq) for seq in range(8)], reached=8)
    first = index.search(DecisionQuery(limit=4))
    index.put([decision(seq) for seq in range(8, 12)], reached=12)
    before = first[-1].seq
    assert index.search(DecisionQuery(before=before)) == [decision(seq) for seq in (3, 2, 1, 0)]


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


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "USING INTEGER PRIMARY KEY"),
        ({"outcome": "ALLOW"}, "USING INTEGER PRIMARY KEY"),
        ({"outcome": "HOLD"}, "USING INDEX decisions_by_outcome"),
        ({"payer_id": bytes(16)}, "USING INDEX decisions_by_payer"),
        ({"payer_id": bytes(16), "outcome": "HOLD"}, "USING INDEX decisions_by_payer"),
        ({"payee_id": bytes(16)}, "USING INDEX decisions_by_payee"),
        ({"payee_id": bytes(16), "outcome": "HOLD"}, "USING INDEX decisions_by_payee"),
    ],
)
def test_a_search_looks_along_an_index_and_sorts_nothing(tmp_path, asked, name):
    index = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    text, values = statement_of(DecisionQuery(**asked))
    plan = [row[3] for row in index._reader.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    index.close()
    assert [step.split(" (")[0] for step in plan] == [
        "SEARCH s USING INTEGER PRIMARY KEY",
        f"SEARCH d {name}",
    ]


def test_a_search_goes_through_all_spans_and_skips_those_of_other_times(index):
    put = [decision(seq) for seq in range(0, 40_000, 37)]
    index.put(put, reached=40_000)
    for since, until in (
        (EARLIEST, LATEST),
        (START + 3_000, START + 4_000),
        (START + 9_990, LATEST),
    ):
        found = index.search(DecisionQuery(bytes(16), since=since, until=until, limit=10_000))
        assert found == [
            each
            for each in reversed(put)
            if each.payer_id == bytes(16) and since <= each.received_at < until
        ]


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
