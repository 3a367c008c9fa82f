"""What lies behind a reader counts all that brokers told of, though of some partitions too much
waits to read on.
"""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from crivo.adapters.kafka import intake as intakes
from crivo.adapters.kafka.intake import Intake, part_of, read_ends
from crivo.domain.streams import Stream
from tests.integration.workers import await_settled
from tests.ports.kafka_logs import new_space, open_log_in
from tests.ports.logs import events

pytestmark = pytest.mark.slow

#: Records of the log, and how many may wait in all.
COUNT, WAITING = 400, 40
#: A test waits so long for what is to come.
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def cluster(kafka):
    """A log of as many records, in several partitions."""
    own = new_space(kafka.cluster)
    with closing(open_log_in(own)) as log:
        log.append(events(0, COUNT))
    await_settled(own)
    return own


@pytest.fixture
def intake(cluster, monkeypatch):
    """Reads the log from its beginning, and lets few records wait."""
    monkeypatch.setattr(intakes, "POLL_RECORDS", WAITING // 8)
    monkeypatch.setattr(intakes, "WAITING_MAX", WAITING)
    starts = {part: low for part, (low, _) in read_ends(cluster, 4).items()}
    with closing(Intake(cluster, starts, None, numbered_from=0)) as opened:
        yield opened


def read_until(intake, is_there):
    """Polls until a condition holds."""
    until = time.monotonic() + SECONDS_MAX
    while not is_there():
        assert time.monotonic() < until, f"{waiting(intake)} wait, and no more come"
        intake.poll()


def waiting(intake):
    return sum(map(len, intake.waiting.values()))


def full(intake):
    """The partitions that are read no further, since too much of them waits."""
    return {part for part in intake.open - intake._flowing if intake.waiting[part]}


def told_whole(intake):
    """Whether brokers have told of all records, and some partitions stand."""
    return bool(full(intake)) and intake.lag() + waiting(intake) >= COUNT


def lags_of(intake):
    """Takes all that comes, a few records of each partition at a time: what was left each time, as
    it is and as it is counted.
    """
    taken = 0
    while taken < COUNT:
        for some in intake.waiting.values():
            for _ in range(min(len(some), WAITING // 10)):
                some.popleft()
                taken += 1
        yield COUNT - taken, intake.lag() + waiting(intake)
        if taken < COUNT:
            read_until(intake, lambda: waiting(intake))


@pytest.fixture
def marks(cluster):
    """Marks of transactions, which count as records until they were passed."""
    found = sum(high - low for low, high in read_ends(cluster, 4).values()) - COUNT
    assert 0 < found < WAITING // 4
    return found


def test_what_lies_behind_counts_partitions_that_are_read_no_further(intake, marks):
    """Law: what was told of and what was taken make what is left, whichever partitions stand."""
    read_until(intake, lambda: told_whole(intake))
    assert all(left <= counted <= left + marks for left, counted in lags_of(intake))


def test_sabotage_a_reader_that_counts_what_flows_alone_is_noticed(intake, marks, monkeypatch):
    read_until(intake, lambda: told_whole(intake))
    whole = Intake.lag
    monkeypatch.setattr(Intake, "lag", lambda self: flowing_alone(self, whole))
    assert any(counted < left - WAITING for left, counted in lags_of(intake))


def flowing_alone(intake, lag):
    """What lies behind in partitions that are read just now."""
    kept, intake.open = intake.open, set(intake._flowing)
    try:
        return lag(intake)
    finally:
        intake.open = kept


def test_what_is_held_back_lies_behind_only_once_it_is_let_go(cluster, intake):
    read_until(intake, lambda: told_whole(intake))
    held = {part_of(Stream.HISTORY, each) for each in range(4)}
    before = intake.lag()
    assert before > 0
    intake.hold(held)
    assert intake.lag() == 0
    intake.hold(())
    assert intake.lag() == before
