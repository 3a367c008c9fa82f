"""Models as folders: a manifest of hashes, and arrays; no pickle; whole on disk or not there."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured, Unavailable

#: What a rename onto a folder that is there already says.
_THERE: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY})


@contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Whoever else asks for this path, in this process or another, waits until this one is done.

    `.<name>.lock` beside it is what is held, and stays. Do not ask again inside.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def canonical_json(value: object) -> bytes:
    """The one way to write a JSON value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def sha256_of(content: bytes) -> str:
    """The hash that manifests name."""
    return hashlib.sha256(content).hexdigest()


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """The folder holds these files and is on disk, or is not there: aside, synced, renamed.

    Where another writer was faster, theirs stays: whoever wrote looks at what is there then.

    Raises:
        Unavailable: FILE_UNWRITABLE.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.parent / f".{target.name}.{threading.get_native_id()}.partial"
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        for name, content in files.items():
            write_synced(aside / name, content)
        sync_folder(aside)
        aside.rename(target)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if error.errno in _THERE and target.is_dir():
            return
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"{target} cannot be written: {error.strerror}",
            hint="Make room, or look at the folder's rights; then the same again.",
            file=str(target),
        ) from error
    sync_folder(target.parent)


def whole_folders(parent: Path, manifest: str) -> list[Path]:
    """The folders that hold this file, by name; what a writer set aside and never finished is none.

    `write_folder` sets aside under a name that begins with a point.
    """
    found = (path.parent for path in parent.glob(f"*/{manifest}"))
    return sorted(folder for folder in found if not folder.name.startswith("."))


def write_synced(path: Path, content: bytes) -> None:
    """The file holds `content` and is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The folder's entries are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(
    path: Path, *, form: str, expected_hash: str, missing: tuple[str, str]
) -> dict[str, Any]:
    """The manifest at `path`, of this format; `missing` says what is not there, and a hint.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID where it has another hash or
            format.
    """
    if not path.is_file():
        message, hint = missing
        raise Unavailable(Code.MODEL_MISSING, message, hint=hint, folder=str(path.parent))
    content = path.read_bytes()
    if sha256_of(content) != expected_hash:
        raise broken(path.parent, path.name, expected_hash, sha256_of(content))
    manifest: dict[str, Any] = json.loads(content)
    if manifest.get("format") != form:
        raise broken(path.parent, "format", form, manifest.get("format"))
    return manifest


def read_array(folder: Path, name: str, hashes: Mapping[str, str]) -> npt.NDArray[Any]:
    """The array of `<name>.npy`, after its hash was checked.

    Raises:
        Misconfigured: ARTIFACT_INVALID.
    """
    file = f"{name}.npy"
    path = folder / file
    if not path.is_file() or file not in hashes:
        raise broken(folder, file, "a file named in the manifest", "nothing")
    content = path.read_bytes()
    if sha256_of(content) != hashes[file]:
        raise broken(folder, file, hashes[file], sha256_of(content))
    try:
        array: npt.NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError as error:  # an array of objects, or no array
        raise broken(folder, file, "an array of numbers", error) from None
    return array


def array_bytes(array: npt.NDArray[Any]) -> bytes:
    """The array as a `.npy` file without a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def unsound(name: str, expected: str, found: object) -> Misconfigured:
    """The error of an array or number that no model of this kind has."""
    return Misconfigured(
        Code.ARTIFACT_INVALID,
        f"{name} must be {expected}",
        hint="Train again, or restore the folder from a copy.",
        field=name,
        expected=expected,
        found=str(found),
    )


def broken(folder: Path, name: str, expected: str, found: object) -> Misconfigured:
    """What is raised where a file of a model is not what was written."""
    return Misconfigured(
        Code.ARTIFACT_INVALID,
        f"{name} in {folder} is not what was written",
        hint="Train again, or restore the folder from a copy.",
        field=name,
        expected=expected,
        found=str(found),
    )
