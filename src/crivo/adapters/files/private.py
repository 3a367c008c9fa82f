"""Folders and files of a home that only their owner may read: 0700 and 0600."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Unavailable

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


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


def replace_private(path: Path, data: bytes) -> None:
    """The file holds these bytes, durably, or what it held: it is its owner's alone.

    Raises:
        OSError: nothing was changed.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(file, "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was made or renamed in the folder survives a power cut.

    Raises:
        OSError: it may not.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
