"""A backtest by stretches of the log: columns say what the records say, and so do processes."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.bootstrap.backtest import Wanted, backtest_home
from crivo.bootstrap.home import open_log_reader
from crivo.decision.many import SEGMENTS, facts_of
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import SCHEMA, decode_derived, decode_record, transfer_of
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import transfer_event_id
from crivo.flows import backtest_stretches
from crivo.flows.backtest_rows import Interval, answered
from crivo.governance.backtest_figures import figures
from crivo.governance.backtest_report import document, html
from crivo.settings import load_settings
from tests.unit.decision.worlds import ROOT, play, world

pytestmark = pytest.mark.slow

ALL = Interval(None, None)
#: Places in a record and in its transfer.
TRANSFER, AMOUNT = 3, 2


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A home in which 260 transfers were decided and reported."""
    home = tmp_path_factory.mktemp("kept")
    with world(home) as played:
        play(played, 5, 260)
    return home


@pytest.fixture
def home(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "home"))


def report_of(home, processes):
    """The bytes of the report: the document, and the page."""
    wanted = Wanted((ROOT / "policy",), (), ALL, None, 0, processes=processes)
    settings = load_settings({}, home=home)
    found = backtest_home(settings, wanted, progress=lambda _done, _end: None)
    said = figures(found, resamples=20, seed=0)
    return msgspec.json.encode(document(said)), html(said)


def test_any_number_of_processes_gives_the_same_bytes_of_report(home, monkeypatch):
    whole = report_of(home, 1)
    monkeypatch.setattr(backtest_stretches, "STRETCH", 70)
    assert report_of(home, 1) == whole
    for processes in (2, 3):
        assert report_of(home, processes) == whole


def test_sabotage_a_stretch_that_is_left_out_changes_the_report(home, monkeypatch):
    whole = report_of(home, 1)
    monkeypatch.setattr(backtest_stretches, "STRETCH", 70)
    every = backtest_stretches.stretches
    monkeypatch.setattr(backtest_stretches, "stretches", lambda end: every(end)[1:])
    assert report_of(home, 1) != whole


def columns(home, *, passed=None):
    log = open_log_reader(home / "log.sqlite")
    try:
        stretch = range(log.end())
        return list(answered(log, stretch, ALL, passed=Counter() if passed is None else passed))
    finally:
        log.close()


def records(home):
    log = open_log_reader(home / "log.sqlite")
    try:
        events = [each.event for each in log.read(start=0, limit=10_000)]
    finally:
        log.close()
    return [decode_record(each.payload) for each in events if each.schema == SCHEMA]


def test_the_columns_of_a_log_are_what_each_record_says(home):
    (found,) = columns(home)
    expected = records(home)
    transfers = [transfer_of(each) for each in expected]
    derived = [decode_derived(each.derived) for each in expected]
    told = facts_of(transfers, [each.given.sums for each in expected])
    for name in ("occurred_at", "amounts", "segments", "kinds", "sums"):
        assert (getattr(found.attempts.facts, name) == getattr(told, name)).all(), name
    assert [SEGMENTS[at] for at in told.segments] == [each.payer_segment for each in transfers]
    assert found.ids.tobytes() == b"".join(transfer_event_id(e.end_to_end_id) for e in expected)
    assert found.payers.tobytes() == b"".join(each.payer_id for each in transfers)
    assert found.ranks.tolist() == [OUTCOMES[each.outcome].rank for each in derived]
    assert found.scores.tolist() == [-1 if d.score is None else d.score for d in derived]
    for at, (record, transfer) in enumerate(zip(expected, transfers, strict=True)):
        one, around = found.attempts.one(at)
        assert (one, around.sums) == (transfer, record.given.sums)
        assert bool(found.attempts.has_vector[at]) == bool(record.kept)
        if record.kept:
            assert found.attempts.vectors[at].tobytes() == record.kept
        assert found.attempts.has_more[at] == bool(record.given.degraded or record.given.lists)
    assert np.any(~found.attempts.has_vector) and np.any(found.attempts.has_more)


def rewritten(home, change):
    """The log with its last decision's payload changed."""
    path = home / "log.sqlite"
    log = open_log_reader(path)
    events = [each.event for each in log.read(start=0, limit=10_000)]
    log.close()
    for file in home.glob("log.sqlite*"):
        file.unlink()
    last = max(at for at, event in enumerate(events) if event.schema == SCHEMA)
    parts = msgspec.msgpack.decode(events[last].payload)
    events[last] = events[last]._replace(payload=change(parts))
    log = open_log(path, clock=ClockKind.REPLAY, new_log_id="world")
    log.append(events)
    log.close()
    return last


def with_amount(amount):
    def change(parts):
        parts[TRANSFER][AMOUNT] = amount
        return msgspec.msgpack.encode(parts)

    return change


@pytest.mark.parametrize(
    "change",
    [
        with_amount(0),
        with_amount("much"),
        lambda parts: msgspec.msgpack.encode(parts)[:-3],
    ],
    ids=["an amount of nothing", "an amount of words", "cut short"],
)
def test_a_record_that_cannot_be_is_refused_and_not_judged(home, change):
    rewritten(home, change)
    with pytest.raises(Refused) as refused:
        columns(home)
    assert refused.value.code is Code.FIELD_TYPE
    assert refused.value.context["expected"] == SCHEMA
