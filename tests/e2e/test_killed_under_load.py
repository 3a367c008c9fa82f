"""Killed at a random moment under load, the service loses no answered decision and doubles none."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from crivo.bootstrap.home import Paths
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import SECOND, format_rfc3339, parse_rfc3339
from crivo.domain.streams import Stream
from tests.e2e.homes import KEY, environment, make_home

CLIENTS = 8
START = parse_rfc3339("2026-11-23T12:00:00Z")

pytestmark = pytest.mark.slow


class Running:
    """A service in a process of its own that can be killed and started again."""

    def __init__(self, home: Path, root: Path) -> None:
        self._home, self._root = home, root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self) -> None:
        command = [sys.executable, "-m", "crivo", "serve", "--port", str(self.port)]
        with (self._home / "serve.log").open("ab") as said:
            self.process = subprocess.Popen(
                command,
                cwd=self._root,
                env={**os.environ, **environment(self._home)},
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self._home / "serve.log").read_text()
            try:
                with urllib.request.urlopen(self.address("/health/ready"), timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the service did not become ready")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def decide(self, number: int) -> Any:
        """The answer to transfer `number`; None where the service died over it."""
        at = START + number * SECOND // 100
        body = {
            "end_to_end_id": derived_end_to_end_id(at, "kill", str(number)),
            "occurred_at": format_rfc3339(at),
            "amount_centavos": 1 + number * 977 % 2_000_000,
            "payer_account_id": f"payer {number % 50}",
            "payee_account_id": f"payee {number % 20}",
        }
        request = urllib.request.Request(
            self.address("/v1/decisions"),
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except (OSError, ValueError):
            return None


def load(service: Running, answered: dict[int, Any], first: int, seconds: float) -> int:
    """Asks with many clients until the service is killed after `seconds`; the next free number."""
    numbers = iter(range(first, first + 1_000_000))
    lock, asked = threading.Lock(), [first]

    def client() -> None:
        while True:
            with lock:
                number = next(numbers)
                asked[0] = number + 1
            answer = service.decide(number)
            if answer is None:
                return
            answered[number] = answer

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    service.kill()
    for thread in threads:
        thread.join()
    return asked[0]


def test_no_answered_decision_is_lost_or_doubled(root: Path, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # shown where the test fails
    chance = random.Random(seed)
    service = Running(make_home(tmp_path / "home"), root)
    answered: dict[int, Any] = {}
    first = 0
    for _ in range(3):
        service.start()
        first = load(service, answered, first, 0.3 + chance.random())
    service.start()
    try:
        assert len(answered) > 100
        for number, answer in answered.items():
            again = service.decide(number)
            assert {**again, "repeat": None} == {**answer, "repeat": None}
    finally:
        service.kill()
    from crivo.adapters.sqlite.reader import open_reader

    reader = open_reader(Paths(tmp_path / "home").log)
    found: list[str] = []
    while page := reader.read(start=len(found), limit=10_000):
        assert {stored.event.stream for stored in page} == {Stream.DECISIONS}
        found += [json.dumps(list(stored.event.event_id)) for stored in page]
    reader.close()
    assert len(found) == len(set(found))
    assert len(answered) <= len(found) <= first
