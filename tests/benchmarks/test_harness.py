"""The harness keeps its shape. No test here looks at how fast anything was."""

from __future__ import annotations

import io
import json
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.load import openloop, transfers

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["what", "unit", "target", "found", "holds", "peer", "ratio", "spread", "runs"]
COLUMNS += ["machine", "date"]
SETTING = harness.Setting(quick=True, machine="a machine", date="2026-01-02")


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_row_has_exactly_the_promised_names():
    assert list(harness.COLUMNS) == COLUMNS
    assert list(asdict(SETTING.row("x", "s", [1.0]))) == [*COLUMNS, "bound", "quick", "load"]


@pytest.mark.slow
def test_the_list_names_every_benchmark_with_its_words():
    lines = benchmarks().stdout.splitlines()
    assert [line.split()[0] for line in lines] == harness.names()
    assert all(len(line.split()) > 2 for line in lines)


@pytest.mark.slow
def test_the_help_names_every_benchmark():
    said = benchmarks("--help").stdout.replace(",", " ").replace(".", " ").split()
    assert set(harness.names()) <= set(said)


def test_an_unknown_benchmark_is_a_misuse():
    answer = benchmarks("gone")
    assert answer.returncode == 2
    assert "spine" in answer.stderr


def test_a_row_holds_where_there_is_no_target():
    row = SETTING.row("x", "s", [1.0])
    assert row.holds
    assert (row.target, row.bound) == (None, None)


@pytest.mark.parametrize(
    ("values", "targets", "holds"),
    [
        ([9.0, 10.0, 11.0], {"at_least": 10.0}, True),
        ([9.0, 9.5, 11.0], {"at_least": 10.0}, False),
        ([9.0, 10.0, 11.0], {"at_most": 10.0}, True),
        ([9.0, 10.5, 11.0], {"at_most": 10.0}, False),
    ],
)
def test_a_target_is_held_by_the_median(values, targets, holds):
    row = SETTING.row("x", "s", values, **targets)
    assert row.holds is holds
    assert row.target == 10.0
    assert row.bound is harness.Bound[next(iter(targets)).upper()]


def test_a_row_says_its_peer_ratio_and_spread():
    row = SETTING.row("x", "s", [8.0, 10.0, 12.0], peer=5.0)
    assert (row.found, row.ratio, row.spread, row.runs) == (10.0, 2.0, 0.4, 3)


def test_what_was_not_run_neither_holds_nor_fails():
    row = SETTING.not_run("x by y", "s", "not installed", at_least=10.0)
    assert (row.found, row.holds, row.ratio, row.spread, row.runs) == (None, None, None, None, 0)
    assert (row.target, row.bound) == (10.0, harness.Bound.AT_LEAST)
    assert row.what == "x by y (not run: not installed)"
    out = io.StringIO()
    harness.write_table([row], out)
    assert " yes" not in out.getvalue()
    assert "NO" not in out.getvalue()


def test_the_table_has_exactly_the_columns():
    out = io.StringIO()
    harness.write_table([SETTING.row("x", "s", [1.0])], out)
    assert out.getvalue().splitlines()[0].split() == COLUMNS


def test_the_bodies_of_a_seed_are_the_same_and_each_id_is_new():
    first, second = (list(transfers.bodies(50, seed=3, start=10**15, gap=1000)) for _ in range(2))
    assert first == second
    assert len({json.loads(body)["end_to_end_id"] for body in first}) == 50


class Stalling(socketserver.StreamRequestHandler):
    """Answers nothing before the server's release, then at once."""

    def handle(self) -> None:
        while self.rfile.readline() not in {b"", b"\r\n"} or self.rfile.peek():
            if self.rfile.peek()[:2] == b"{}":
                self.rfile.read(2)
                time.sleep(max(0.0, self.server.release - time.perf_counter()))
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = openloop.CONNECTIONS
    release = 0.0

    def handle_error(self, request, client_address):
        """A client that leaves is no error here."""
        assert isinstance(sys.exc_info()[1], OSError)


class Twice(socketserver.StreamRequestHandler):
    """Answers each request twice: in one piece, or the second time a little later."""

    later = 0.0

    def handle(self):
        while head := self.rfile.readline():
            if head == b"\r\n":
                self.rfile.read(2)
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
                self.wfile.write(answer * 2 if self.later == 0 else answer)
                if self.later:
                    time.sleep(self.later)
                    self.wfile.write(answer)


@pytest.mark.slow
@pytest.mark.parametrize("later", [0.0, 0.05])
def test_an_answer_that_nobody_asked_for_is_noticed(later, monkeypatch):
    monkeypatch.setattr(Twice, "later", later)
    with Server(("127.0.0.1", 0), Twice) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        requests = [openloop.http_request("/", b"{}", host="h", api_key="k")] * 200
        with pytest.raises(ConnectionError, match=r"twice|nobody"):
            openloop.run_load(*server.server_address, requests, rate=500, seed=1)
        server.shutdown()
        thread.join()


class Heard(socketserver.StreamRequestHandler):
    """Answers every request, and keeps its first word."""

    words: list[bytes]

    def handle(self):
        while line := self.rfile.readline():
            words = line.split()
            if words[-1:] == [b"HTTP/1.1"]:
                self.words.append(words[0])
            if line == b"\r\n":
                if self.words[-1] == b"POST":
                    self.rfile.read(2)
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_each_connection_is_greeted_before_anything_is_due(monkeypatch):
    monkeypatch.setattr(Heard, "words", [], raising=False)
    with Server(("127.0.0.1", 0), Heard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        requests = [openloop.http_request("/", b"{}", host="h", api_key="k")] * 20
        greeting = openloop.http_get("/health/live", host="h")
        outcome = openloop.run_load(
            *server.server_address, requests, rate=0, seed=1, connections=1, greeting=greeting
        )
        server.shutdown()
        thread.join()
    assert Heard.words == [b"GET"] + [b"POST"] * 20
    assert (len(outcome.latencies_ms), outcome.statuses) == (20, {200: 20})
    # A caller who does not pause asks when it has its answer: its waits come one after another.
    assert sum(outcome.latencies_ms) <= outcome.seconds * 1e3


@pytest.mark.slow
def test_a_stall_is_charged_to_everything_that_was_due_meanwhile():
    with Server(("127.0.0.1", 0), Stalling) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.release = time.perf_counter() + 0.3
        requests = [openloop.http_request("/", b"{}", host="h", api_key="k")] * 200
        port = server.server_address[1]
        outcome = openloop.run_load("127.0.0.1", port, requests, rate=1000, seed=1)
        server.shutdown()
        thread.join()
    assert outcome.statuses == {200: 200}
    # Far more than the connections: those that could not even be sent have waited as well.
    assert len([ms for ms in outcome.latencies_ms if ms > 50]) > 2 * openloop.CONNECTIONS


class Silent(socketserver.StreamRequestHandler):
    """Reads what comes and answers nothing."""

    def handle(self):
        while self.rfile.readline():
            pass


@pytest.mark.slow
def test_what_is_never_answered_is_counted_with_the_wait_for_it(monkeypatch):
    monkeypatch.setattr(openloop, "PATIENCE_SECONDS", 0.2)
    with Server(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        requests = [openloop.http_request("/", b"{}", host="h", api_key="k")] * 100
        outcome = openloop.run_load(*server.server_address, requests, rate=1000, seed=1)
        server.shutdown()
        thread.join()
    assert outcome.statuses == {openloop.UNANSWERED: 100}
    assert len(outcome.latencies_ms) == 100
    assert min(outcome.latencies_ms) >= 200
