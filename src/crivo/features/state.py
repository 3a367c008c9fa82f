"""The memory of an engine: its arrays, and how they grow up to a named ceiling."""

from __future__ import annotations

import errno
import mmap
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import READ_BACK
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.features import layout as k
from crivo.features.arena import Words, reindex
from crivo.features.compaction import compact
from crivo.features.release import release

#: The least places of an index.
INDEX_WORDS_MIN: Final = 1 << 12

#: The most a state may take unless told otherwise, index and arena together.
STATE_BYTES_MAX: Final = 16 << 30

#: Addresses alone are set aside: a page is memory, and counted as such, once it is written. Python
#: names the last flag (MAP_NORESERVE of Linux) from 3.13 on.
_MAP_FLAGS: Final = (
    mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (0x4000 if sys.platform == "linux" else 0)
)


class State:
    """Index, arena and control words. The arena lies where it was begun, and nothing ever moves
    inside it: all that the ceiling lets it be is set aside from the start, in addresses.

    The index grows by doubling, which takes a pause; `make_room` takes it beforehand.
    """

    __slots__ = (
        "_index_room",
        "_reached_by",
        "_released",
        "_reserved",
        "arena",
        "bytes_max",
        "control",
        "index",
    )

    def __init__(self, *, bytes_max: int, reached_by: int) -> None:
        assert reached_by >= 1
        self._reached_by = reached_by
        self.control: Words = np.zeros(k.CONTROL_WORDS, dtype=np.int64)
        self.control[k.C_TOP] = k.LINE_WORDS  # offset 0 means none
        self.control[k.C_VERSION] = k.STATE_VERSION
        self.control[k.C_STRETCH_SIZE], self.control[k.C_STRETCH_LEAST] = reached_by, -k.NEVER
        #: What is set aside, of which the arena is what the index leaves below the ceiling.
        self._reserved: Words = _reserve(bytes_max // 8)
        self.bytes_max = min(bytes_max, self._reserved.nbytes)
        self.arena: Words
        self.index: Words
        self._take_index(np.zeros(INDEX_WORDS_MIN, dtype=np.int64))
        #: Where an index is read to that is to be restored.
        self._index_room: Words = np.zeros(0, dtype=np.int64)
        #: How many places of the index a release has looked at; 0: none is under way.
        self._released = 0

    @property
    def bytes(self) -> int:
        """Bytes of index and arena in use: without blocks that wait for who needs one."""
        return self.index.nbytes + 8 * int(self.control[k.C_TOP] - self.control[k.C_FREE_WORDS])

    def grow(self, code: int) -> None:
        """Doubles the index where the kernel found it too small, if the ceiling lets it.

        Raises:
            Unavailable: OVERLOADED where the ceiling is reached; the state is as it was.
        """
        assert code in {k.NEED_ARENA, k.NEED_INDEX}
        if code == k.NEED_ARENA:
            raise self._full(self.bytes_max + 8)
        places = 2 * self.index.size
        needed = 8 * (places + int(self.control[k.C_TOP]))
        if needed > self.bytes_max:
            raise self._full(needed)
        self._move_index(places)

    def arrays(self) -> dict[str, Words]:
        """Control words, index, and the part of the arena that is in use."""
        used = int(self.control[k.C_TOP])
        control = self.control.copy()
        # Where the last batch ended, and sizes: no part of the state.
        control[[k.C_ROW, k.C_OUT, k.C_INDEX_SIZE, k.C_ARENA_SIZE, k.C_STRETCH_SIZE]] = 0
        return {"control": control, "index": self.index, "arena": self.arena[:used]}

    def room(self, name: str, bytes_wanted: int) -> NDArray[np.uint8] | None:
        """Memory of this state into which an array of that name may be read, so that `restore`
        need not copy it; None where there is none. The state is of no use until it was restored.
        """
        words = bytes_wanted // 8
        if 8 * words != bytes_wanted or bytes_wanted > self.bytes_max:
            return None
        if name == "arena":
            return self._reserved[:words].view(np.uint8)
        if name == "index":
            self._index_room = np.empty(words, dtype=np.int64)
            return self._index_room.view(np.uint8)
        return None

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes copies of what `arrays` gave, but for what was read into its `room`.

        Raises:
            Misconfigured: SNAPSHOT_INVALID for other shapes than they can have.
            Unavailable: OVERLOADED for more than the ceiling lets it hold.
        """
        control, index, arena = (arrays.get(name) for name in ("control", "index", "arena"))
        if control is None or index is None or arena is None:
            raise _no_state("the arrays control, index and arena", sorted(arrays))
        for name, array in (("control", control), ("index", index), ("arena", arena)):
            if array.dtype != np.int64 or array.ndim != 1:
                raise _no_state(f"{name}: int64[n]", f"{array.dtype}{list(array.shape)}")
        if control.shape != self.control.shape or control[k.C_TOP] != arena.size:
            raise _no_state(f"an arena of the {k.CONTROL_WORDS} control words' size", arena.size)
        if control[k.C_VERSION] != k.STATE_VERSION:
            found = int(control[k.C_VERSION])
            raise _no_state(f"a state of layout {k.STATE_VERSION}", f"one of layout {found}")
        if index.size < INDEX_WORDS_MIN or index.size & (index.size - 1):
            raise _no_state("an index of a power of two places", index.size)
        if index.nbytes + arena.nbytes > self.bytes_max:
            raise self._full(index.nbytes + arena.nbytes)
        self.control = control.copy()
        self.control[k.C_STRETCH_SIZE] = self._reached_by
        self._released = 0
        if not np.may_share_memory(arena, self._reserved):
            self._reserved[: arena.size] = arena
        self._take_index(index if np.may_share_memory(index, self._index_room) else index.copy())
        self._index_room = np.zeros(0, dtype=np.int64)

    @property
    def received_from(self) -> int:
        """No transfer that was received before may be read any more; 0 before any release."""
        return int(self.control[k.C_RELEASED])

    def release(self, plan: Words, receipts_back: int) -> int:
        """Gives back what no permitted read can look at any more; how many bytes that are.

        Blocks that are free wait where they lie for who needs one. Once they are a quarter of the
        arena, the rest is copied into a new one, if both have room below the ceiling.
        """
        if not self._begin_release(receipts_back, 1):
            return 0
        before = self.bytes
        self._release_up_to(plan, self.index.size)
        used, free = int(self.control[k.C_TOP]), int(self.control[k.C_FREE_WORDS])
        if 4 * free >= used and self.index.nbytes + 8 * (2 * used - free) <= self.bytes_max:
            self._compact(plan)
        return before - self.bytes

    def release_some(self, plan: Words, places: int, receipts_back: int, every: int) -> bool:
        """A step of a release, over so many places of the index; whether it was the last.

        A release begins where the receipt that was reached lies `every` microseconds after that of
        the last.
        Nothing moves: what is given back waits for who needs it.
        """
        if self._released == 0 and not self._begin_release(receipts_back, every):
            return False
        self._release_up_to(plan, min(self._released + places, self.index.size))
        return self._released == 0

    def _begin_release(self, receipts_back: int, every: int) -> bool:
        received_from = int(self.control[k.C_REACHED]) - receipts_back
        if received_from < self.received_from + every:
            return False
        self.control[k.C_RELEASED], self._released = received_from, 0
        return True

    def _release_up_to(self, plan: Words, end: int) -> None:
        floor = self.received_from - READ_BACK
        release(plan, self.control, self.index, self.arena, floor, self._released, end)
        self._released = 0 if end == self.index.size else end

    def _compact(self, plan: Words) -> None:
        target = _reserve(self._reserved.size)
        if target.size < self._reserved.size:
            return  # the system does not set so much aside twice
        entries = self.index[self.index != 0]
        entries = entries[np.argsort(entries & k.OFFSET_MASK)]
        top = compact(plan, entries, self.arena, target)
        assert top <= self.control[k.C_TOP] - self.control[k.C_FREE_WORDS], "what is in use, once"
        self.control[k.C_TOP] = top
        self.control[k.C_FREE_WORDS :] = 0
        self._reserved = target
        index = np.zeros(self.index.size, dtype=np.int64)
        reindex(entries, index, target)
        self._take_index(index)

    def make_room(self) -> None:
        """Grows the index, where it has no room for twice the keys there are, to have room for
        four times as many, if that takes no more than a quarter of what the ceiling leaves.
        """
        places, keys = self.index.size, int(self.control[k.C_KEYS])
        if places >= 4 * keys:
            return
        while places < 8 * keys:
            places *= 2
        if 32 * places <= self.bytes_max - 8 * int(self.control[k.C_TOP]):
            self._move_index(places)

    def _move_index(self, places: int) -> None:
        index = np.zeros(places, dtype=np.int64)
        reindex(self.index, index, self.arena)
        self._take_index(index)

    def _take_index(self, index: Words) -> None:
        self.index = index
        self.arena = self._reserved[: (self.bytes_max - index.nbytes) // 8]

    def _full(self, needed: int) -> Unavailable:
        return Unavailable(
            Code.OVERLOADED,
            "the feature state has reached its ceiling",
            hint="Deal the keys to more processes: a set is built with --shards.",
            field="feature state",
            expected=f"at most {self.bytes_max} bytes",
            found=needed,
        )


def _no_state(expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.SNAPSHOT_INVALID,
        "the arrays hold no state of this engine",
        hint="State is rebuilt from the log.",
        expected=expected,
        found=str(found),
    )


def _reserve(words: int) -> Words:
    """So many words of addresses, all 0, or the half as often as the system refuses them: one that
    lends no memory beyond what it has, or has a limit of addresses. They begin with a page.
    """
    while True:
        try:
            reserved = mmap.mmap(-1, 8 * words, flags=_MAP_FLAGS)
        except OSError as error:
            if error.errno != errno.ENOMEM or words == 1:
                raise
            words //= 2
        else:
            break
    if sys.platform == "linux":
        with suppress(OSError):  # a kernel without huge pages has no use for the hint
            reserved.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(reserved, dtype=np.int64)
