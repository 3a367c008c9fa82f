"""More than a set rate: what is too much is refused before it costs anything, the rest answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest

from crivo.adapters.http.rate import Bucket, Buckets
from crivo.adapters.http.turned_away import is_one_decision
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.service import Service, build_service
from crivo.domain.streams import Stream
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.doors import KNOWN, body, opened, read_answer, request

pytestmark = pytest.mark.slow

RATE = 100
JSON = {"content-type": "application/json"}


class Time:
    """A clock that the test moves: nothing here depends on how fast the machine is."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    home = make_home(tmp_path_factory.mktemp("shed") / "home")
    return build_service(settings_of(home, HTTP__RATE_MAX=str(RATE), HTTP__KEY_RATE_MAX=str(RATE)))


@pytest.fixture
def client(running: Caller) -> Caller:
    running.headers = {"authorization": f"Bearer {KEY}"}
    return running


def rates(service: Service, monkeypatch: pytest.MonkeyPatch, *, shared: bool) -> Time:
    """A clock of the test's for one of the two rates; the other lets everything pass."""
    clock = Time()
    gate, hot = service.app._gate, service.app.hot
    monkeypatch.setattr(gate, "_monotonic_ns", clock)
    if shared:
        monkeypatch.setattr(gate, "_rates", None)
        monkeypatch.setattr(hot, "_rate", Bucket(per_second=RATE, burst=2))
    else:
        monkeypatch.setattr(gate, "_rates", Buckets(per_second=5, burst=5))
        monkeypatch.setattr(hot, "_rate", None)
    return clock


