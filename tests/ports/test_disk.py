"""The disk that forgets is as a disk is: what a sync keeps, and what it does not."""

from __future__ import annotations

import apsw

from tests.ports.disk import Disk, WatchedFile

FLAGS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE


def opened_twice(tmp_path):
    disk, name = Disk("disk-twice"), str(tmp_path / "file")
    return disk, name, [WatchedFile(disk, name, [FLAGS, 0]) for _ in range(2)]


def test_a_sync_keeps_what_another_opening_of_the_file_wrote(tmp_path):
    disk, name, (one, other) = opened_twice(tmp_path)
    one.xWrite(b"old", 0)
    one.xWrite(b"page", 3)
    other.xWrite(b"new", 0)
    other.xSync(apsw.SQLITE_SYNC_NORMAL)
    assert disk.durable[name] == b"newpage"
    one.xSync(apsw.SQLITE_SYNC_NORMAL)
    assert disk.durable[name] == b"newpage", "what was older came back"


def test_what_nobody_synced_is_forgotten_and_a_lie_keeps_nothing(tmp_path):
    disk, name, (one, other) = opened_twice(tmp_path)
    one.xWrite(b"kept", 0)
    one.xSync(apsw.SQLITE_SYNC_NORMAL)
    one.xWrite(b"lost", 4)
    disk.lies = True
    other.xSync(apsw.SQLITE_SYNC_NORMAL)
    assert disk.durable[name] == b"kept"
