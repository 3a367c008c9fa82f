"""What a number of the command line may be is said at its door, with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from crivo.cli.main import app
from tests.integration.commands import crivo

FAR = 10**20
#: What these may be is said by who takes them, with the same exit code.
SAID_ELSEWHERE = {
    ("simulate", "seed"),
    ("simulate", "days"),
    ("simulate", "past_days"),
    ("simulate", "keep_one_in"),
    ("serve", "port"),
    ("platform", "up", "brokers"),
    ("platform", "supervise", "brokers"),
}


def integers(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], tuple[Any, Any]]]:
    """All options and arguments of a command, and of those below it, that take integers."""
    for name, below in getattr(group, "commands", {}).items():
        yield from integers(below, *names, name)
    for parameter in group.params:
        if parameter.type_descriptor.annotation is int:
            yield (*names, parameter.name), (parameter.min, parameter.max)


def test_every_integer_has_a_least_and_a_greatest_value_where_it_is_declared() -> None:
    bounds = dict(integers(typer.main.get_command(app)))
    assert len(bounds) > 20
    assert {name for name, of in bounds.items() if None in of} == SAID_ELSEWHERE


@pytest.mark.parametrize(
    "asked",
    [
        ("features", "verify", "--one-in", FAR),
        ("features", "build", "--silent-one-in", FAR),
        ("features", "build", "--label-delay-days", 99_999_999_999_999),
        ("lake", "training-set", "a", "--silent-one-in", FAR),
        ("lake", "vacuum", "--hours", FAR),
        ("lake", "show", "gold.volumes_hourly", "--version", FAR),
        ("quarantine", "list", "--limit", FAR),
        ("quarantine", "show", "row", FAR),
        ("backtest", "--label-delay-days", FAR),
        ("serve", "--port", FAR),
        ("platform", "up", "--brokers", FAR),
        ("simulate", "--out", "world", "--days", FAR),
        ("simulate", "--out", "world", "--past-days", FAR),
        ("simulate", "--out", "world", "--keep-one-in", FAR),
    ],
    ids=lambda asked: " ".join(map(str, asked[:-1])),
)
def test_a_number_out_of_reach_is_misuse_and_named(
    asked: tuple[object, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = crivo(capsys, *asked)
    assert said.code == 2, said.err
    named = str(asked[-2]).removeprefix("--").replace("-", "_")
    assert named in said.err.lower().replace("-", "_")
    assert list(tmp_path.iterdir()) == []
