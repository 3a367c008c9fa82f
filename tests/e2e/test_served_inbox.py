"""A service that takes the inbox: HTTP and Kafka are doors of one log, which workers answer."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import closing

import pytest

from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.bootstrap.home import Paths, open_log_reader, record_cipher, refused_cipher
from crivo.bootstrap.service import build_service
from crivo.decision.record import decode_record
from crivo.domain.instant import HOUR, format_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.codec import decode_transfer
from crivo.flows.replay_wanted import SumsBeside
from crivo.governance.record_cipher import Rotation
from tests.e2e.homes import KEY, make_home, patient_policy, settings_of
from tests.e2e.serving import refused, serving
from tests.e2e.test_relay import is_same, stored
from tests.integration.calling import called
from tests.integration.commands import crivo
from tests.integration.inboxes import (
    body,
    claim,
    id_of,
    letters_of,
    produce,
    received,
    record,
)
from tests.integration.test_inbox_takeover import REFUSED, open_inbox
from tests.integration.workers import decide_rest
from tests.outages import await_so, bring_back
from tests.ports.kafka_logs import new_space, url_of
from tests.unit.decision.worlds import START

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}


@pytest.fixture
def home(tmp_path):
    return make_home(tmp_path / "home")


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """On a busy machine nothing is left out of a vector."""
    return str(patient_policy(tmp_path_factory.mktemp("policy") / "policy"))


def taking(home, where, **changes):
    """The service of a home that passes its log on and takes the inbox of that one."""
    return serving(home, RELAY__URL=url_of(where), RELAY__INBOX="true", **changes)


def refused_of(home):
    """What opens the dead letters of a home's service."""
    return refused_cipher(settings_of(home))


def transfers(home):
    """How often each transfer that awaits a worker lies in the log's file, by its id."""
    return Counter(
        decode_transfer(row[10]).end_to_end_id for row in stored(home) if row[8] == "transfer.v1"
    )


