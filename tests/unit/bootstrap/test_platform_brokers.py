"""How many brokers a platform has: what is asked for at first, and from then on what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.bootstrap.platform import Platform, supervise
from crivo.domain.errors import Code, Misconfigured, Unavailable
from tests.e2e.homes import make_home, settings_of
from tests.integration.commands import crivo


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose Java makes folders ready, and is a broker for a moment."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\nexit 0\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{java.parent}:/usr/bin:/bin")
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "kafka_2.13.jar").touch()
    return make_home(tmp_path / "home")


def begun(home: Path, brokers: int | None) -> int:
    """How many brokers a platform begins."""
    logs = home / "platform"
    with pytest.raises(Unavailable, match="broker-1 did not start"):
        supervise(settings_of(home), Platform(brokers, home.parent / "jars"), lambda: True)
    found = list(logs.glob("broker-*.log"))
    for each in found:
        each.unlink()
    return len(found)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "count"), [(None, 1), (1, 1), (3, 3)])
def test_a_platform_has_as_many_brokers_as_it_was_made_with(home, first, count):
    assert begun(home, first) == count
    assert begun(home, None) == begun(home, count) == count


def test_another_number_of_brokers_than_the_home_has_is_refused(home):
    assert begun(home, 3) == 3
    with pytest.raises(Misconfigured, match="has 3 brokers, not 1") as refused:
        begun(home, 1)
    assert refused.value.code is Code.LOG_MISMATCH


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 2, 4])
def test_brokers_are_one_or_three(capsys, tmp_path, count):
    said = crivo(capsys, "platform", "up", "--home", tmp_path, "--brokers", count)
    assert said.code == 2
    assert "--brokers" in said.err and f"or 3 of which one may end; found {count}" in said.err
    assert not (tmp_path / "platform").exists()
