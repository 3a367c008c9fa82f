"""Snapshots of a home folder: one is taken by a process of its own, beside the one that serves."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.bootstrap.home import Paths
from crivo.domain.errors import CrivoError
from crivo.features.plan import Plan
from crivo.flows.ports import LogReader, Manifest
from crivo.flows.replica import Replica, newest_replica
from crivo.settings import Settings

#: The process that takes snapshots gives way to the one that answers. It does within a session:
#: where Linux groups sessions (`sched_autogroup`), one of its own would have half of a processor.
NICENESS: Final = 10

_LOOK_SECONDS: Final = 0.5
_WORDS_MAX: Final = 500
_LOGGER: Final = logging.getLogger("crivo.snapshots")


def snapshot_files(settings: Settings, manifest: Manifest) -> SnapshotFiles:
    """Where those of the log of these settings lie: of one in Kafka in a folder of its own, since
    one home may decide several beside the one that its service writes.
    """
    folder = Paths(settings.home).snapshots
    if settings.log.url is not None:
        folder /= hashlib.sha256(manifest.log_id.encode()).hexdigest()[:32]
    return SnapshotFiles(folder)


def start_of(settings: Settings, plan: Plan, log: LogReader) -> Replica:
    """The replica of the newest snapshot that fits; an empty one where there is none."""
    files = snapshot_files(settings, log.manifest)
    from_bytes = settings.state.release_from_bytes
    replica = newest_replica(plan, files, log, unfit=warn_unfit, release_from_bytes=from_bytes)
    _LOGGER.info("snapshot.start", extra={"facts": {"cut": replica.folded, "end": log.end()}})
    return replica


def keep_snapshots(
    settings: Settings,
    plan: Plan,
    *,
    end: Callable[[], int],
    failed: Callable[[], None],
    stop: threading.Event,
) -> None:
    """Until `stop`: a snapshot whenever enough events came since the last, or enough time went by.

    `end` tells how many events the log holds. A process that fails is warned of, `failed` hears of
    it, and another follows when the next is due.
    """
    every = settings.snapshots
    kept = max(SnapshotFiles(Paths(settings.home).snapshots).cuts(plan.plan_hash), default=0)
    since = time.monotonic()
    while every.enabled and not stop.wait(_LOOK_SECONDS):
        now = end()
        due = time.monotonic() - since >= every.every_seconds
        if now > kept and (due or now - kept >= every.every_events):
            if not _take_beside(settings, stop):
                failed()
            kept, since = now, time.monotonic()


def _take_beside(settings: Settings, stop: threading.Event) -> bool:
    """Whether it was taken, or the service ended meanwhile."""
    # -P: no module is read from the folder in which the service was started.
    command = [sys.executable, "-P", "-m", "crivo", "features", "snapshot"]
    command += ["--home", str(settings.home)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,  # a terminal's Ctrl-C is for the service, which ends this one
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    while process.poll() is None:
        if stop.wait(_LOOK_SECONDS):
            process.terminate()
            break
    _said, words = process.communicate()
    is_taken = process.returncode in {0, -signal.SIGTERM}
    if not is_taken:
        warn_unkept(words.decode(errors="replace"))
    return is_taken


def warn_unkept(words: str) -> None:
    """Warns of a snapshot that could not be written, with what is said of it."""
    _LOGGER.warning("snapshot.failed", extra={"facts": {"words": words[-_WORDS_MAX:]}})


def warn_unfit(error: CrivoError) -> None:
    _LOGGER.warning("snapshot.unfit", extra={"code": error.code, "facts": {"words": str(error)}})
