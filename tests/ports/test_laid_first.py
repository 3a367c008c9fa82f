"""A log whose rows another one takes first: what is durable is in both."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing

import apsw
import pytest

from crivo.adapters.sqlite.reader import open_reader
from crivo.domain.errors import Code, Unavailable
from tests.ports.disk import Disk
from tests.ports.logs import event, events, open_test_log, stored


class First:
    """A `RowLog` in memory: it fails when it is told to, before it took rows or after."""

    def __init__(self) -> None:
        self.rows: list[tuple] = []
        self.fails: list[Unavailable] = []
        self.fails_after: list[Unavailable] = []

    def append_stored(self, rows):
        if self.fails:
            raise self.fails.pop()
        self.rows += rows[max(0, len(self.rows) - rows[0][0]) :]
        if self.fails_after:
            raise self.fails_after.pop()

    def end(self):
        return len(self.rows)


class Late(First):
    """One that says that it took rows before it has."""

    def append_stored(self, rows):
        threading.Timer(0.2, self.rows.extend, (rows,)).start()


def away(code=Code.LOG_UNAVAILABLE):
    return Unavailable(code, "it is away on purpose", hint="Wait.")


@pytest.fixture
def disk(request):
    return Disk(f"first-{request.node.name}")


def opened(tmp_path, disk, first):
    log = open_test_log(tmp_path / "log.sqlite", vfs=disk.name)
    log.lay_first(first)
    return closing(log)


def assert_never_behind(tmp_path, disk, first):
    """Law: what is durable in the file is in the other log, whatever fails and when."""
    draw = random.Random(7)
    path = tmp_path / "log.sqlite"
    with opened(tmp_path, disk, first) as log:
        answered = []
        at = 0
        while at < 200:
            kind = draw.randrange(4)
            if kind == 1:
                first.fails.append(away())
            elif kind == 2:
                first.fails_after.append(away())
            elif kind == 3:
                disk.broken = apsw.IOError
            some = events(at, at + draw.randrange(1, 5))
            settled = threading.Event()

            def done(failure, settled=settled, some=some):
                if failure is None:
                    answered.extend(some)
                settled.set()

            try:
                log.submit(some, done)
            except Unavailable:
                # What failed before is tried again until it is durable.
                first.fails.clear()
                first.fails_after.clear()
                disk.broken = None
                time.sleep(0.01)
                continue
            at += len(some)
            assert settled.wait(300)
            disk.broken = None
            with closing(open_reader(path)) as reader:
                assert reader.end() <= first.end()
            assert {row[4] for row in first.rows} >= {each.event_id for each in answered}
        first.fails.clear()
        first.fails_after.clear()
        until = time.monotonic() + 300
        while log.end() < at:
            assert time.monotonic() < until, "what was sequenced never became durable"
            time.sleep(0.01)
    assert [row[4] for row in first.rows] == [each.event_id for each in events(0, at)]
    with closing(open_test_log(path)) as again:
        assert stored(again) == events(0, at)


def test_the_file_never_holds_what_the_other_does_not(tmp_path, disk):
    first = First()
    assert_never_behind(tmp_path, disk, first)
    assert not first.fails and first.end() >= 200


def test_sabotage_one_that_only_says_so_breaks_the_law(tmp_path, disk):
    with pytest.raises(AssertionError):
        assert_never_behind(tmp_path, disk, Late())


def test_once_the_other_is_anothers_nothing_is_taken_any_more(tmp_path, disk):
    first = First()
    with opened(tmp_path, disk, first) as log:
        log.append(events(0, 3))
        first.fails = [away(Code.LOG_LOCKED)]
        with pytest.raises(Unavailable) as locked:
            log.append([event(3)])
        assert locked.value.code == Code.LOG_LOCKED
        for _ in range(2):
            with pytest.raises(Unavailable) as still:
                log.append([event(4)])
            assert still.value.code == Code.LOG_LOCKED
        assert log.end() == first.end() == 3
