"""More than a set rate: what is too much is refused before it costs anything, the rest answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crivo.adapters.http.rate import Bucket, Buckets
from crivo.bootstrap.home import new_api_key
from crivo.bootstrap.service import Service, build_service
from crivo.domain.streams import Stream
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller, called
from tests.integration.doors import body, opened, request

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
    return build_service(settings_of(home, HTTP__RATE_MAX=str(RATE), HTTP__KEY_RATE_MAX="5"))


@pytest.fixture(scope="module")
def running(service: Service) -> Iterator[Caller]:
    with called(service) as caller:
        yield caller


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


def test_a_body_that_is_shed_is_not_even_read(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(service, monkeypatch, shared=True)
    monkeypatch.setattr(service.app.hot, "_rate", Bucket(per_second=1, burst=1))
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
            answers = [await door.send(request(body())) for _ in range(3)]
            head, _, rest = request(body()).partition(b"\r\n\r\n")
            answers.append(await door.send(head + b"\r\n\r\n", rest))
            assert door.went == ["direct", "direct", "direct", "usual"]
            assert all((b"retry-after", b"1") in each.headers for each in answers[1:])
            return [each.status for each in answers]

    assert asyncio.run(talk()) == [200, 503, 503, 503]
