"""The file of API keys is changed by one at a time: nothing that another did is undone."""

from __future__ import annotations

import threading

from crivo.adapters.http import key_file
from crivo.adapters.http.access import Role
from crivo.adapters.http.key_file import add_key, read_keys, remove_key


def add(path, name):
    return add_key(path, name=name, secret=name * 43, made_at="x", role=Role.INGEST)


def names(path):
    return [each.name for each in read_keys(path)]


class Paused:
    """Stops whoever reads the file first until somebody else has read it, or waits in vain."""

    def __init__(self):
        self.is_read = threading.Event()
        self.others = threading.Event()

    def __call__(self, path):
        found = read_keys(path)
        if self.is_read.is_set():
            self.others.set()
        else:
            self.is_read.set()
            self.others.wait(0.2)
        return found


def meanwhile(monkeypatch, first, second):
    """`second` begins when `first` has read the file and not written it."""
    paused = Paused()
    with monkeypatch.context() as patched:
        patched.setattr(key_file, "read_keys", paused)
        threads = [threading.Thread(target=each) for each in (first, second)]
        threads[0].start()
        assert paused.is_read.wait(300)
        threads[1].start()
        for each in threads:
            each.join(300)


def test_a_key_that_is_revoked_while_another_is_made_stays_revoked(tmp_path, monkeypatch):
    path = tmp_path / "keys" / "api_keys.json"
    add(path, "leaked")
    meanwhile(monkeypatch, lambda: add(path, "new"), lambda: remove_key(path, name="leaked"))
    assert names(path) == ["new"]


def test_a_key_that_is_made_while_another_is_revoked_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "api_keys.json"
    add(path, "leaver")
    meanwhile(monkeypatch, lambda: remove_key(path, name="leaver"), lambda: add(path, "new"))
    assert names(path) == ["new"]


def test_the_folder_of_the_keys_is_private(tmp_path):
    path = tmp_path / "home" / "api_keys.json"
    add(path, "ana")
    assert (path.parent.stat().st_mode & 0o077, path.stat().st_mode & 0o077) == (0, 0)
