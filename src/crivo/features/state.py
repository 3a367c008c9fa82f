"""The memory of an engine: its arrays, and how they grow up to a named ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import READ_BACK
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.features import layout as k
from crivo.features.arena import Words, reindex
from crivo.features.compaction import compact
from crivo.features.release import release

#: The least a state takes: one mebibyte of arena and an index of 4,096 places.
ARENA_WORDS_MIN: Final = 1 << 17
INDEX_WORDS_MIN: Final = 1 << 12

#: What is set aside from the start: a gibibyte of addresses, which is no memory yet. A fifth of a
#: fold's time went into copying an arena that began small.
ROOM_WORDS: Final = 1 << 27

#: The most it may take unless told otherwise, index and arena together.
STATE_BYTES_MAX: Final = 16 << 30


class State:
    """Index, arena and control words. It grows by doubling; nothing ever moves inside the arena.

    The arena's last step is what the ceiling leaves of it. Growing copies, so it takes a pause of
    tens of milliseconds; `make_room` takes it beforehand.
    """

    __slots__ = ("_reached_by", "_released", "arena", "bytes_max", "control", "index")

    def __init__(self, *, arena_words: int, bytes_max: int, reached_by: int) -> None:
        assert reached_by >= 1
        self._reached_by = reached_by
        self.control: Words = np.zeros(k.CONTROL_WORDS, dtype=np.int64)
        self.control[k.C_TOP] = k.LINE_WORDS  # offset 0 means none
        self.control[k.C_VERSION] = k.STATE_VERSION
        self.control[k.C_STRETCH_SIZE], self.control[k.C_STRETCH_LEAST] = reached_by, -k.NEVER
        self.index: Words = np.zeros(INDEX_WORDS_MIN, dtype=np.int64)
        while arena_words > ARENA_WORDS_MIN and 8 * arena_words > bytes_max // 2:
            arena_words //= 2  # a small ceiling leaves the index its half
        self.arena: Words = _arena(max(ARENA_WORDS_MIN, arena_words))
        self.bytes_max = bytes_max
        #: How many places of the index a release has looked at; 0: none is under way.
        self._released = 0

    @property
    def bytes(self) -> int:
        """Bytes of index and arena in use: without blocks that wait for who needs one."""
        return self.index.nbytes + 8 * int(self.control[k.C_TOP] - self.control[k.C_FREE_WORDS])

    def grow(self, code: int) -> None:
        """Doubles what the kernel found too small, as far as the ceiling lets it.

        Raises:
            Unavailable: OVERLOADED where the ceiling is reached; the state is as it was.
        """
        assert code in {k.NEED_ARENA, k.NEED_INDEX}
        index_bytes, words = self.index.nbytes, self.arena.size
        if code == k.NEED_INDEX:
            index_bytes *= 2
        else:
            left = (self.bytes_max - index_bytes) // 8
            # The last step is shorter, so that all of the ceiling can be used.
            words = max(min(2 * words, left), words + ARENA_WORDS_MIN)
        if index_bytes + 8 * words > self.bytes_max:
            raise Unavailable(
                Code.OVERLOADED,
                "the feature state has reached its ceiling",
                hint="Deal the keys to more processes: a set is built with --shards.",
                field="feature state",
                expected=f"at most {self.bytes_max} bytes",
                found=index_bytes + 8 * words,
            )
        if code == k.NEED_ARENA:
            self._move_arena(words)
        else:
            self._move_index(2 * self.index.size)

    def arrays(self) -> dict[str, Words]:
        """Control words, index, and the part of the arena that is in use."""
        used = int(self.control[k.C_TOP])
        control = self.control.copy()
        # Where the last batch ended, and sizes: no part of the state.
        control[[k.C_ROW, k.C_OUT, k.C_INDEX_SIZE, k.C_ARENA_SIZE, k.C_STRETCH_SIZE]] = 0
        return {"control": control, "index": self.index, "arena": self.arena[:used]}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes copies of what `arrays` gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID for other shapes than they can have.
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
        self.control, self.index = control.copy(), index.copy()
        self.control[k.C_STRETCH_SIZE] = self._reached_by
        self._released = 0
        self.arena = _arena(max(self.arena.size, 2 * arena.size))
        self.arena[: arena.size] = arena

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
        entries = self.index[self.index != 0]
        entries = entries[np.argsort(entries & k.OFFSET_MASK)]
        arena = _arena(self.arena.size)
        top = compact(plan, entries, self.arena, arena)
        assert top <= self.control[k.C_TOP] - self.control[k.C_FREE_WORDS], "what is in use, once"
        self.control[k.C_TOP] = top
        self.control[k.C_FREE_WORDS :] = 0
        self.arena, self.index = arena, np.zeros(self.index.size, dtype=np.int64)
        reindex(entries, self.index, self.arena)

    def make_room(self) -> None:
        """Grows for four times the keys and events there are, as far as the ceiling lets it.

        Pages that were never written cost no memory, so the arena's part is addresses alone.
        """
        words = max(ROOM_WORDS, 4 * int(self.control[k.C_TOP]))
        if self.arena.size < words and self.index.nbytes + 8 * words <= self.bytes_max:
            self._move_arena(words)
        places = self.index.size
        while places < 8 * int(self.control[k.C_KEYS]):
            places *= 2
        if places > self.index.size and 8 * places + self.arena.nbytes <= self.bytes_max:
            self._move_index(places)

    def _move_arena(self, words: int) -> None:
        larger, used = _arena(words), int(self.control[k.C_TOP])
        larger[:used] = self.arena[:used]
        self.arena = larger

    def _move_index(self, places: int) -> None:
        index = np.zeros(places, dtype=np.int64)
        reindex(self.index, index, self.arena)
        self.index = index


def _no_state(expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.SNAPSHOT_INVALID,
        "the arrays hold no state of this engine",
        hint="State is rebuilt from the log.",
        expected=expected,
        found=str(found),
    )


def _arena(size: int) -> Words:
    """Words that begin where a line of the processor's cache does."""
    words = np.zeros(size + k.LINE_WORDS, dtype=np.int64)
    begin = -(words.ctypes.data // 8) % k.LINE_WORDS
    return words[begin : begin + size]
