"""A service passes its log on to Kafka; what brokers do not take waits in its own file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.brokers import Broker, Brokers
from crivo.adapters.kafka.records import record_of
from tests.e2e.homes import make_home
from tests.e2e.relayed import ask, decide, decisions, is_same, passed_on, relaying, stored
from tests.e2e.serving import Served, refused
from tests.outages import SECONDS_MAX, await_so, bring_back
from tests.ports.kafka_logs import new_space, url_of

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


def lag(served: Served) -> float:
    with served.client() as client:
        lines = client.get("/metrics").text.splitlines()
    (line,) = (each for each in lines if each.startswith("crivo_relay_lag_events "))
    return float(line.split()[1])


def test_what_is_decided_while_no_broker_runs_is_in_kafka_once_one_does(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    where = new_space(brokers.cluster)
    with relaying(home, where) as served:
        decide(served, range(20))
        served.kill()
    with relaying(home, where) as served:
        await_so(lambda: is_same(home, where))
        brokers.kill(node)
        decide(served, range(20, 60))
        served.kill()
    with relaying(home, where) as served:
        decide(served, range(60, 80))
        await_so(lambda: lag(served) >= 60)
        bring_back(brokers, node)
        await_so(lambda: is_same(home, where) and lag(served) == 0)
        assert served.stop() == 0
    assert decisions(passed_on(where)) == 80
    # Sabotage: a row that came twice would be noticed.
    again = next(row for row in stored(home) if row[8] == "decision.v1")
    record, producer = record_of(again), Producer(where.options())
    topic = where.named(again[1])
    producer.produce(topic, record.value, record.key, again[2], headers=record.headers)
    assert producer.flush(SECONDS_MAX) == 0
    assert not is_same(home, where)


def test_a_log_that_cannot_be_passed_on_ends_its_service_and_says_why(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    """At once where brokers answer; where they are away it decides, and ends once they are back."""
    nowhere = replace(brokers.cluster, space="nowhere")
    code, said = refused(home, RELAY__URL=url_of(nowhere))
    assert (code, "crivo: LOG_MISMATCH" in said) == (2, True), said
    assert "no topic nowhere.pix.manifest.v1" in said and "Traceback" not in said
    brokers.kill(node)
    with relaying(home, nowhere) as served:
        decide(served, range(3))
        bring_back(brokers, node)
        assert served.process.wait(SECONDS_MAX) == 2
        assert "crivo: LOG_MISMATCH" in served.said.read_text()


def test_a_spool_that_is_full_refuses_what_it_could_not_keep_and_loses_nothing(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    where = new_space(brokers.cluster)
    brokers.kill(node)
    with relaying(home, where, RELAY__SPOOL_EVENTS="30") as served, served.client() as client:
        answers = [ask(client, number) for number in range(40)]
        taken = [each for each in answers if each.status_code == 200]
        refused = answers[len(taken) :]
        assert len(taken) <= 30 and len(refused) >= 10
        for each in refused:
            assert each.status_code == 503, each.text
            assert each.json()["code"] == "LOG_UNAVAILABLE"
            assert int(each.headers["retry-after"]) > 0
        assert client.get("/health/ready").status_code == 503
        bring_back(brokers, node)
        await_so(lambda: client.get("/health/ready").status_code == 200)
        for number in range(len(taken), 40):
            assert ask(client, number).status_code == 200
        await_so(lambda: is_same(home, where))
        assert decisions(passed_on(where)) == 40
