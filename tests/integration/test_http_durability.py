"""An answer leaves only after a sync of the log: watched on the real service, file and SQLite."""

# ruff: noqa: N802 (SQLite names the methods of a VFS)

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from crivo.adapters.sqlite import log as sqlite_log
from crivo.adapters.sqlite.writer import GroupWriter
from crivo.bootstrap.service import Service, build_service
from tests.e2e.homes import KEY, make_home, settings_of
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: What happened, in order: "begin E…", "write", "sync" (once it has returned), "answer E…".
Trace = list[str]

HEADERS = [
    (b"authorization", b"Bearer " + KEY.encode()),
    (b"content-type", b"application/json"),
]


class WatchedFile(apsw.VFSFile):
    """A file that tells of its writes, and of its syncs once they have returned."""

    def __init__(self, base: str, trace: Trace, name, flags) -> None:
        self._trace = trace
        super().__init__(base, name, flags)

    def xWrite(self, data, offset):
        super().xWrite(data, offset)
        self._trace.append("write")

    def xSync(self, flags):
        super().xSync(flags)
        self._trace.append("sync")


class WatchedDisk(apsw.VFS):
    """The disk as every connection sees it while it is the default; only the log is watched."""

    def __init__(self, name: str, base: str, trace: Trace) -> None:
        self._base = base
        self._trace = trace
        super().__init__(name, base, makedefault=True)

    def xOpen(self, name, flags):
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is not None and Path(path).name == "log.sqlite-wal":
            return WatchedFile(self._base, self._trace, name, flags)
        return super().xOpen(name, flags)


@contextmanager
def watched_disk() -> Iterator[Trace]:
    """Everything opened inside is on a watched disk."""
    trace: Trace = []
    before = apsw.vfs_names()[0]
    disk = WatchedDisk(f"watched-{uuid.uuid4().hex}", before, trace)
    try:
        yield trace
    finally:
        disk.unregister()
        assert apsw.vfs_names()[0] == before


async def decide(service: Service, trace: Trace, number: int) -> None:
    """One transfer through the application, its beginning and its answer in the trace."""
    end_to_end_id = f"E12345678202611231200test{number:07d}"
    body = json.dumps({**GOOD, "end_to_end_id": end_to_end_id}).encode()

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            trace.append(f"answer {end_to_end_id}")

    trace.append(f"begin {end_to_end_id}")
    scope = {"type": "http", "method": "POST", "path": "/v1/decisions", "headers": HEADERS}
    await service.app(scope, receive, send)


async def ready(service: Service) -> None:
    """Returns once transfers are taken."""
    while not service.running.is_ready:  # noqa: ASYNC110 (readiness is asked for, as by a probe)
        await asyncio.sleep(0.02)


async def play(home: Path, trace: Trace, *, count: int, at_once: int) -> None:
    """Transfers through a whole running service, so many at a time."""
    service = build_service(settings_of(home))
    async with service.running():
        async with asyncio.timeout(60):
            await ready(service)
        for start in range(0, count, at_once):
            await asyncio.gather(
                *(decide(service, trace, start + offset) for offset in range(at_once))
            )


def check(trace: Trace) -> int:
    """The number of answers, each of which left after a write and then a sync of the log.

    Raises:
        AssertionError: an answer left before.
    """
    answers = 0
    for place, what in enumerate(trace):
        if what.startswith("answer"):
            since = trace[trace.index(f"begin{what.removeprefix('answer')}") : place]
            assert "write" in since, f"{what}: nothing was written"
            assert "sync" in since[since.index("write") :], f"{what}: nothing was synced"
            answers += 1
    return answers


@pytest.mark.parametrize("at_once", [1, 8])
def test_every_answer_waits_for_a_sync_of_the_log(tmp_path: Path, at_once: int) -> None:
    home = make_home(tmp_path / "home")
    with watched_disk() as trace:
        asyncio.run(play(home, trace, count=24, at_once=at_once))
    assert check(trace) == 24


def test_a_log_that_never_syncs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path / "home")
    right = sqlite_log.open_connection

    def wrong(path: Path, *, vfs: str | None = None) -> apsw.Connection:
        connection = right(path, vfs=vfs)
        connection.execute("PRAGMA synchronous = OFF").fetchall()
        return connection

    monkeypatch.setattr(sqlite_log, "open_connection", wrong)
    with watched_disk() as trace:
        asyncio.run(play(home, trace, count=4, at_once=1))
    with pytest.raises(AssertionError, match="nothing was synced"):
        check(trace)


def test_an_answer_before_the_commit_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    right = GroupWriter.put

    def hasty(self, submission, **options):
        done, submission.done = submission.done, lambda _: None
        right(self, submission, **options)
        asyncio.get_running_loop().call_soon(done, None)

    monkeypatch.setattr(GroupWriter, "put", hasty)
    with watched_disk() as trace:
        asyncio.run(play(home, trace, count=16, at_once=1))
    with pytest.raises(AssertionError, match="nothing was"):
        check(trace)