def told(client, name):
    """The values of a metric, by its labels as they stand."""
    lines = client.get("/metrics").text.splitlines()
    found = [re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", each) for each in lines]
    return {each[1]: float(each[2]) for each in found if each is not None}


def vectors(reader):
    """What each decision of a log was given, by its transfer."""
    found = reader.read(start=0, limit=100_000, streams=frozenset({Stream.DECISIONS}))
    records = [
        decode_record(each.event.payload) for each in found if each.event.schema == "decision.v1"
    ]
    return {each.end_to_end_id: bytes(each.kept) for each in records}


def vectors_in(home, where):
    cipher = record_cipher(Paths(home), Rotation())
    with closing(KafkaLogReader(where, cipher=cipher)) as reader:
        return vectors(reader)


def vectors_over_http(folder, patient, entry, asked):
    """What decisions are given where each transfer is asked for over HTTP, behind an entry."""
    home = make_home(folder)
    with called(build_service(settings_of(home, POLICY=patient))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}", **JSON}
        assert caller.post("/v1/events/list_entry.v1", content=entry).status_code == 200
        for value in asked:
            answer = caller.post("/v1/decisions", content=value)
            assert answer.status_code == 200, answer.text
    with closing(open_log_reader(Paths(home).log)) as reader:
        return vectors(reader)


def replayed(capsys, *log):
    """The exit code of a replay, and what it says."""
    said = crivo(capsys, "replay", *log, "--json")
    return said.code, said.out


def denied(account):
    """That whoever pays this account is rejected."""
    who = {"entity": "ACCOUNT", "entity_id": account, "side": "PAYEE"}
    entry = {"entry_id": "e-1", "occurred_at": format_rfc3339(START), "action": "ADDED"}
    return record(json.dumps({**who, **entry, "kind": "DENY"}).encode(), "list_entry.v1")


class Doors:
    """Transfers by both doors of a home's service, in one order."""

    def __init__(self, home, where):
        self.home, self.where = home, where
        #: The bodies, as they were asked.
        self.asked = []

    def over_http(self, client, numbers):
        for number in numbers:
            self.asked.append(body(number))
            answer = client.post("/v1/decisions", content=self.asked[-1], headers=JSON)
            assert answer.status_code == 200, answer.text

    def through_the_inbox(self, numbers):
        self.asked += map(body, numbers)
        produce(self.where, *(record(body(number)) for number in numbers))
        await_so(lambda: transfers(self.home).keys() >= {id_of(number) for number in numbers})


def test_http_and_the_inbox_are_doors_of_one_log_and_of_one_state(
    capsys, monkeypatch, tmp_path, kafka, home, patient
):
    """Law: by whichever door a payer's transfers come, each vector counts all before it."""
    where, entry = new_space(kafka.cluster), denied("account-8")
    doors = Doors(home, where)
    with taking(home, where, POLICY=patient) as served, served.client() as client:
        produce(where, entry)
        await_so(lambda: any(row[8] == "list_entry.v1" for row in stored(home)))
        doors.over_http(client, range(10))
        doors.through_the_inbox(range(10, 20))
        doors.over_http(client, range(20, 30))
        waits = client.post("/v1/decisions", content=body(15), headers=JSON)
        assert (waits.status_code, waits.json()["code"]) == (409, "CONFLICT")
        assert served.stop() == 0
    # Whoever begins again knows what was taken, and goes on.
    with taking(home, where, POLICY=patient) as served, served.client() as client:
        doors.over_http(client, range(30, 40))
        doors.through_the_inbox(range(40, 50))
        doors.over_http(client, range(50, 60))
        other = record(body(55, amount_centavos=9))
        produce(where, record(b"bad"), record(body(55)), other, claim(45, START + HOUR))
        await_so(lambda: told(client, "crivo_inbox_received_total") == {None: 14})
        await_so(lambda: sum(told(client, "crivo_inbox_settled_total").values()) == 14)
        assert told(client, "crivo_inbox_settled_total") == {
            'code="",result="appended"': 11,
            'code="",result="duplicate"': 1,
            'code="BODY_MALFORMED",result="refused"': 1,
            'code="CONFLICT",result="refused"': 1,
        }
        await_so(lambda: is_same(home, where))
        assert served.stop() == 0
    assert [each.value for each in letters_of(where, refused_of(home))] == [b"bad", other[0]]
    said = decide_rest(capsys, monkeypatch, home, where)
    assert said["decided"] == 20 and said["outcomes"]["REJECT"] > 0
    found = vectors_in(home, where)
    assert len(found) == 60
    assert found == vectors_over_http(tmp_path / "http", patient, entry[0], doors.asked)
    of_service, of_workers = ("--home", home), ("--log", url_of(where))
    assert [replayed(capsys, *each)[0] for each in (of_service, of_workers)] == [0, 0]
    # Sabotage: the service heard nothing of what the worker rejected, and no replay may say it had.
    monkeypatch.setattr(SumsBeside, "of", hears_all)
    assert replayed(capsys, *of_workers)[0] == 1


def hears_all(sums, each):
    return sums._of_workers.of(each.transfer, each.received_at)


#: Transfers of an inbox whose service is killed, and what of it is refused.
COUNT, BAD = 3_000, 7


def is_settled(home, where):
    """Law: each transfer is in the log and each refused record among the dead letters, once."""
    letters = Counter(each.value for each in letters_of(where, refused_of(home)))
    return transfers(home) == Counter(map(id_of, range(COUNT))) and letters == Counter(
        b"bad %d" % number for number in range(BAD)
    )


def test_a_service_that_is_killed_amid_the_inbox_loses_nothing_and_doubles_nothing(
    capsys, monkeypatch, brokers, node, home
):
    where = new_space(brokers.cluster)
    bad = [record(b"bad %d" % number) for number in range(BAD)]
    produce(where, *bad[:3], *(record(body(number)) for number in range(COUNT)), *bad[3:])
    for part in range(1, 5):
        with taking(home, where) as served:
            await_so(lambda least=part * COUNT // 5: len(transfers(home)) >= least)
            served.kill()
    with taking(home, where) as served, served.client() as client:
        await_so(lambda: is_settled(home, where) and is_same(home, where))
        counts = told(client, "crivo_inbox_settled_total")
        assert sum(counts.values()) == told(client, "crivo_inbox_received_total")[None]
        assert served.stop() == 0
    # Sabotage: one that comes again, and one letter less, would be noticed.
    monkeypatch.setattr(f"{__name__}.BAD", BAD - 1)
    assert not is_settled(home, where)


def test_while_brokers_are_away_http_goes_on_and_the_inbox_waits(brokers, node, home):
    where, unavailable = new_space(brokers.cluster), 'code="LOG_UNAVAILABLE"'
    brokers.kill(node)
    with taking(home, where) as served, served.client() as client:
        for number in (0, 2):
            asked = client.post("/v1/decisions", content=body(number), headers=JSON)
            assert asked.status_code == 200, asked.text
            assert client.get("/health/ready").status_code == 200
            if number == 0:
                await_so(lambda: told(client, "crivo_inbox_failures_total").get(unavailable))
                await_so(lambda: "inbox.waits" in served.said.read_text())
            bring_back(brokers, node)
            # What HTTP decided meanwhile is a duplicate.
            produce(where, record(body(number)), record(body(number + 1)))
            await_so(lambda at=number + 1: id_of(at) in transfers(home))
            await_so(lambda: is_same(home, where))
            if number == 0:
                brokers.kill(node)
        assert transfers(home) == Counter(map(id_of, (1, 3)))
        assert served.stop() == 0


def test_an_inbox_is_taken_by_whoever_opened_it_last_and_the_other_service_is_not_ready(
    kafka, home
):
    where = new_space(kafka.cluster)
    with taking(home, where) as served, served.client() as client:
        produce(where, record(body(0)))
        await_so(lambda: len(transfers(home)) == 1)
        successor = open_inbox(where)
        produce(where, record(b"bad"))
        await_so(lambda: client.get("/health/ready").status_code == 503)
        # It is not ready before it has said why.
        for word in ("LOG_LOCKED", "thread.broken"):
            await_so(lambda word=word: word in served.said.read_text())
        successor.run(lambda: False, until_end=True)
    assert [each.value for each in letters_of(where, REFUSED)] == [b"bad"]


def test_nobody_else_appends_to_the_log_that_a_service_passes_on(capsys, monkeypatch, kafka, home):
    where = new_space(kafka.cluster)
    with taking(home, where) as served:
        produce(where, record(body(0)))
        await_so(lambda: len(transfers(home)) == 1 and is_same(home, where))
        assert "LOG_MISMATCH" in received(capsys, monkeypatch, home, where, code=2)
        for words in (("quarantine", "replay"), ("log", "make")):
            assert crivo(capsys, *words, "--log", url_of(where)).code == 2
        produce(where, record(body(1)))
        await_so(lambda: len(transfers(home)) == 2 and is_same(home, where))
        assert served.stop() == 0


def test_a_service_of_another_home_takes_no_inbox_of_a_log_that_is_not_its_own(
    kafka, home, tmp_path
):
    where = new_space(kafka.cluster)
    with taking(home, where) as served:
        produce(where, record(body(0)))
        await_so(lambda: len(transfers(home)) == 1)
        other = make_home(tmp_path / "other")
        code, said = refused(other, RELAY__URL=url_of(where), RELAY__INBOX="true")
        assert (code, "crivo: LOG_MISMATCH" in said) == (2, True), said
        produce(where, record(body(1)))
        await_so(lambda: len(transfers(home)) == 2)
        assert served.stop() == 0
