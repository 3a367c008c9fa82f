"""A day that is produced to the inbox is decided, and refused, as the same day over HTTP."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import closing

import pytest

from crivo.bootstrap.home import Paths, open_log_reader
from crivo.bootstrap.service import build_service
from crivo.decision.record import decode_record
from crivo.domain.instant import MINUTE, SECOND, format_rfc3339
from crivo.domain.streams import Stream
from tests.e2e.homes import KEY, make_home, patient_policy, settings_of
from tests.integration.calling import called
from tests.integration.inboxes import (
    body,
    claim,
    id_of,
    is_conserved,
    letters_of,
    login,
    order,
    produce,
    received,
    record,
    settlement,
)
from tests.integration.workers import answers, decide_rest, refused_of
from tests.ports.kafka_logs import open_log_in
from tests.unit.adapters.http.bodies import HOSTILE_DECISIONS
from tests.unit.decision.worlds import START

pytestmark = pytest.mark.slow


def day(seed=5, count=150):
    """What a day brings, in its order: most of it good, some told again, some refused."""
    chance, now, found = random.Random(seed), START, []
    for number in range(count):
        now += chance.choice([0, 1, SECOND, MINUTE])
        amount = chance.choice([1, 5_000, 20_000, 120_000, 400_000, 5_000_000])
        told = {"occurred_at": format_rfc3339(now), "amount_centavos": amount}
        found.append(record(body(number, **told)))
        other = chance.randrange(number + 1)
        match chance.randrange(12):
            case 0 | 1:
                found.append(login(number, now))
            case 2 | 3:
                found.append(claim(other, now))
            case 4:
                found.append(settlement(other, now))
            case 5:
                found.append(order(number % 3))
            case 6:
                found.append(chance.choice(found))
            case 7:
                found.append(record(body(other, amount_centavos=77)))
            case 8:
                found.append(record(chance.choice(list(HOSTILE_DECISIONS.values()))[0]))
            case 9:
                found.append(claim(10_000 + number, now))
    return found


def path_of(headers):
    match headers.get("kind", "transfer.v1"):
        case "transfer.v1":
            return "/v1/decisions"
        case "report.v1":
            return "/v1/reports"
        case kind:
            return f"/v1/events/{kind}"


@pytest.fixture(scope="module")
def over_http(tmp_path_factory):
    """A home whose service was asked a day over HTTP, with time for each answer; the day, and the
    code that each was refused with (empty: it was not).
    """
    policy = patient_policy(tmp_path_factory.mktemp("policy") / "policy")
    home, codes, asked = make_home(tmp_path_factory.mktemp("http") / "home"), [], day()
    with called(build_service(settings_of(home, POLICY=str(policy)))) as caller:
        for value, headers in asked:
            named = {"content-type": "application/json", **dict(headers)}
            caller.headers = {
                "authorization": f"Bearer {KEY}",
                "content-type": named["content-type"],
            }
            answer = caller.post(path_of(named), content=value)
            assert answer.status_code < 500, answer.text
            codes.append("" if answer.status_code == 200 else answer.json()["code"])
    return home, asked, codes


def served(home):
    """What the service decided: EndToEndId to the bytes that follow."""
    with closing(open_log_reader(Paths(home).log)) as reader:
        found = reader.read(start=0, limit=10_000, streams=frozenset({Stream.DECISIONS}))
    records = [decode_record(each.event.payload) for each in found]
    return {each.end_to_end_id: each.derived for each in records}


def decided_through_the_inbox(capsys, monkeypatch, home, cluster, asked):
    """What the door says, and what a worker then decided: EndToEndId to the bytes that follow."""
    open_log_in(cluster).close()
    produce(cluster, *asked)
    result = received(capsys, monkeypatch, home, cluster)
    decide_rest(capsys, monkeypatch, home, cluster)
    return result, answers(home, cluster)[0]


def test_what_is_produced_is_decided_byte_for_byte_as_over_http_and_refused_for_the_same(
    capsys, monkeypatch, cluster, over_http
):
    """Law: the door and a worker say of each body what the service says of it."""
    home, asked, codes = over_http
    result, derived = decided_through_the_inbox(capsys, monkeypatch, home, cluster, asked)
    assert len(derived) > 140 and derived == served(home)
    assert [each.marks["code"] for each in letters_of(cluster, refused_of(home))] == [
        each for each in codes if each
    ]
    assert is_conserved(result) and result["received"] == len(asked)
    assert Counter(result["refused"]) == Counter(each for each in codes if each)
    assert result["duplicate"] > 0 and len(result["refused"]) > 2


def test_sabotage_another_amount_is_decided_as_another_transfer(
    capsys, monkeypatch, cluster, over_http
):
    home, asked, _ = over_http
    at = next(n for n, (value, _) in enumerate(asked) if id_of(3).encode() in value)
    value = json.loads(asked[at][0])
    changed = json.dumps({**value, "amount_centavos": value["amount_centavos"] + 1}).encode()
    asked = [*asked[:at], record(changed), *asked[at + 1 :]]
    _, derived = decided_through_the_inbox(capsys, monkeypatch, home, cluster, asked)
    assert derived.keys() == served(home).keys()
    assert derived != served(home)
