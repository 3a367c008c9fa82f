"""Folders and files of a home that only their owner may read: 0700 and 0600."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Unavailable

FOLDER_MODE: Final = 0o700


def make_private_folder(folder: Path) -> None:
    """The folder is there; it, and each folder above it that was missing, is its owner's alone.

    A folder that was there keeps its mode: it may be shared for a reason.

    Raises:
        Unavailable: FILE_UNWRITABLE where it cannot be made, or a file stands in its place.
    """
    try:
        for part in (*reversed(folder.parents), folder):
            if not part.exists():
                part.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(None, "it is a file")
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"the folder {folder} cannot be made: {error.strerror}",
            hint="Name a folder that can be made or written, with --home or CRIVO_HOME.",
            path=str(folder),
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"the folder {folder} cannot be written",
            hint="Name another with --home or CRIVO_HOME, or mend its permissions.",
            path=str(folder),
        )


def is_open_to_others(path: Path) -> bool:
    """Whether somebody other than the owner may read or write it."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