def test_at_three_times_the_rate_nine_tenths_of_it_are_answered_and_nothing_else_is_logged(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=True)
    monkeypatch.setattr(service.app.hot, "_rate", ByClock(service.app.hot._rate, clock))
    before, answers = service.decisions.log.end(), Counter()
    for _ in range(3 * RATE // 2):
        clock.now_ns += 1_000_000_000 // (3 * RATE)
        answer = client.post("/v1/decisions", content=body(), headers=JSON)
        answers[answer.status_code] += 1
        if answer.status_code == 503:
            assert answer.json()["code"] == "OVERLOADED"
            assert int(answer.headers["retry-after"]) >= 1
    assert set(answers) == {200, 503}
    # Half a second.
    assert 0.9 * RATE / 2 <= answers[200] <= RATE / 2 + 2
    # Beside the decisions a segment of the ledger may have been closed.
    decided = service.decisions.log.read(
        start=before, limit=10_000, streams=frozenset({Stream.DECISIONS})
    )
    assert len(decided) == answers[200]


class ByClock:
    """A bucket at the test's time: the door's other clocks stay real."""

    def __init__(self, bucket: Bucket, clock: Time) -> None:
        self.bucket, self.clock = bucket, clock

    def take(self, _: int) -> int:
        return self.bucket.take(self.clock())

    def is_empty(self, _: int) -> bool:
        return self.bucket.is_empty(self.clock())

    def owe(self, more: int, _: int) -> None:
        self.bucket.owe(more, self.clock())


def check_a_batch_counts_as_its_transfers(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=True)
    monkeypatch.setattr(service.app.hot, "_rate", ByClock(service.app.hot._rate, clock))

    def status(path: str, content: bytes) -> int:
        return client.post(path, content=content, headers=JSON).status_code

    many = b"[" + b",".join(body() for _ in range(20)) + b"]"
    assert status("/v1/decisions:batch", many) == 200
    for _ in range(18):
        assert status("/v1/decisions", body()) == 503
        clock.now_ns += 1_000_000_000 // RATE
    clock.now_ns += 1_000_000_000 // RATE
    assert status("/v1/decisions", body()) == 200


def test_a_batch_counts_as_its_transfers(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_a_batch_counts_as_its_transfers(service, client, monkeypatch)


def test_sabotage_a_batch_that_counts_as_one_is_noticed(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.hot, "charge", lambda *_: None)
    with pytest.raises(AssertionError):
        check_a_batch_counts_as_its_transfers(service, client, monkeypatch)


def check_a_batch_counts_as_its_transfers_in_the_rate_of_its_key(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=False)
    many = b"[" + b",".join([body(), b"1", body(), body()]) + b"]"
    assert client.post("/v1/decisions:batch", content=many, headers=JSON).status_code == 200
    found = [client.get("/v1/model").status_code for _ in range(2)]
    assert found == [200, 429]
    clock.now_ns += 1_000_000_000 // 5
    assert client.post("/v1/decisions:batch", content=many, headers=JSON).status_code == 200
    for wait in range(4):
        assert client.post("/v1/decisions", content=body(), headers=JSON).status_code == 429, wait
        clock.now_ns += 1_000_000_000 // 5
    assert client.post("/v1/decisions", content=body(), headers=JSON).status_code == 200


def test_a_batch_counts_as_its_transfers_in_the_rate_of_its_key(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_a_batch_counts_as_its_transfers_in_the_rate_of_its_key(service, client, monkeypatch)


def test_sabotage_a_batch_that_counts_as_one_request_of_its_key_is_noticed(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app._gate, "charge", lambda *_: None)
    with pytest.raises(AssertionError):
        check_a_batch_counts_as_its_transfers_in_the_rate_of_its_key(service, client, monkeypatch)


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({}, 1_000),
        ({"HTTP__RATE_MAX": "70"}, 70),
        ({"HTTP__KEY_RATE_MAX": "30.5"}, 30),
        ({"HTTP__RATE_MAX": "70", "HTTP__KEY_RATE_MAX": "3000"}, 70),
    ],
)
def test_a_batch_holds_no_more_than_a_second_of_the_lesser_rate(
    tmp_path: Path, settings: dict[str, str], most: int
) -> None:
    service = build_service(settings_of(make_home(tmp_path / "home"), **settings))
    assert service.app.hot.batch_max == most


def check_no_batch_keeps_others_waiting_for_longer_than_it_says(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=True)
    monkeypatch.setattr(service.app.hot, "_rate", ByClock(service.app.hot._rate, clock))

    def junk(count: int) -> int:
        content = json.dumps([1] * count)
        answer = client.post("/v1/decisions:batch", content=content, headers=JSON)
        if answer.status_code == 422:
            problem = answer.json()
            assert (problem["code"], problem["expected"]) == ("FIELD_VALUE", "1 to 100 transfers")
        return answer.status_code

    for count, status in ((200, 422), (RATE + 1, 422), (RATE, 200)):
        clock.now_ns += 1_000_000_000
        assert junk(count) == status
        waits = client.post("/v1/decisions", content=body(), headers=JSON)
        if status == 200:
            # Each of them counted, as it would alone.
            assert waits.status_code == 503
            clock.now_ns += int(waits.headers["retry-after"]) * 1_000_000_000
            waits = client.post("/v1/decisions", content=body(), headers=JSON)
        assert waits.status_code == 200


def test_no_batch_keeps_others_waiting_for_longer_than_it_says(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_no_batch_keeps_others_waiting_for_longer_than_it_says(service, client, monkeypatch)


def test_sabotage_a_batch_of_any_size_is_noticed(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.hot, "batch_max", 1_000)
    with pytest.raises(AssertionError):
        check_no_batch_keeps_others_waiting_for_longer_than_it_says(service, client, monkeypatch)


def test_a_body_that_is_shed_is_not_even_read(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=True)
    rate = ByClock(Bucket(per_second=1, burst=1), clock)
    monkeypatch.setattr(service.app.hot, "_rate", rate)
    client.post("/v1/decisions", content=b"no json", headers=JSON)
    answer = client.post("/v1/decisions", content=b"no json", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")


def test_a_key_that_sends_too_much_is_told_to_wait_and_takes_nothing_from_another(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = rates(service, monkeypatch, shared=False)
    found = Counter(client.get("/v1/model").status_code for _ in range(8))
    assert found == {200: 5, 429: 3}
    answer = client.get("/v1/model")
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("RATE_LIMITED", "1")
    client.headers = {"authorization": f"Bearer {new_api_key(service.home.settings, 'other')}"}
    time.sleep(0.3)
    assert client.get("/v1/model").status_code == 200
    client.headers = {"authorization": f"Bearer {KEY}"}
    assert client.get("/v1/model").status_code == 429
    clock.now_ns += 200_000_000
    assert client.get("/v1/model").status_code == 200
    text = service.metrics.render().decode()
    assert 'crivo_requests_refused_total{code="RATE_LIMITED"}' in text


def test_health_is_never_shed(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(service, monkeypatch, shared=False)
    for _ in range(20):
        assert client.get("/health/live").status_code == 200


def test_the_direct_way_sheds_as_the_usual_one_does(tmp_path: Path) -> None:
    async def talk() -> list[int]:
        home = make_home(tmp_path / "home")
        async with opened(build_service(settings_of(home, HTTP__RATE_MAX="1"))) as door:
            hot = door.service.app.hot
            # Its second never ends.
            hot._rate = ByClock(hot._rate, Time())
            answers = [await door.send(request(body())) for _ in range(2)]
            answers.append(await door.send(request(body(), "connection: close")))
            head, _, rest = request(body()).partition(b"\r\n\r\n")
            answers.append(await door.send(head + b"\r\n\r\n", rest))
            # The second was turned away before either way was taken.
            assert door.went == ["direct", "direct", "usual"]
            assert all((b"retry-after", b"1") in each.headers for each in answers[1:])
            closing = (b"connection", b"close")
            kept = [[each for each in answer.headers if each != closing] for answer in answers[1:]]
            assert kept[0] == kept[1]
            assert answers[1].body == answers[2].body == answers[3].body
            return [each.status for each in answers]

    assert asyncio.run(talk()) == [200, 503, 503, 503]


def test_a_connection_that_was_turned_away_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    async def talk() -> None:
        home = make_home(tmp_path / "home")
        async with opened(build_service(settings_of(home, HTTP__IN_FLIGHT_MAX="1"))) as door:
            hot = door.service.app.hot
            reader, writer = await door.connect()
            hot.arrived()
            for _ in range(3):
                writer.write(request(body()))
                assert (await read_answer(reader)).status == 503
            assert door.went == []
            text = door.service.metrics.render().decode()
            assert 'crivo_requests_refused_total{code="OVERLOADED"} 3.0' in text
            hot.left("/v1/decisions", 499, "")
            # Two at once, one in pieces: what each needs is still told apart.
            writer.write(request(body()))
            assert (await read_answer(reader)).status == 200
            writer.write(request(body())[:50])
            await asyncio.sleep(0.02)
            hot.arrived()
            writer.write(request(body()))
            assert (await read_answer(reader)).status in {400, 422, 503}
            hot.left("/v1/decisions", 499, "")
            writer.close()

    asyncio.run(talk())


HEAD = b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"content-length: 2\r\n\r\n{}",
        HEAD + b"Content-Length:2\r\nConnection: keep-alive\r\n\r\n{}",
        HEAD + b"content-length: 0\r\n\r\n",
        request(KNOWN),
    ],
)
def test_one_whole_request_for_a_decision_is_known_by_its_bytes(data: bytes) -> None:
    assert is_one_decision(data)
    # A byte less is not whole, a byte more is more than one.
    assert not is_one_decision(data[:-1])
    assert not is_one_decision(data + b"P")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD + b"\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"content-length: 2, 2\r\n\r\n{}",
        HEAD + b"content-length: +2\r\n\r\n{}",
        HEAD + b"content-length: 2\r\nx: a\r\n content-length: 9\r\n\r\n{}",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        HEAD + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n{}",
        HEAD + b"content-length: 2\r\nconnection: close\r\n\r\n{}",
        HEAD + b"content-length: 2\r\nconnection: keep-alive, close\r\n\r\n{}",
        HEAD + b"content-length: 2\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n{}",
        HEAD.replace(b"host: x\r\n", b"") + b"content-length: 2\r\n\r\n{}",
        HEAD + b"Host: y\r\ncontent-length: 2\r\n\r\n{}",
        HEAD.replace(b"1.1", b"1.0") + b"content-length: 2\r\n\r\n{}",
        HEAD.replace(b"POST", b"GET") + b"content-length: 2\r\n\r\n{}",
        HEAD.replace(b"decisions", b"decisions:batch") + b"content-length: 2\r\n\r\n{}",
        HEAD.replace(b"decisions", b"decisions?phase=x") + b"content-length: 2\r\n\r\n{}",
        HEAD.replace(b"\r\n", b"\n") + b"content-length: 2\n\n{}",
    ],
)
def test_what_may_be_another_request_is_read(data: bytes) -> None:
    assert not is_one_decision(data)
