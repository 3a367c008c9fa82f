"""How far another log is followed: what is kept of it is believed of the log it was kept of."""

from __future__ import annotations

import shutil

import pytest

from crivo.bootstrap.follow import Follower
from crivo.bootstrap.home import Paths, open_home
from crivo.domain.cut import Cut
from crivo.flows.event_of import event_of
from tests.e2e.homes import settings_of
from tests.ports.logs import events
from tests.unit.decision.worlds import START

OTHER = "other"


def follower(home):
    return Follower(home.settings, home, None, None, None)


def cut(behind):
    return event_of(Cut(OTHER, behind, START), occurred_at=START, received_at=START, source="test")


def put_back(tmp_path, grown):
    """A home that held 150 events, and the other log up to 500, when it was put back from a copy
    that holds 100 and that log up to 400; it has grown by so many since.
    """
    settings, copy = settings_of(tmp_path / "home"), tmp_path / "copy.sqlite"
    with open_home(settings, writer=True) as home:
        home.log.append([cut(400), *events(0, 99)])
    shutil.copy(Paths(settings.home).log, copy)
    with open_home(settings, writer=True) as home:
        home.log.append([cut(500), *events(99, 148)])
        follower(home).keep(OTHER, 500, 150)
        assert follower(home).start(OTHER) == 500
    shutil.copy(copy, Paths(settings.home).log)
    home = open_home(settings, writer=True)
    if grown:
        home.log.append(events(1_000, 1_000 + grown))
    return home


@pytest.mark.parametrize("grown", [0, 49, 50, 60])
def test_a_log_that_was_put_back_follows_from_what_it_holds_itself(tmp_path, grown):
    """Law: however far a restored log has grown before the other is heard, nothing is skipped."""
    with put_back(tmp_path, grown) as home:
        assert follower(home).start(OTHER) == 400


def test_sabotage_a_number_alone_is_believed_of_a_log_that_has_grown_past_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Follower, "_mark", lambda self, at: int(at <= self.home.log.end()))
    with put_back(tmp_path, 49) as home:
        assert follower(home).start(OTHER) == 400
    shutil.rmtree(tmp_path / "home")
    with put_back(tmp_path, 60) as home:
        assert follower(home).start(OTHER) == 500


def test_what_is_kept_holds_while_its_log_goes_on(tmp_path):
    with open_home(settings_of(tmp_path), writer=True) as home:
        assert follower(home).start(OTHER) == 0
        follower(home).keep(OTHER, 7, 0)
        home.log.append(events(0, 5))
        assert follower(home).start(OTHER) == 7
        follower(home).keep(OTHER, 9, 5)
        home.log.append(events(5, 9))
    with open_home(settings_of(tmp_path), writer=True) as home:
        assert follower(home).start(OTHER) == 9
        # Of before this release, or damaged: all cuts are read.
        for text in ("9 5", "9 5 x", ""):
            home.paths.followed(OTHER).write_text(text)
            assert follower(home).start(OTHER) == 0
