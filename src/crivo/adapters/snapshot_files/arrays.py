"""Arrays as `.npy` files that are hashed in stretches, so that several threads check one of them.

A manifest says of each file how many bytes come before the array (`head`), how many the array has
(`bytes`), and the SHA-256 of the head and of each stretch behind it (`hashes`).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.errors import Code, Misconfigured
from crivo.flows.ports import Room

#: Bytes of an array that have a hash of their own: part of the format.
HASHED_BYTES: Final = 1 << 26

#: Threads that read and check: as many as there are processors, up to so many.
READERS_MAX: Final = 4

#: Bytes that are read and then hashed at once: they are in the cache still.
_PART_BYTES: Final = 1 << 19


def write_array(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    """What a manifest says of the file, after it went to the disk and was read from there."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
        head = file.tell() - array.nbytes
    stretches = list(_stretches(head, array.nbytes))
    space = np.empty(max(len(stretch) for stretch in stretches), dtype=np.uint8)
    hashes = [_read_hashed(path, each.start, space[: len(each)]) for each in stretches]
    return {"head": head, "bytes": array.nbytes, "hashes": hashes}


def read_arrays(
    folder: Path, files: Mapping[str, Mapping[str, Any]], room: Room | None
) -> dict[str, NDArray[Any]]:
    """The arrays of the files that a manifest tells of, where `room` has them, else by themselves.

    Raises:
        Misconfigured: SNAPSHOT_INVALID where a byte is not what was written.
    """
    read = {name: _begin(folder, name, said, room) for name, said in files.items()}
    stretches = [each for _, _, of_file in read.values() for each in of_file]
    with ThreadPoolExecutor(min(READERS_MAX, os.cpu_count() or 1)) as readers:
        for _ in readers.map(_Stretch.read, stretches):
            pass
    return {name: _shaped(head, array) for name, (head, array, _) in read.items()}


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Part of a file: where it begins, where it is read to, and the hash it must have."""

    path: Path
    begin: int
    target: NDArray[np.uint8]
    expected: str

    def read(self) -> None:
        try:
            found = _read_hashed(self.path, self.begin, self.target)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if found != self.expected:
            raise broken(self.path.parent, self.path.name, self.expected, found)


def _begin(
    folder: Path, name: str, said: Mapping[str, Any], room: Room | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[_Stretch]]:
    """Where head and array of a file are read to, and its stretches, of which none is read yet."""
    path, head, size = folder / f"{name}.npy", said["head"], said["bytes"]
    try:
        found = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if found != head + size:
        raise broken(folder, path.name, f"{head + size} bytes", found)
    before = np.empty(head, dtype=np.uint8)
    array = None if room is None else room(name, size)
    if array is None:
        array = np.empty(size, dtype=np.uint8)
    stretches = []
    for each, expected in zip(_stretches(head, size), said["hashes"], strict=True):
        target = array[each.start - head : each.stop - head] if each.start else before
        stretches.append(_Stretch(path, each.start, target, expected))
    return before, array, stretches


def _stretches(head: int, size: int) -> Iterator[range]:
    """The places in a file of what has a hash of its own: the head first."""
    yield range(head)
    for start in range(head, head + size, HASHED_BYTES):
        yield range(start, min(start + HASHED_BYTES, head + size))


def _read_hashed(path: Path, begin: int, target: NDArray[np.uint8]) -> str:
    """Fills the target (uint8[n]) with the file's bytes from `begin` on; their SHA-256 (hex)."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        file.seek(begin)
        for start in range(0, target.size, _PART_BYTES):
            part = target[start : start + _PART_BYTES].data
            if file.readinto(part) != len(part):
                raise OSError(f"{path.name} grew shorter while it was read")
            digest.update(part)
    return digest.hexdigest()


def _shaped(head: NDArray[np.uint8], array: NDArray[np.uint8]) -> NDArray[Any]:
    """The array as its file's head says that it is."""
    told = io.BytesIO(head.tobytes())
    assert np.lib.format.read_magic(told) == (1, 0), "what `np.save` writes of plain arrays"
    shape, _, dtype = np.lib.format.read_array_header_1_0(told)
    shaped: NDArray[Any] = array.view(dtype).reshape(shape)
    return shaped


def _unreadable(path: Path, error: OSError) -> Misconfigured:
    return broken(path.parent, path.name, "a file named in the manifest", error)


def broken(folder: Path, part: str, expected: str, found: object) -> Misconfigured:
    """The error of a snapshot in `folder` of which one part is not what was written."""
    return Misconfigured(
        Code.SNAPSHOT_INVALID,
        f"{part} of the snapshot is not what was written",
        hint="State is rebuilt from an older snapshot or from the log; this one may be deleted.",
        field=part,
        expected=expected,
        found=str(found),
        file=str(folder),
    )
