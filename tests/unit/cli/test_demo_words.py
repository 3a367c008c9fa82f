"""What a demo says at its end is there: the parts of its home, and no page that is closed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from crivo.cli import demo, stopping
from crivo.cli.demo_server import Served
from crivo.cli.demo_verdict import _frauds, _holds, _scores
from crivo.cli.player import Score
from tests.unit.cli.test_demo_check import GOOD


def test_a_home_is_said_to_hold_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").touch()
    (tmp_path / "models").mkdir()
    assert _holds(tmp_path) == ["log.sqlite", "models/"]
    (tmp_path / "world").mkdir()
    assert "world/" in _holds(tmp_path)


@pytest.mark.parametrize("tells_key", [True, False])
def test_a_demo_that_stays_says_how_to_call_it_and_its_key_once(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    tells_key: bool,
) -> None:
    def interrupt(_seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(stopping.time, "sleep", interrupt)
    # Whoever runs tests in the background of a shell has it ignored, and a demo waits for good.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    served = Served(1, "http://127.0.0.1:9", "k" * 43, tmp_path)
    page = "http://127.0.0.1:9/open?token=fresh"
    monkeypatch.setattr(demo, "new_page_link", lambda _: page)
    try:
        demo._stay(served, tmp_path, tells_key=tells_key)
    finally:
        signal.signal(signal.SIGINT, before)
    printed = capsys.readouterr()
    said = printed.err
    assert printed.out == ""
    assert said.count("k" * 43) == tells_key
    curl = 'curl -sS http://127.0.0.1:9/v1/model -H "Authorization: Bearer $KEY"\n'
    assert (f"  KEY={'k' * 43}\n  {curl}" in said) is tells_key
    for words in (
        f"The live page: {page} (opens once, within 10 minutes)\n",
        "/openapi.json",
        f"crivo keys new me --role admin --home {tmp_path}",
    ):
        assert words in said
    assert said.endswith("Stopping.\n")


def test_every_decision_is_said_to_have_a_score_or_why_it_has_none():
    found = replace(GOOD, score=Score(decided=12), unscored={"NOT_SCORED_RETURN": 3})
    said = "decided 12 = scored 9 + without a score 3 (3 NOT_SCORED_RETURN)"
    assert _scores(found) == said
    assert found.as_json({})["unscored"] == {"NOT_SCORED_RETURN": 3}
    whole = _scores(replace(found, unscored={}))
    assert whole == "decided 12 = scored 12 + without a score 0"


def test_it_is_said_why_the_scoreboard_knows_fewer_frauds_than_the_table():
    score = Score(frauds_known={"a", "b", "earlier"}, played={"a", "b", "c", "d"})
    found = replace(GOOD, score=score, quality=replace(GOOD.quality, frauds=3))
    assert _frauds(found).startswith("3 by the whole table, of which 2 were reported by now")
