"""Snapshots of replicas as folders of arrays: `<plan hash>/<cut>/`, there whole or not at all.

Who writes one holds a lock of the folder, shared with others that write. Who has it alone knows
that nobody writes, so that whatever is unfinished was left by one that ended. A process's number
would not say so: the processes of two containers may have the same, and do not see each other.

Who begins a folder, gives one its name or lets go of one does so alone, under another lock, that is
held as briefly: what one looks at, no other takes away meanwhile.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from crivo.adapters.snapshot_files.arrays import broken, read_arrays, write_array
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import DAY
from crivo.flows.ports import Room, Snapshot
from crivo.model.files import canonical_json, held_alone, sync_folder, write_synced

FORMAT: Final = "crivo.snapshot.v2"
MANIFEST: Final = "manifest.json"
#: The file that is locked: beside the plans.
LOCK: Final = "lock"
#: What is held while names change: `.names.lock` beside the plans.
NAMES: Final = "names"

#: The newest so many stay, and the newest of each of so many days.
NEWEST_KEPT: Final = 3
DAYS_KEPT: Final = 30

#: Of so many other plans the newest stays: who goes back to one starts from it.
OTHER_PLANS_KEPT: Final = 2

_PLAN: Final = re.compile(r"[0-9a-f]{64}")
#: What is unfinished: a cut, and a name of its own (of former releases a process's number).
_ASIDE: Final = re.compile(r"[0-9]+\.([0-9a-f]{16}|[0-9]+)\.partial")


class SnapshotFiles:
    """Plays `Snapshots` in one folder; each plan's lie in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, snapshot: Snapshot) -> None:
        """Writes it aside, syncs it, gives it its name, and lets go of those that are too many.

        Raises:
            Unavailable: FILE_UNWRITABLE; the snapshots that were there still are, but for what was
                to be let go of.
        """
        plan = self._folder / snapshot.plan_hash
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _writing(self._folder / LOCK, plan):
                self._put(snapshot, plan)
        except OSError as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the snapshot cannot be written, or a former one not be removed: {error}",
                hint="State can always be rebuilt from the log; free some room for the next one,"
                " and look at the rights of the folder.",
                file=str(plan / str(snapshot.cut)),
            ) from error

    def _put(self, snapshot: Snapshot, plan: Path) -> None:
        """Writes a snapshot beside its place, moves it there, and lets go of those that are too
        many; of one that cannot be written nothing is left.
        """
        aside = plan / f"{snapshot.cut}.{secrets.token_hex(8)}.partial"
        target = plan / str(snapshot.cut)
        with self._alone():
            aside.mkdir(parents=True)
        try:
            write_synced(aside / MANIFEST, _written(aside, snapshot))
            sync_folder(aside)
            with self._alone():
                if target.exists():
                    shutil.rmtree(target)
                aside.rename(target)
                sync_folder(plan)
                for cut in list(self._too_many(snapshot.plan_hash)):
                    shutil.rmtree(plan / str(cut))
                self._forget_other_plans(snapshot.plan_hash)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise

    def _alone(self) -> AbstractContextManager[None]:
        """A block in which nobody else changes the names of folders."""
        return held_alone(self._folder / NAMES)

    def others(self, plan_hash: str) -> list[tuple[str, int]]:
        """The other plans there are snapshots of, each with its newest cut; the newest first."""
        plans = [name for name in _names(self._folder) if _PLAN.fullmatch(name)]
        found = [
            (name, cuts[0]) for name in plans if name != plan_hash and (cuts := self.cuts(name))
        ]
        return sorted(found, key=lambda other: (-other[1], other[0]))

    def cuts(self, plan_hash: str) -> list[int]:
        """The cuts there are of a plan, the newest first."""
        names = _names(self._folder / plan_hash)
        return sorted((int(name) for name in names if _is_cut(name)), reverse=True)

    def load(self, plan_hash: str, cut: int, room: Room | None = None) -> Snapshot:
        """The snapshot of that plan and cut, after every hash in it was checked; its arrays lie
        where `room` says, if anywhere.

        Raises:
            Misconfigured: SNAPSHOT_INVALID where a byte is not what was written.
        """
        folder = self._folder / plan_hash / str(cut)
        manifest = _manifest(folder)
        arrays = read_arrays(folder, manifest["files"], room)
        found = (manifest["plan_hash"], manifest["cut"])
        if found != (plan_hash, cut):
            raise broken(folder, MANIFEST, f"{plan_hash}, {cut}", found)
        return Snapshot(plan_hash, manifest["log_id"], cut, manifest["order_time"], arrays)

    def _forget_other_plans(self, plan_hash: str) -> None:
        """Lets go of what nobody goes back to: all but the newest of each of the last two."""
        for place, (other, newest) in enumerate(self.others(plan_hash)):
            folder = self._folder / other
            for cut in self.cuts(other):
                if place >= OTHER_PLANS_KEPT or cut != newest:
                    shutil.rmtree(folder / str(cut))
            if place >= OTHER_PLANS_KEPT and not _names(folder):
                folder.rmdir()

    def _too_many(self, plan_hash: str) -> Iterable[int]:
        """The cuts beyond the newest that are not the newest of one of the days."""
        days: set[int] = set()
        for place, cut in enumerate(self.cuts(plan_hash)):
            try:
                day = _manifest(self._folder / plan_hash / str(cut))["order_time"] // DAY
            except Misconfigured:
                day = None  # damaged: of no use, on no day
            is_newest_of_day = day is not None and day not in days and len(days) < DAYS_KEPT
            if day is not None:
                days.add(day)
            if place >= NEWEST_KEPT and not is_newest_of_day:
                yield cut


@contextmanager
def _writing(lock: Path, plan: Path) -> Iterator[None]:
    """A block that writes into the folder of a plan, beside others; where there are none at its
    beginning, what was left unfinished there is removed.
    """
    with lock.open("ab") as file:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in filter(_ASIDE.fullmatch, _names(plan)):
                shutil.rmtree(plan / name)
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _written(folder: Path, snapshot: Snapshot) -> bytes:
    """The manifest, after each array went to the disk; its own hash is its last line."""
    files = {
        name: write_array(folder / f"{name}.npy", array) for name, array in snapshot.arrays.items()
    }
    body = canonical_json(
        {
            "format": FORMAT,
            "plan_hash": snapshot.plan_hash,
            "log_id": snapshot.log_id,
            "cut": snapshot.cut,
            "order_time": snapshot.order_time,
            "files": files,
        }
    )
    return body + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        body, _, said = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
    except OSError as error:
        raise broken(folder, MANIFEST, "a manifest", error) from error
    found = hashlib.sha256(body).hexdigest()
    if found.encode() != said:
        raise broken(folder, MANIFEST, said.decode(errors="replace"), found)
    manifest: dict[str, Any] = json.loads(body)
    if manifest["format"] != FORMAT:
        raise broken(folder, "format", FORMAT, manifest["format"])
    return manifest


def _is_cut(name: str) -> bool:
    """Whether a snapshot has this name: a number as it is written here."""
    return name.isascii() and name.isdecimal() and name == str(int(name))


def _names(folder: Path) -> list[str]:
    """The names in a folder; none where there is none, or none any more."""
    try:
        return [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
