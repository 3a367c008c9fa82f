"""What lies in a folder before one is written there, and whether it may give way."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from crivo.domain.errors import Code, CrivoError, Misconfigured, Refused, shown

#: Files in the way that an error names.
NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Written:
    """A kind of folder that may give way to another of its kind: how one is known.

    `files` are the paths below the folder that its manifest names; it raises `msgspec.DecodeError`
    or `UnicodeDecodeError` where the content is no such manifest.
    """

    word: str
    manifest: str
    files: Callable[[bytes], Collection[str]]


def check_free(place: Path, kind: Written, *, replace: bool) -> None:
    """Nothing, where a folder of this kind may be written.

    Nothing lies there or, with `replace`, one of its kind alone; and what lies above is a folder.

    Raises:
        Refused: FILE_UNWRITABLE for anything else, which is named.
        Misconfigured: FILE_UNWRITABLE where the folder cannot be read.
    """
    try:
        if not os.path.lexists(place):
            # The nearest of its parents that is there: below it folders are made.
            parent = next(each for each in place.parents if os.path.lexists(each))
            if not parent.is_dir():
                raise _in_the_way(place, kind, f"{parent} is no folder")
            return
        if not place.is_dir():
            raise _in_the_way(place, kind, f"{place} is no folder")
        if not any(place.iterdir()):
            return
        if not replace:
            raise _in_the_way(place, kind, f"{place} is not empty")
        _check_alone(place, kind)
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNWRITABLE,
            f"{place} cannot be looked at: {error.strerror or error}",
            hint="Name another folder.",
            folder=str(place),
        ) from error


def _check_alone(place: Path, kind: Written) -> None:
    word, manifest = kind.word, kind.manifest
    path = place / manifest
    if path.is_symlink() or not path.is_file():
        raise _in_the_way(place, kind, f"{place} holds no {word}: it has no {manifest}")
    try:
        named = {manifest, *kind.files(path.read_bytes())}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{place} holds no {word}: its {manifest} is no {word}'s ({error})"
        raise _in_the_way(place, kind, message) from error
    strangers = sorted(entries(place) - named - _folders_of(named))
    if strangers:
        listed = ", ".join(shown(name) for name in strangers[:NAMED_MAX])
        more = f" and {len(strangers) - NAMED_MAX} more" if len(strangers) > NAMED_MAX else ""
        message = f"{place} holds a {word} and what its {manifest} does not name: {listed}{more}"
        raise _in_the_way(place, kind, message)


def entries(folder: Path) -> set[str]:
    """All that lies below a folder, by its path from there; a link is an entry, never a way.

    Raises:
        OSError: Where one of its folders cannot be read.
    """
    found: set[str] = set()
    open_folders = [folder]
    while open_folders:
        with os.scandir(open_folders.pop()) as scan:
            for entry in scan:
                found.add(Path(entry.path).relative_to(folder).as_posix())
                if entry.is_dir(follow_symlinks=False):
                    open_folders.append(Path(entry.path))
    return found


def _folders_of(names: set[str]) -> set[str]:
    """The folders that lie on the way to files of these names."""
    return {parent.as_posix() for name in names for parent in Path(name).parents}


def _in_the_way(place: Path, kind: Written, message: str) -> CrivoError:
    return Refused(
        Code.FILE_UNWRITABLE,
        message,
        hint=f"Name a new folder; --replace overwrites one that holds a {kind.word}, "
        "and nothing else.",
        field="folder",
        expected="a new or empty folder",
        found=str(place),
    )
