"""The platform as real processes: up, one killed and begun anew, decided through, and down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.processes.supervisor import Part, Supervisor, read_state
from crivo.bootstrap.home import Paths, record_cipher
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from crivo.governance.record_cipher import Rotation
from tests.e2e.homes import environment, make_home
from tests.integration.test_dead_letters import event
from tests.ports.kafka_logs import open_log_in

pytestmark = pytest.mark.slow


def platform(home, *command, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "crivo", "platform", *command, "--home", str(home), "--json"],
        env={**os.environ, **environment(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else json.loads(done.stdout)


def parts_of(state):
    return {part["name"]: part for part in state["parts"]}


def await_parts(home, is_so):
    until = time.monotonic() + 120
    while True:
        state = read_state(home / "platform")
        if state is not None and is_so(parts_of(state)):
            return parts_of(state)
        assert time.monotonic() < until, state
        time.sleep(0.2)


def await_decided(home, cluster, count):
    cipher = record_cipher(Paths(home), Rotation())
    until = time.monotonic() + 90
    while True:
        with closing(KafkaLogReader(cluster, cipher=cipher)) as reader:
            found = reader.read(start=0, limit=100, streams=frozenset({Stream.DECISIONS}))
        if len(found) == count:
            return
        assert time.monotonic() < until, f"{len(found)} decided"
        time.sleep(0.3)


def append(cluster, number):
    with closing(open_log_in(cluster)) as log:
        log.append([event(number)])


def test_parts_come_up_decide_are_begun_anew_and_end(tmp_path, kafka):
    home = make_home(tmp_path / "home")
    assert "no platform is up" in platform(home, "status", code=1)
    parts = parts_of(platform(home, "up", "--jars", str(kafka.jars)))
    try:
        assert list(parts) == ["broker-1", "worker", "service"]
        assert all(part["healthy"] for part in parts.values())
        assert "LOG_LOCKED" in platform(home, "up", "--jars", str(kafka.jars), code=3)
        cluster = Cluster(parts["broker-1"]["address"])
        append(cluster, 0)
        await_decided(home, cluster, 1)
        for name in ("worker", "broker-1"):
            os.kill(parts[name]["pid"], signal.SIGKILL)
        after = await_parts(
            home,
            lambda now: all(
                now[name]["restarts"] and now[name]["healthy"] for name in ("broker-1", "worker")
            ),
        )
        assert after["service"]["pid"] == parts["service"]["pid"], "it was left alone"
        append(cluster, 1)
        await_decided(home, cluster, 2)
    finally:
        assert platform(home, "down") == {"was_up": True}
    for part in after.values():
        with pytest.raises(ProcessLookupError):
            os.kill(part["pid"], 0)
    assert platform(home, "down") == {"was_up": False}


def part(name, *command, is_healthy):
    return Part(name, command, "nowhere", is_healthy)


def test_a_part_that_ends_at_once_is_named_with_what_it_said(tmp_path):
    supervisor = Supervisor(tmp_path)
    try:
        with pytest.raises(Unavailable, match="no such luck") as raised:
            supervisor.start(
                part("bad", "sh", "-c", "echo no such luck; exit 3", is_healthy=lambda: False)
            )
        assert raised.value.code is Code.NOT_READY
        with pytest.raises(Unavailable) as raised:
            Supervisor(tmp_path)
        assert raised.value.code is Code.LOG_LOCKED
    finally:
        supervisor.stop()
    assert read_state(tmp_path) is None


def test_a_part_that_does_not_listen_to_its_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("crivo.adapters.processes.supervisor.STOP_SECONDS_MAX", 0.3)
    deaf, ready = "trap '' TERM; touch ready; while :; do sleep 0.05; done", tmp_path / "ready"
    supervisor = Supervisor(tmp_path)
    made = Part("deaf", ("sh", "-c", deaf), "nowhere", ready.exists, folder=tmp_path)
    supervisor.start(made)
    seen = []

    def should_stop():
        seen.append(read_state(tmp_path))
        return len(seen) > 1

    supervisor.watch(should_stop)
    supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(seen[-1]["parts"][0]["pid"], 0)
