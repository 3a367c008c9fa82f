"""Projecting from memory: the same rows as from the log, whatever was noted, lost or told twice."""

from __future__ import annotations

import pytest

from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.domain.instant import HOUR, SECOND
from crivo.domain.report import ReportStatus
from crivo.flows import noted as noting
from crivo.flows import project as projecting
from crivo.flows.noted import Noted
from crivo.flows.project import Projection
from tests.unit.decision.worlds import START, transfer, world


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def play(played, count=6):
    """Decisions with a report among them: an event of the log that is none."""
    for number in range(count):
        answer = played.decide(transfer(number, occurred_at=START + number * SECOND)).result(60)
        if number == 2:
            played.reports.report(
                report_id="r",
                status=ReportStatus.ACCEPTED,
                end_to_end_id=answer.end_to_end_id,
                supplied_received_at=START + 2 * SECOND,
            ).result(60)


def project(played, tmp_path, noted, *, name):
    """The rows of a new index, and what was shown, in order."""
    shown = []
    index = SqliteDecisionIndex(tmp_path / f"{name}.sqlite", log_id=played.log.manifest.log_id)
    projection = Projection(played.log, index, seen=shown.extend, noted=noted)
    for _ in range(20):
        projection.advance()
    rows, reached = index.latest(100), index.reached()
    index.close()
    assert reached == played.log.end()
    return rows, [(each.transfer.end_to_end_id, each.answer, each.observed) for each in shown]


class Unread:
    """A log whose events nobody may read."""

    def __init__(self, log):
        self._log = log
        self.manifest = log.manifest
        self.end = log.end


def test_what_was_noted_is_projected_without_reading_the_log(played, tmp_path):
    play(played)
    from_log = project(played, tmp_path, Noted(), name="log")
    index = SqliteDecisionIndex(tmp_path / "memory.sqlite", log_id=played.log.manifest.log_id)
    shown = []
    noted = played.service.noted
    projection = Projection(Unread(played.log), index, seen=shown.extend, noted=noted)
    assert projection.advance() == 0
    assert (index.latest(100), index.reached()) == (from_log[0], played.log.end())
    assert [(each.transfer.end_to_end_id, each.answer, each.observed) for each in shown] == (
        from_log[1]
    )
    index.close()


@pytest.mark.parametrize("lost", [{0}, {2, 3}, {5, 6}, set(range(7))])
def test_what_was_not_noted_is_read_from_the_log(played, tmp_path, lost):
    play(played)
    events, _ = list(played.service.noted._events), played.log.end()
    assert [seq for seq, _ in events] == list(range(7))
    thinned = Noted()
    for seq, seen in events:
        if seq not in lost:
            thinned.add(seq, seen)
    found = project(played, tmp_path, thinned, name="thinned")
    assert found == project(played, tmp_path, Noted(), name="log")


def test_a_backlog_is_worked_off_without_a_pause_and_told_as_it_is(played, tmp_path, monkeypatch):
    monkeypatch.setattr(projecting, "BATCH", 2)
    play(played)
    index = SqliteDecisionIndex(tmp_path / "index.sqlite", log_id=played.log.manifest.log_id)
    projection = Projection(played.log, index, seen=lambda _: None, noted=Noted())
    told = []
    projection.catch_up(told.append, should_stop=lambda: False)
    # One turn is left for the notes; then each batch of two decisions is read at once.
    assert told == [7]
    projection.catch_up(told.append, should_stop=lambda: False)
    assert told == [7, 5, 2, 0]
    index.close()


def test_what_is_noted_in_a_moment_is_not_read_behind_what_was_noted(played, tmp_path):
    play(played)
    events = list(played.service.noted._events)
    early, index = Noted(), SqliteDecisionIndex(tmp_path / "i", log_id=played.log.manifest.log_id)
    for seq, seen in events[:4]:
        early.add(seq, seen)
    shown, told = [], []
    projection = Projection(Unread(played.log), index, seen=shown.extend, noted=early)
    projection.catch_up(told.append, should_stop=lambda: False)
    assert (told, index.reached()) == ([3, 3], 4)
    for seq, seen in events[4:]:
        early.add(seq, seen)
    projection.catch_up(told.append, should_stop=lambda: False)
    assert (told[2:], index.reached()) == ([0], 7)
    assert [each.answer.seq for each in shown] == [0, 1, 2, 4, 5, 6]
    index.close()


def test_an_index_that_was_ahead_shows_nothing_twice(played, tmp_path):
    play(played)
    twice = Noted()
    for seq, seen in [*played.service.noted._events] * 2:
        twice.add(seq, seen)
    rows, shown = project(played, tmp_path, twice, name="twice")
    assert len(rows) == len(shown) == 6


def test_a_batch_that_the_index_refused_is_projected_by_the_next_turn(
    played, tmp_path, monkeypatch
):
    play(played)
    index = SqliteDecisionIndex(tmp_path / "index.sqlite", log_id=played.log.manifest.log_id)
    projection = Projection(played.log, index, seen=lambda _: None, noted=played.service.noted)
    with monkeypatch.context() as patched:
        patched.setattr(index, "put", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            projection.advance()
    for _ in range(3):
        projection.advance()
    assert (len(index.latest(100)), index.reached()) == (6, played.log.end())
    index.close()


def test_notes_are_bounded_and_what_came_beyond_is_a_gap(monkeypatch):
    monkeypatch.setattr(noting, "NOTED_MAX", 3)
    noted = Noted()
    for seq in range(5):
        noted.add(seq, None)
    assert (len(noted), noted.take(0, 10)) == (3, ([], 3))
    noted.add(6, None)
    assert noted.take(3, 10) == ([], 3)
    assert noted.take(6, 10) == ([], 7)


def test_a_late_report_is_noted_as_no_decision(played):
    answer = played.decide(transfer(1)).result(60)
    played.reports.report(
        report_id="r",
        status=ReportStatus.ACCEPTED,
        end_to_end_id=answer.end_to_end_id,
        supplied_received_at=START + HOUR,
    ).result(60)
    taken, end = played.service.noted.take(0, 10)
    assert ([each.answer for each in taken], end) == ([answer], 2)


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "sabotage: taken for new"])
def test_a_second_record_of_one_id_and_phase_is_shown_to_nobody(
    played, tmp_path, monkeypatch, is_asked
):
    """The first answer stands. The live page counted both until the next start."""
    play(played, count=3)
    first = played.log.read(start=0, limit=1)[0].event
    played.log.append([first._replace(event_id=b"of another maker")])
    if not is_asked:
        monkeypatch.setattr(Projection, "_stands", lambda *_: True)
    rows, shown = project(played, tmp_path, Noted(), name="twice")
    assert (len(rows), len(shown)) == (3, 3 if is_asked else 4)
