"""What reaches the disk in which order: files and folders that are synced, names that are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def disk_order(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """From now on each rename, with its target, and each sync, with what is synced, as it comes."""
    done: list[tuple[str, Path]] = []
    rename, replace, fsync = Path.rename, Path.replace, os.fsync

    def renaming(path: Path, target: Path) -> Path:
        done.append(("rename", Path(target)))
        return rename(path, target)

    def replacing(path: Path, target: Path) -> Path:
        done.append(("rename", Path(target)))
        return replace(path, target)

    def syncing(number: int) -> None:
        done.append(("sync", Path(f"/proc/self/fd/{number}").readlink()))
        fsync(number)

    monkeypatch.setattr(Path, "rename", renaming)
    monkeypatch.setattr(Path, "replace", replacing)
    monkeypatch.setattr(os, "fsync", syncing)
    return done
