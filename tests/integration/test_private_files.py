"""A private file that is replaced: its bytes are on disk before its name, and both at the end."""

import pytest

from crivo.adapters.files.private import replace_private
from tests.disk_order import disk_order


def test_what_replaces_a_file_is_on_disk_before_it_has_the_name_and_the_name_before_it_returns(
    tmp_path, monkeypatch
):
    path = tmp_path / "keys" / "data_keys.json"
    replace_private(path, b"before")
    done = disk_order(monkeypatch)
    replace_private(path, b"after")
    written, named, folder = done
    assert path.read_bytes() == b"after" and path.stat().st_mode & 0o777 == 0o600
    assert written[0] == "sync" and written[1].parent == path.parent and written[1] != path
    assert named == ("rename", path)
    assert folder == ("sync", path.parent)
    assert list(path.parent.iterdir()) == [path], "nothing is left beside it"


@pytest.mark.parametrize("failing", [1, 2], ids=["the file's sync", "the folder's sync"])
def test_a_sync_that_fails_is_told(tmp_path, monkeypatch, failing):
    path = tmp_path / "data_keys.json"
    replace_private(path, b"before")
    syncs = []

    def sync(number):
        syncs.append(number)
        if len(syncs) == failing:
            raise OSError(5, "the disk is gone")

    monkeypatch.setattr("os.fsync", sync)
    with pytest.raises(OSError, match="the disk is gone"):
        replace_private(path, b"after")
    assert path.read_bytes() == (b"before" if failing == 1 else b"after")
