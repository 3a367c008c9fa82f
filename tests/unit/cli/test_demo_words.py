"""What a demo says at its end is there: the parts of its home, and no page that is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.cli import demo
from crivo.cli.demo_server import Served
from crivo.cli.demo_verdict import _holds


def test_a_home_is_said_to_hold_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").touch()
    (tmp_path / "models").mkdir()
    assert _holds(tmp_path) == ["log.sqlite", "models/"]
    (tmp_path / "world").mkdir()
    assert "world/" in _holds(tmp_path)


def test_a_demo_that_stays_says_how_to_call_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo.time, "sleep", interrupt)
    page = "http://127.0.0.1:9/open?token=t"
    served = Served(1, "http://127.0.0.1:9", "k" * 43, page, tmp_path)
    demo._stay(served, tmp_path)
    said = capsys.readouterr().err
    for words in (
        served.page,
        "/openapi.json",
        f"crivo keys new me --role admin --home {tmp_path}",
    ):
        assert words in said
