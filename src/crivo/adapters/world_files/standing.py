"""What lies in a folder before a world is written there, and whether it may give way to one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import msgspec

from crivo.domain.errors import Code, CrivoError, Misconfigured, Refused, shown

MANIFEST: Final = "world.json"

#: Files in the way that an error names.
NAMED_MAX: Final = 5


class Manifest(msgspec.Struct, frozen=True):
    """What a world's manifest says of its files; what else it says is of no use here."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    tables: str
    options: dict[str, object]
    rows: dict[str, int]
    sha256: dict[str, str]


def check_free(place: Path, *, replace: bool) -> None:
    """Nothing, where a world may be written: nothing lies there, or with `replace` a world alone.

    Raises:
        Refused: FILE_UNWRITABLE for anything else, which is named.
        Misconfigured: FILE_UNWRITABLE where the folder cannot be read.
    """
    try:
        if not os.path.lexists(place):
            return
        if not place.is_dir():
            raise _in_the_way(place, f"{place} is no folder")
        if not any(place.iterdir()):
            return
        if not replace:
            raise _in_the_way(place, f"{place} is not empty")
        _check_world_alone(place)
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNWRITABLE,
            f"{place} cannot be looked at: {error.strerror or error}",
            hint="Name another folder.",
            folder=str(place),
        ) from error


def _check_world_alone(place: Path) -> None:
    path = place / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise _in_the_way(place, f"{place} holds no world: it has no {MANIFEST}")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{place} holds no world: its {MANIFEST} is no world's ({error})"
        raise _in_the_way(place, message) from error
    named = {MANIFEST, *manifest.sha256}
    strangers = sorted(entries(place) - named - _folders_of(named))
    if strangers:
        listed = ", ".join(shown(name) for name in strangers[:NAMED_MAX])
        more = f" and {len(strangers) - NAMED_MAX} more" if len(strangers) > NAMED_MAX else ""
        raise _in_the_way(
            place, f"{place} holds a world and what its {MANIFEST} does not name: {listed}{more}"
        )


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


def _in_the_way(place: Path, message: str) -> CrivoError:
    return Refused(
        Code.FILE_UNWRITABLE,
        message,
        hint="Name a new folder; --replace overwrites one that holds a world, and nothing else.",
        field="folder",
        expected="a new or empty folder",
        found=str(place),
    )
