"""A service passes its log on to Kafka; what brokers do not take waits in its own file."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Message, Producer

from crivo.adapters.kafka.brokers import Broker, Brokers
from crivo.adapters.kafka.client import Cluster, patiently
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.records import record_of
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths
from crivo.domain.errors import Refused
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.flows.event_rows import EventRow
from tests.e2e.homes import make_home
from tests.e2e.serving import Served, serving
from tests.outages import SECONDS_MAX, await_so, bring_back
from tests.ports.kafka_logs import new_space, url_of

pytestmark = pytest.mark.slow

START = parse_rfc3339("2026-11-23T12:00:00Z")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


def relaying(home: Path, where: Cluster, **changes: str) -> AbstractContextManager[Served]:
    """The service of a home that passes its log on."""
    return serving(home, RELAY__URL=url_of(where), **changes)


def ask(client: httpx.Client, number: int) -> httpx.Response:
    body = {
        "end_to_end_id": f"E12345678202611231200relay{number:06d}",
        "occurred_at": format_rfc3339(START + number * 1_000),
        "amount_centavos": 1 + number,
        "payer_account_id": f"account-{number % 7}",
        "payee_account_id": f"account-{(number + 1 + number % 5) % 7}",
    }
    return client.post("/v1/decisions", json=body)


def decide(served: Served, numbers: range) -> None:
    """Every one of these transfers is decided."""
    with served.client() as client:
        for number in numbers:
            answer = ask(client, number)
            assert answer.status_code == 200, answer.text


def decisions(rows: list[EventRow]) -> int:
    return sum(row[8] == "decision.v1" for row in rows)


def stored(home: Path) -> list[EventRow]:
    """The rows of a home's log, as they lie there."""
    with closing(open_reader(Paths(home).log)) as reader:
        return reader.stored_rows(start=0, limit=10_000)


def read(where: Cluster) -> tuple[list[EventRow], int]:
    """All numbered rows of the log in Kafka, and how many records are nobody's: of a number that
    came twice the second is.
    """
    ends = patiently(where, partial(read_ends, where, 4))
    lows, highs = ({part: each[at] for part, each in ends.items()} for at in (0, 1))
    rows: list[EventRow] = []
    nobodys: list[Message] = []

    def foreign(message: Message, _: Refused) -> None:
        nobodys.append(message)

    with closing(Intake(where, lows, highs, numbered_from=0, foreign=foreign)) as intake:
        while intake.open:
            intake.poll()
            for waiting in intake.waiting.values():
                rows += [row for _, row in waiting]
                waiting.clear()
    return sorted(rows), len(nobodys)


def passed_on(where: Cluster) -> list[EventRow]:
    """All numbered rows of the log in Kafka."""
    return read(where)[0]


def is_same(home: Path, where: Cluster) -> bool:
    """Law: the log in Kafka has the numbers and the bytes of the service's, each once."""
    passed, nobodys = read(where)
    there, here = ([(*row[:3], *row[4:]) for row in rows] for rows in (passed, stored(home)))
    return there == here and not nobodys


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
