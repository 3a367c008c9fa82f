"""Stamps of files: whether any of several changed, without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

#: Of each file: the time of its last change in ns, its size, its inode; None where it is missing.
Stamps = tuple[tuple[int, int, int] | None, ...]


def stamps_of(paths: Iterable[Path]) -> Stamps:
    """The stamps of these files, in their order."""
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            about = path.stat()
        except OSError:
            # It may be on its way: whoever reads it next says what is wrong.
            found.append(None)
        else:
            found.append((about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(found)
