"""A demo makes its folder anew; it takes nothing away from under whoever writes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.adapters.sqlite.lock import WriterLock, lock_file
from crivo.bootstrap.home import Paths
from crivo.cli.demo import MARKER, _alone_in, _fresh_home
from crivo.domain.errors import Code, Refused, Unavailable


def test_what_an_earlier_demo_left_is_removed_and_that_is_said(tmp_path, capsys):
    home = tmp_path / "demo"
    _fresh_home(home)
    assert capsys.readouterr().err == ""
    (home / "log.sqlite").write_bytes(b"old")
    _fresh_home(home)
    assert "held an earlier demo, which this one replaces" in " ".join(
        capsys.readouterr().err.split()
    )
    assert [path.name for path in home.iterdir()] == [MARKER]


def test_a_demo_that_is_still_served_is_left_alone_and_told_of(tmp_path):
    home = tmp_path / "demo"
    _fresh_home(home)
    (home / "log.sqlite").write_bytes(b"answered")
    lock = WriterLock(lock_file(Paths(home).log))
    with pytest.raises(Unavailable) as refused:
        _fresh_home(home)
    assert refused.value.code is Code.LOG_LOCKED
    assert (home / "log.sqlite").read_bytes() == b"answered"
    lock.release()
    _fresh_home(home)
    assert not (home / "log.sqlite").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Refused):
        _fresh_home(tmp_path)
    assert (tmp_path / "mine.txt").exists()


def test_a_home_where_nothing_can_be_written_is_told_by_its_own_name():
    # Not even root makes a file there.
    home = Path("/proc/demo")
    with pytest.raises(Unavailable) as refused, _alone_in(home):
        pass
    assert refused.value.code is Code.FILE_UNWRITABLE
    assert refused.value.message.startswith(f"{home} cannot be a home folder: ")
    assert "--home" in (refused.value.hint or "")
