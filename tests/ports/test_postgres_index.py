"""What only the index in PostgreSQL has: schemas beside each other, and a server that goes away."""

from __future__ import annotations

import psycopg
import pytest

from crivo.adapters.postgres.decisions import PostgresDecisionIndex
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.decision_index import DecisionQuery
from tests.ports.test_decision_index_laws import decision

pytestmark = pytest.mark.slow


def test_each_log_has_tables_of_its_own_in_one_database(postgres):
    one, other = (PostgresDecisionIndex(postgres, log_id=name) for name in ("one", "other"))
    one.put([decision(1)], reached=2)
    assert (other.reached(), other.get("E1")) == (0, None)
    again = PostgresDecisionIndex(postgres, log_id="one")
    assert (again.reached(), again.get("E1")) == (2, decision(1))
    for each in (one, other, again):
        each.close()


def test_an_index_of_another_release_is_made_again(postgres):
    index = PostgresDecisionIndex(postgres, log_id="older")
    index.put([decision(1)], reached=2)
    index.close()
    with psycopg.connect(postgres) as connection:
        connection.execute("UPDATE crivo_older.reached SET version = 0")
    again = PostgresDecisionIndex(postgres, log_id="older")
    assert (again.reached(), again.latest(5)) == (0, [])
    again.close()


def test_a_connection_that_breaks_is_told_once_and_opened_again(postgres):
    index = PostgresDecisionIndex(postgres, log_id="broken")
    index.put([decision(1)], reached=2)
    index.search(DecisionQuery())
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    with pytest.raises(Unavailable) as caught:
        index.put([decision(2)], reached=3)
    assert caught.value.code is Code.INDEX_UNAVAILABLE
    with pytest.raises(Unavailable):
        index.search(DecisionQuery())
    assert [each.seq for each in index.search(DecisionQuery())] == [1]
    index.put([decision(2)], reached=3)
    assert [each.seq for each in index.search(DecisionQuery())] == [2, 1]
    index.close()


def test_a_database_that_is_away_at_the_start_gets_its_tables_when_it_comes(postgres, tmp_path):
    # The server is there from when its socket's folder is.
    place = tmp_path / "socket"
    folder = postgres.partition("host=")[2]
    index = PostgresDecisionIndex(postgres.replace(folder, str(place)), log_id="late")
    for ask in (index.reached, lambda: index.latest(5), lambda: index.get("E1")):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.code is Code.INDEX_UNAVAILABLE
    place.symlink_to(folder)
    # Whoever asks first makes the tables, also where it is the one that only reads.
    assert index.latest(5) == []
    index.put([decision(1)], reached=2)
    assert (index.reached(), index.get("E1")) == (2, decision(1))
    index.close()


def test_tables_that_somebody_takes_away_are_not_made_again_without_what_they_held(postgres):
    index = PostgresDecisionIndex(postgres, log_id="taken")
    index.put([decision(1)], reached=2)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA crivo_taken CASCADE")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    with pytest.raises(Unavailable):
        index.put([decision(2)], reached=3)
    with pytest.raises(psycopg.ProgrammingError):
        index.put([decision(2)], reached=3)
    index.close()


def test_a_batch_that_fails_in_the_middle_keeps_nothing(postgres):
    index = PostgresDecisionIndex(postgres, log_id="half")
    # No bigint: the database refuses the second of the two.
    with pytest.raises(Unavailable):
        index.put([decision(1), decision(1 << 70)], reached=9)
    assert (index.reached(), index.latest(5)) == (0, [])
    index.close()


@pytest.mark.parametrize(
    ("url", "family", "code"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", Unavailable, Code.INDEX_UNAVAILABLE),
        ("no address", Misconfigured, Code.SETTING_INVALID),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(url, family, code):
    with pytest.raises(family) as caught:
        PostgresDecisionIndex(url, log_id="log").reached()
    assert caught.value.code is code
    assert "nobody" not in str(caught.value)
