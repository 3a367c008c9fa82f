"""A service that answers once brokers have a record: its machine may be lost with all it held."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import httpx
import pytest

from crivo.adapters.kafka.brokers import Broker, Brokers
from crivo.adapters.kafka.client import Cluster
from crivo.bootstrap.home import Paths
from tests.e2e.homes import make_home
from tests.e2e.relayed import ask, decide, decisions, has_all, is_same, passed_on, relaying, stored
from tests.e2e.serving import Served, serving
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX, await_so, bring_back
from tests.ports.kafka_logs import new_space

pytestmark = pytest.mark.slow

#: On a machine that does much else brokers may take seconds.
FIRST = {"RELAY__FIRST": "brokers", "HTTP__ANSWER_SECONDS_MAX": "20"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


def another(home: Path) -> Path:
    """A home on another machine: the champion, and the keys, which both reach."""
    other = make_home(home.parent / "another")
    (other / "keys").symlink_to(home / "keys", target_is_directory=True)
    return other


def answers(served: Served, numbers: range) -> dict[int, bytes]:
    """By number, the answer to each of these transfers that was answered."""
    found: dict[int, bytes] = {}
    with served.client() as client:
        for number in numbers:
            answer = ask(client, number)
            if answer.status_code == 200:
                found[number] = answer.content
    return found


def refused(home: Path, where: Cluster, words: str) -> None:
    """A service of that home does not start, and says so in these words."""
    with pytest.raises(AssertionError, match=words), relaying(home, where, **FIRST):
        pass


def lost(home: Path, where: Cluster, **changes: str) -> int:
    """How many answers are gone once the service is killed amid requests and its home with it."""
    answered: dict[int, bytes] = {}

    def load(served: Served, first: int) -> None:
        with served.client() as client:
            for number in range(first, first + 10_000):
                try:
                    answer = ask(client, number)
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    answered[number] = answer.content

    other = another(home)
    with relaying(home, where, **changes) as served:
        threads = [threading.Thread(target=load, args=(served, 10_000 * n)) for n in range(4)]
        for thread in threads:
            thread.start()
        await_so(lambda: len(answered) >= 200)
        served.kill()
        for thread in threads:
            thread.join()
    with relaying(other, where, **FIRST) as served, served.client() as client:
        again = {number: ask(client, number) for number in answered}
        await_so(lambda: is_same(other, where))
        assert served.stop() == 0
    return sum(again[number].content != answer for number, answer in answered.items())


def test_no_answer_is_lost_with_the_machine_that_gave_it(brokers: Brokers, home: Path) -> None:
    """Law: what was answered, brokers hold: a service with the same keys answers the same."""
    assert lost(home, new_space(brokers.cluster), **FIRST) == 0


def answer_without_brokers(
    brokers: Brokers, node: Broker, home: Path, where: Cluster, numbers: range
) -> None:
    """Five decisions that brokers hold, and these, which stay in the file of a killed service."""
    with relaying(home, where) as served:
        decide(served, range(5))
        await_so(lambda: is_same(home, where))
        brokers.kill(node)
        decide(served, numbers)
        served.kill()
    bring_back(brokers, node)


def test_sabotage_an_answer_that_brokers_had_not_taken_is_lost(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    where = new_space(brokers.cluster)
    answer_without_brokers(brokers, node, home, where, range(5, 10))
    other = another(home)
    with relaying(other, where, **FIRST) as served:
        assert decisions(stored(other)) == 5
        decide(served, range(10, 12))
        assert served.stop() == 0
    # What brokers never took is another event than what stands there under its number.
    refused(home, where, "another one than that of")
    assert decisions(stored(home)) == 10


def test_one_id_that_two_services_decided_is_no_one_event(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    """Law: a file goes on only where its newest event is that of the brokers, byte for byte."""
    where = new_space(brokers.cluster)
    answer_without_brokers(brokers, node, home, where, range(5, 6))
    with relaying(another(home), where, **FIRST) as served:
        # The same transfer, asked again where nobody knows of the first answer.
        decide(served, range(5, 6))
        assert served.stop() == 0
    refused(home, where, "another one than that of")


@pytest.mark.parametrize(
    ("is_stranger", "why"), [(True, "pseudonym.key"), (False, "another process writes this log")]
)
def test_one_that_cannot_serve_ends_nobody(
    brokers: Brokers, home: Path, is_stranger: bool, why: str
) -> None:
    """Law: neither a service of other keys, nor a second one of the same home."""
    where = new_space(brokers.cluster)
    other = make_home(home.parent / "stranger") if is_stranger else home
    with relaying(home, where, **FIRST) as served:
        decide(served, range(5))
        refused(other, where, why)
        decide(served, range(5, 10))
        assert served.stop() == 0
    await_so(lambda: is_same(home, where))


def test_nothing_is_answered_while_no_broker_runs_and_all_is_once_one_does(
    brokers: Brokers, node: Broker, home: Path
) -> None:
    where = new_space(brokers.cluster)
    with relaying(home, where, **FIRST) as served, served.client() as client:
        decide(served, range(10))
        assert has_all(where, home)
        await_settled(where)
        brokers.kill(node)
        answer = ask(client, 10)
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "LOG_UNAVAILABLE"
        await_so(lambda: client.get("/health/ready").status_code == 503)
        bring_back(brokers, node)
        await_so(lambda: client.get("/health/ready").status_code == 200)
        decide(served, range(20))
        await_so(lambda: is_same(home, where))
        assert served.stop() == 0
    assert decisions(passed_on(where)) == 20


def test_one_that_takes_over_has_all_and_ends_the_one_before(brokers: Brokers, home: Path) -> None:
    where, other = new_space(brokers.cluster), another(home)
    with relaying(home, where, **FIRST) as before:
        told = answers(before, range(20))
        with relaying(other, where, **FIRST) as after, before.client() as client:
            assert answers(after, range(20)) == told
            decide(after, range(20, 30))
            answer = ask(client, 40)
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "LOG_LOCKED"
            assert before.process.wait(SECONDS_MAX) == 3
            await_so(lambda: is_same(other, where))
            assert after.stop() == 0
    assert decisions(stored(home)) == 20


def test_a_home_that_served_from_its_file_is_passed_on_before_brokers_come_first(
    brokers: Brokers, home: Path
) -> None:
    where = new_space(brokers.cluster)
    with serving(home) as served:
        decide(served, range(30))
        assert served.stop() == 0
    with relaying(home, where, **FIRST) as served:
        await_so(lambda: is_same(home, where))
        decide(served, range(30, 40))
        assert served.stop() == 0
    # The file is lost, and another log's is in its place: neither is taken for the other.
    assert decisions(passed_on(where)) == 40
    Paths(home).log.unlink()
    with serving(another_log(home)) as served:
        assert served.stop() == 0
    refused(home, where, "holds another log already")


def another_log(home: Path) -> Path:
    """The home as one that never served."""
    for each in home.glob("*.sqlite*"):
        each.unlink()
    for folder in ("keys", "snapshots", "ledger"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for each in home.glob("*.sha256"):
        each.unlink()
    return home
