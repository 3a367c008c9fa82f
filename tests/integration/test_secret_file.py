"""The file of a secret: made once, for its owner alone."""

from __future__ import annotations

import stat

import pytest

from crivo.adapters.files.secret import load_or_create_key
from crivo.domain.errors import Code, Misconfigured


def test_a_key_is_made_once_and_then_read(tmp_path):
    path = tmp_path / "keys" / "pseudonym.key"
    made = load_or_create_key(path, make=lambda count: bytes(range(count)))
    again = load_or_create_key(path, make=bytes)
    assert made == again == bytes(range(32))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["pseudonym.key"]


def test_of_two_makers_one_wins_and_both_read_the_same(tmp_path):
    path = tmp_path / "key"

    def beaten(count: int) -> bytes:
        load_or_create_key(path, make=lambda n: b"w" * n)
        return b"l" * count

    assert load_or_create_key(path, make=beaten) == b"w" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "key"
    load_or_create_key(path, make=bytes)
    path.chmod(mode)
    with pytest.raises(Misconfigured) as caught:
        load_or_create_key(path, make=bytes)
    assert caught.value.code is Code.FILE_UNREADABLE


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"zz" * 32, b"\xff" * 64])
def test_a_damaged_key_is_refused_and_never_replaced(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Misconfigured):
        load_or_create_key(path, make=bytes)
    assert path.read_bytes() == content


def test_a_key_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured) as caught:
        load_or_create_key(tmp_path / "file" / "key", make=bytes)
    assert caught.value.code is Code.FILE_UNWRITABLE
