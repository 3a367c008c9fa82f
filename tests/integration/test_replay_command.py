"""`crivo replay` answers with its exit code: 0 equal, 1 something differs, 3 nothing there."""

from __future__ import annotations

import json
import sys

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.cli.main import main
from crivo.decision.record import Derived
from crivo.domain.clock import ClockKind
from tests.integration.test_replay_sabotage import DERIVED, forged, stored
from tests.unit.decision.worlds import play, world

#: The place of the outcome in the array of `derived`.
OUTCOME = Derived.__struct_fields__.index("outcome")


@pytest.fixture
def home(tmp_path):
    with world(tmp_path) as played:
        play(played, 4, 40)
    return tmp_path


@pytest.fixture
def crivo(monkeypatch, capsys):
    """Runs the command line: (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["crivo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def forge(home) -> None:
    """Another outcome in the last decision of the log."""

    def change(parts):
        derived = msgspec.msgpack.decode(parts[DERIVED])
        derived[OUTCOME] = "ALLOW" if derived[OUTCOME] != "ALLOW" else "REJECT"
        parts[DERIVED] = msgspec.msgpack.encode(derived)

    path = home / "log.sqlite"
    log = open_log(path, clock=ClockKind.REPLAY, new_log_id="world")
    events = [each.event for each in stored(log)]
    log.close()
    for file in home.glob("log.sqlite*"):
        file.unlink()
    last = max(at for at, event in enumerate(events) if event.schema == "decision.v1")
    events[last] = forged(events[last], change)
    log = open_log(path, clock=ClockKind.REPLAY, new_log_id="world")
    log.append(events)
    log.close()


def test_a_faithful_log_answers_0(crivo, home):
    code, out, _ = crivo("replay", "--home", str(home), "--json")
    found = json.loads(out)
    assert (code, found["differing"], found["first_differences"]) == (0, 0, [])
    assert found["compared"] > 10


@pytest.mark.parametrize("form", [["--json"], []])
def test_a_forged_log_answers_1_and_names_what_was_forged(crivo, home, form):
    forge(home)
    code, out, err = crivo("replay", "--home", str(home), *form)
    assert code == 1
    assert "REPLAY_DIFFERS" in err
    assert "outcome" in out
    if form:
        assert json.loads(out)["differing"] == 1


def test_a_home_without_a_log_answers_3(crivo, tmp_path):
    code, out, err = crivo("replay", "--home", str(tmp_path / "nothing"))
    assert (code, out) == (3, "")
    assert "NOT_FOUND" in err
