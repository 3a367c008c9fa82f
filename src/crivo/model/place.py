"""Where a written folder comes to lie: made aside, then moved to its name whole, or not at all."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Unavailable
from crivo.model.files import sync_folder

_NEW: Final = "new"
_OLD: Final = "old"


def real_place(folder: Path) -> Path:
    """The folder itself where its name is a link: what is replaced lies behind the link."""
    return Path(os.path.realpath(folder))


@contextmanager
def set_aside(place: Path) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards, unless it was moved into place.

    What runs that were killed left beside it is put right first: an unfinished folder is removed,
    and what had to give way comes back where its name is free.

    Args:
        place: The target, as `real_place` tells it.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in _left_behind(place, _NEW):
        shutil.rmtree(left)
    put_back(place)
    aside = _beside(place, _NEW)
    try:
        aside.mkdir()
        yield aside
    finally:
        if aside.exists():
            shutil.rmtree(aside)


def put_back(place: Path) -> None:
    """Gives its name back to what a killed run had moved away, or removes what was replaced."""
    for left in _left_behind(place, _OLD):
        if place.exists():
            shutil.rmtree(left)
        else:
            left.rename(place)


def put_in_place(aside: Path, place: Path, check: Callable[[], None]) -> None:
    """Moves a finished folder to its name, with the mode of the folder that lay there, which is
    gone afterwards.

    Args:
        aside: The finished folder, whose files are on the disk.
        place: Its name.
        check: Raises where what lies there must not give way; asked again at the last moment.

    Raises:
        Unavailable: FILE_UNWRITABLE where all is in place, and what it replaces cannot be removed.
        OSError: Where the folder cannot be moved; what lay there lies there still.
    """
    if place.exists():
        shutil.copymode(place, aside)
    sync_folder(aside)
    check()
    old = _beside(place, _OLD)
    if place.exists():
        swap(aside, place, old)
    else:
        aside.rename(place)
    sync_folder(place.parent)
    try:
        if old.exists():
            shutil.rmtree(old)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"{place} is written, but what it replaces cannot be removed: {error.strerror}",
            hint=f"Remove {old}.",
            folder=str(place),
        ) from error


def swap(aside: Path, place: Path, old: Path) -> None:
    """Moves `place` to `old` and `aside` to `place`: both, or neither.

    Raises:
        OSError: Where one of them cannot be moved.
    """
    place.rename(old)
    try:
        aside.rename(place)
    finally:
        if not place.exists():
            old.rename(place)


def _beside(place: Path, word: str) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.{word}")


def _left_behind(place: Path, word: str) -> list[Path]:
    """What processes that run no longer left beside a folder."""
    found = place.parent.glob(f".{glob.escape(place.name)}.*.{word}")
    return sorted(left for left in found if not _is_running(left.name.split(".")[-2]))


def _is_running(process: str) -> bool:
    """Whether another process of that number runs; one that is killed leaves its folder behind."""
    if not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
