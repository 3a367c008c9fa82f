"""Who writes the log in Kafka that is a home's own: one at a time, and what that home holds."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from crivo.bootstrap import kafka as kafka_of
from crivo.bootstrap.brokers_first import open_serving_home
from crivo.bootstrap.home import Home, open_home
from crivo.bootstrap.kafka import importing_to_kafka
from crivo.bootstrap.relay import OpenRelay, open_relay
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.group_commit import call_directly
from tests.e2e.homes import settings_of
from tests.e2e.relayed import is_same, passed_on
from tests.integration.commands import crivo
from tests.outages import SECONDS_MAX, await_so
from tests.ports.kafka_logs import url_of
from tests.ports.logs import events

pytestmark = pytest.mark.slow


@dataclass
class Told:
    """What a relay told: the newest lag, and its failures by code."""

    lag: int | None = None
    codes: Counter[str] = field(default_factory=Counter)

    def relay_lags(self, count):
        self.lag = count

    def not_relayed(self, code):
        self.codes[code] += 1


@dataclass
class Relaying:
    """A home whose log is passed on by a thread."""

    home: Home
    told: Told
    work: Future[None]


@contextmanager
def relaying(folder, where):
    settings, told, stop = settings_of(folder, RELAY__URL=url_of(where)), Told(), threading.Event()
    with open_home(settings, writer=True) as home, ThreadPoolExecutor(1) as threads:
        try:
            yield Relaying(home, told, threads.submit(open_relay(settings, home, told).work, stop))
        finally:
            stop.set()


def append(folder, first, last):
    with open_home(settings_of(folder), writer=True) as home:
        home.log.append(events(first, last))


def copied(tmp_path, count):
    """A home whose log holds so many events, and a copy of it."""
    one, other = tmp_path / "one", tmp_path / "other"
    append(one, 0, count)
    return one, shutil.copytree(one, other)


def go_on(one, where):
    """Brokers hold ten events, of which a copy has seven."""
    one.home.log.append(events(7, 10))
    await_so(lambda: len(passed_on(where)) == 10)


@pytest.mark.parametrize("grown", [0, 2, 3, 5])
def test_a_log_that_went_on_without_the_other_is_not_passed_on(capsys, tmp_path, cluster, grown):
    """Law: what is passed on is what brokers hold and more; whoever writes there goes on."""
    former, restored = copied(tmp_path, 7)
    with relaying(former, cluster) as one:
        go_on(one, cluster)
        if grown:
            append(restored, 100, 100 + grown)
        with relaying(restored, cluster) as other, pytest.raises(Misconfigured) as refused:
            other.work.result(SECONDS_MAX)
        assert refused.value.code is Code.LOG_MISMATCH and "space of its own" in refused.value.hint
        to = ("--to", url_of(cluster), "--home", restored)
        said = crivo(capsys, "log", "copy", "--from", restored, *to)
        assert said.code == 2 and "LOG_MISMATCH" in said.err, said.err
        one.home.log.append(events(10, 12))
        await_so(lambda: is_same(former, cluster))
        assert not one.told.codes


def test_sabotage_a_log_that_is_not_compared_becomes_one_that_no_home_has(
    tmp_path, cluster, monkeypatch
):
    monkeypatch.setattr(kafka_of, "_check_beginning", lambda *_, **__: None)
    former, restored = copied(tmp_path, 7)
    with relaying(former, cluster) as one:
        go_on(one, cluster)
    append(restored, 100, 105)
    with relaying(restored, cluster):
        await_so(lambda: len(passed_on(cluster)) == 12)
    assert not is_same(former, cluster) and not is_same(restored, cluster)


def test_a_home_that_was_put_back_and_brought_no_news_is_passed_on(tmp_path, cluster):
    former, restored = copied(tmp_path, 7)
    with relaying(former, cluster):
        await_so(lambda: is_same(former, cluster))
    with relaying(restored, cluster) as again:
        again.home.log.append(events(50, 60))
        await_so(lambda: is_same(restored, cluster))


def taken_back(tmp_path, where):
    """Whether a relay takes the writer's name back from a copy of its home that began after it."""
    former, copy = copied(tmp_path, 7)
    with relaying(former, where) as one:
        await_so(lambda: is_same(former, where))
        with relaying(copy, where) as other:
            await_so(lambda: other.told.lag == 0)
            one.home.log.append(events(7, 8))
            await_so(lambda: one.told.codes["LOG_LOCKED"] > 2 or len(passed_on(where)) == 8)
            other.home.log.append(events(50, 51))
            await_so(lambda: other.told.codes or is_same(copy, where))
            assert not one.work.done()
            assert one.home.log.append(events(8, 9)) == 8, "its service goes on"
            return other.told.codes["LOG_LOCKED"] > 0


