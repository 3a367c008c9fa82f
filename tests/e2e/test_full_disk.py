"""A service whose disk takes nothing more answers 503, loses nothing, and goes on by itself.

The disk of a running service is filled from outside: no file of it may be written beyond its first
page. The write-ahead log is written behind that, and so each commit fails as on a full disk.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from tests.e2e.homes import make_home
from tests.e2e.serving import Served, serving
from tests.e2e.test_kill import Answered, judge_answers, judge_log
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

PAGE_BYTES = 4_096


def body_of(number: int) -> dict[str, object]:
    return {**GOOD, "end_to_end_id": f"E12345678202611231200full{number:07d}"}


def limit(served: Served, most: int | None = None) -> None:
    """From now on no file of the service grows beyond this; None: beyond what it was given."""
    given, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = given if most is None else most
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def answered_some(served: Served, numbers: range, answered: Answered) -> None:
    with served.client() as client:
        for number in numbers:
            body = body_of(number)
            answer = client.post("/v1/decisions", json=body)
            assert answer.status_code == 200, answer.text
            answered[str(body["end_to_end_id"])] = (body, answer.content)


def refused_all(served: Served, numbers: range) -> None:
    with served.client() as client:
        for number in numbers:
            answer = client.post("/v1/decisions", json=body_of(number))
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (503, "LOG_UNAVAILABLE")
            assert problem["hint"]
            assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/health/live").status_code == 200


def answers_again(served: Served, number: int) -> None:
    with served.client() as client:
        deadline = time.monotonic() + 300
        while client.post("/v1/decisions", json=body_of(number)).status_code != 200:
            assert time.monotonic() < deadline, served.said.read_text()
            time.sleep(0.1)


def test_a_full_disk_is_answered_503_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    answered: Answered = {}
    with serving(home) as served:
        answered_some(served, range(20), answered)
        for turn in (1, 2):
            before, between = range(turn * 100, turn * 100 + 5), range(turn * 100 + 50)
            limit(served, PAGE_BYTES)
            refused_all(served, before)
            limit(served)
            answers_again(served, turn * 100)
            # Who was refused sends the same again; who was answered before gets the same again.
            answered_some(served, before, answered)
            answered_some(served, between[-5:], answered)
        judge_answers(served, answered)
        assert served.stop() == 0
    assert judge_log(home / "log.sqlite", answered) == len(answered)
