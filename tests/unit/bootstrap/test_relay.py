"""Whether a service passes its log on."""

from __future__ import annotations

import sys
import threading

import pytest

from crivo.bootstrap import relay as relay_of
from crivo.bootstrap.copying import make_kafka_log
from crivo.bootstrap.home import open_home
from crivo.bootstrap.relay import open_relay
from crivo.domain.errors import Code, Misconfigured, Unavailable
from tests.e2e.homes import settings_of
from tests.ports.logs import events
from tests.unit.flows.test_relay import Rows

SOMEWHERE = "kafka://127.0.0.1:1"


def test_a_log_is_passed_on_where_that_is_asked_for(tmp_path):
    with open_home(settings_of(tmp_path), writer=True) as home:
        assert open_relay(settings_of(tmp_path), home, None) is None
        relay = open_relay(settings_of(tmp_path, RELAY__URL=SOMEWHERE), home, None)
        assert relay.lag() == home.log.end() == 0


def test_a_service_that_is_to_pass_its_log_on_without_a_client_of_kafka_does_not_start(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with (
        open_home(settings_of(tmp_path), writer=True) as home,
        pytest.raises(Misconfigured) as refused,
    ):
        open_relay(settings_of(tmp_path, RELAY__URL=SOMEWHERE), home, None)
    assert refused.value.code is Code.SETTING_INVALID
    assert "make extra NAME=kafka" in str(refused.value)


def test_the_log_that_is_made_is_the_one_that_is_passed_on_where_no_other_is_named(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    for given, named in ({}, SOMEWHERE), ({"LOG__URL": "kafka://127.0.0.1:2"}, "127.0.0.1:2"):
        with pytest.raises(Misconfigured, match=named.removeprefix("kafka://")) as refused:
            make_kafka_log(settings_of(tmp_path, RELAY__URL=SOMEWHERE, **given))
        assert "make extra NAME=kafka" in str(refused.value)


class Target(Rows):
    """A log that answers each turn as it is told to: with an error, or by taking what comes."""

    def __init__(self, *turns):
        super().__init__(0)
        self.turns = list(turns)
        self.closed = 0

    def append_stored(self, rows):
        if self.turns and (error := self.turns.pop(0)) is not None:
            raise Unavailable(error, "it is so on purpose", hint="")
        super().append_stored(rows)

    def close(self):
        self.closed += 1


class Told:
    """The codes that a relay told, and the newest lag; it stops after so many, or at rest."""

    def __init__(self, stop, count):
        self.codes, self.lag = [], None
        self._stop, self._count = stop, count

    def relay_lags(self, count):
        self.lag = count
        if count == 0:
            self._stop.set()

    def not_relayed(self, code):
        self.codes.append(code)
        if len(self.codes) == self._count:
            self._stop.set()


def worked(tmp_path, monkeypatch, target, count=100):
    """What a relay of three events told until it stopped, and how often it took the name."""
    opened, stop = [], threading.Event()

    def open_rows(_settings, source):
        assert source.end() == 3
        opened.append(target)
        return target

    monkeypatch.setattr(relay_of, "open_kafka_rows", open_rows)
    monkeypatch.setattr(relay_of, "AGAIN_SECONDS", 0.001)
    settings, told = settings_of(tmp_path, RELAY__URL=SOMEWHERE), Told(stop, count)
    with open_home(settings, writer=True) as home:
        home.log.append(events(0, 3))
        open_relay(settings, home, told).work(stop)
    return told, len(opened)


def test_the_writers_name_is_taken_once_however_long_brokers_are_away(tmp_path, monkeypatch):
    """Law: who took it meanwhile is met as the writer, not ended by a relay that opens anew."""
    target = Target(Code.LOG_UNAVAILABLE, Code.LOG_UNAVAILABLE, None)
    told, opened = worked(tmp_path, monkeypatch, target)
    assert (told.codes, told.lag) == (["LOG_UNAVAILABLE"] * 2, 0)
    assert (opened, target.closed, len(target.rows)) == (1, 1, 3)


def test_a_relay_that_was_taken_over_says_so_until_its_service_ends(tmp_path, monkeypatch):
    target = Target(Code.LOG_LOCKED, None)
    told, opened = worked(tmp_path, monkeypatch, target, count=4)
    assert (told.codes, told.lag) == (["LOG_LOCKED"] * 4, 3)
    assert (opened, target.closed, target.rows) == (1, 1, [])