def test_a_relay_whose_name_another_took_passes_nothing_on_and_says_so(tmp_path, cluster, caplog):
    """Law: two live copies of a home do not take the writer's name back and forth."""
    assert not taken_back(tmp_path, cluster)
    (said,) = [each for each in caplog.records if each.message == "relay.taken_over"]
    assert said.code == Code.LOG_LOCKED
    # Whoever starts the copy anew takes it over, as a restart does.
    with relaying(tmp_path / "other", cluster) as again:
        again.home.log.append(events(51, 55))
        await_so(lambda: is_same(tmp_path / "other", cluster))


def test_sabotage_a_relay_that_begins_again_takes_the_name_back(tmp_path, cluster, monkeypatch):
    def begin_again(self, stop):
        while not stop.is_set():
            self._pass_on(stop)

    monkeypatch.setattr(OpenRelay, "work", begin_again)
    assert taken_back(tmp_path, cluster)


def refusals(capsys, folder, where):
    """What commands that would write the log in Kafka say with that home."""
    said = [
        crivo(capsys, *words, "--log", url_of(where), "--home", folder)
        for words in (("receive", "--until-end"), ("quarantine", "replay"), ("log", "make"))
    ]
    with (
        pytest.raises(Misconfigured) as refused,
        importing_to_kafka(settings_of(folder, LOG__URL=url_of(where))),
    ):
        pass
    return [*((each.code, each.err) for each in said), (2, str(refused.value))]


@contextmanager
def brokers_first(folder, where):
    with ExitStack() as opened:
        asked = settings_of(folder, RELAY__URL=url_of(where), RELAY__FIRST="brokers")
        yield open_serving_home(asked, call_directly, opened).log


@pytest.fixture
def few_partitions(monkeypatch):
    told = {"LOG__PARTITIONS": 4, "KAFKA__REPLICAS": 1, "KAFKA__IN_SYNC_MIN": 1}
    for name, value in told.items():
        monkeypatch.setenv(f"CRIVO_{name}", str(value))


def test_nobody_else_writes_the_log_of_a_home_whose_brokers_come_first(
    capsys, tmp_path, cluster, few_partitions
):
    with brokers_first(tmp_path, cluster) as log:
        log.append(events(0, 5))
        for code, words in refusals(capsys, tmp_path, cluster):
            assert code == 2 and "the one of this home's file" in words, words
        log.append(events(5, 8))
        await_so(lambda: is_same(tmp_path, cluster))


def test_sabotage_one_that_is_not_refused_ends_the_service(
    capsys, tmp_path, cluster, few_partitions, monkeypatch
):
    monkeypatch.setattr(kafka_of, "_check_own", lambda *_: None)
    with brokers_first(tmp_path, cluster) as log:
        log.append(events(0, 5))
        said = crivo(capsys, "log", "make", "--log", url_of(cluster), "--home", tmp_path)
        assert said.code == 0, said.err
        with pytest.raises(Unavailable) as ended:
            log.append(events(5, 8))
        assert ended.value.code is Code.LOG_LOCKED
