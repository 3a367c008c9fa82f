"""A disk that is watched: it counts syncs, forgets what was not synced, fails, and can lie."""

# ruff: noqa: N802 (SQLite names the methods of a VFS)

from __future__ import annotations

import threading
from collections import deque
from itertools import count
from pathlib import Path

import apsw


class Disk(apsw.VFS):
    """A VFS over the real one. `durable` is what a power cut would leave of each file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.durable: dict[str, bytearray] = {}
        #: What was written to each file and not synced yet, numbered in order. A sync is the
        #: file's, as fsync(2) is: through whichever of its openings it was written.
        self.waiting: dict[str, deque[tuple[int, int, bytes | None]]] = {}
        self._numbers = count()
        #: Held while any of it changes: the power goes for all files at one instant.
        self.instant = threading.Lock()
        self.syncs = 0
        self.writes = 0
        self.lies = False
        self.gate = threading.Event()
        self.gate.set()
        self.broken: type[apsw.Error] | None = None
        self.broken_sync = False
        self.broken_open = False
        #: What the names of the files end with that `broken` is about.
        self.broken_suffix = ""
        super().__init__(name, "")

    def xOpen(self, name, flags):
        if self.broken_open:
            raise apsw.CantOpenError("no file can be opened on purpose")
        return WatchedFile(self, name, flags)

    def xDelete(self, filename, syncdir):
        super().xDelete(filename, syncdir)
        with self.instant:
            self.durable.pop(filename, None)
            self.waiting.pop(filename, None)

    def note(self, name: str, offset: int, data: bytes | None) -> None:
        """These bytes lie there from now on, or, without any, the file ends there."""
        with self.instant:
            self.waiting.setdefault(name, deque()).append((next(self._numbers), offset, data))

    def sync_begins(self) -> int:
        """What has a smaller number is on disk once the sync has ended."""
        with self.instant:
            return next(self._numbers)

    def synced(self, name: str, before: int) -> None:
        """What was noted of a file before this number is durable."""
        with self.instant:
            content = self.durable.setdefault(name, bytearray())
            waiting = self.waiting.get(name, deque())
            while waiting and waiting[0][0] < before:
                _, offset, data = waiting.popleft()
                if data is None:
                    del content[offset:]
                else:
                    content.extend(bytes(max(0, offset + len(data) - len(content))))
                    content[offset : offset + len(data)] = data

    def cut_power(self, folder: Path) -> Path:
        """Puts what a power cut would leave now into `folder`; the path of the log there."""
        folder.mkdir()
        with self.instant:
            left = {name: bytes(content) for name, content in self.durable.items()}
        for name, content in left.items():
            (folder / Path(name).name).write_bytes(content)
        return folder / "log.sqlite"


class WatchedFile(apsw.VFSFile):
    """A file of a `Disk`."""

    def __init__(self, disk: Disk, name, flags) -> None:
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = path or "(temporary)"
        super().__init__("", name, flags)
        if path:
            held = Path(path).read_bytes() if Path(path).exists() else b""
            disk.durable.setdefault(self._name, bytearray(held))

    def xWrite(self, data, offset):
        if self._disk.broken is not None and self._name.endswith(self._disk.broken_suffix):
            raise self._disk.broken("the disk is broken on purpose")
        self._disk.writes += 1
        super().xWrite(data, offset)
        self._disk.note(self._name, offset, bytes(data))

    def xTruncate(self, size):
        super().xTruncate(size)
        self._disk.note(self._name, size, None)

    def xSync(self, flags):
        self._disk.gate.wait(300)
        if self._disk.broken_sync:
            raise apsw.IOError("the sync fails on purpose")
        before = self._disk.sync_begins()
        super().xSync(flags)
        self._disk.syncs += 1
        if not self._disk.lies:
            self._disk.synced(self._name, before)
