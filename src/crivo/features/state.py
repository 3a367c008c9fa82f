"""The memory of an engine: its arrays, and how they grow up to a named ceiling."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.errors import Code, Unavailable
from crivo.features import layout as k
from crivo.features.arena import Words, reindex

#: The least a state takes: one mebibyte of arena and an index of 4,096 places.
ARENA_WORDS_MIN: Final = 1 << 17
INDEX_WORDS_MIN: Final = 1 << 12

#: The most it may take unless told otherwise, index and arena together.
STATE_BYTES_MAX: Final = 16 << 30


class State:
    """Index, arena and control words. It grows by doubling; nothing ever moves inside the arena.

    The arena begins at `arena_words`: pages that were never written cost no memory, so a service
    can name its expected size at start and never pause to grow.
    """

    __slots__ = ("arena", "bytes_max", "control", "index")

    def __init__(self, *, arena_words: int, bytes_max: int) -> None:
        self.control: Words = np.zeros(k.CONTROL_WORDS, dtype=np.int64)
        self.control[k.C_TOP] = k.LINE_WORDS  # offset 0 means none
        self.index: Words = np.zeros(INDEX_WORDS_MIN, dtype=np.int64)
        self.arena: Words = _arena(max(ARENA_WORDS_MIN, arena_words))
        self.bytes_max = bytes_max

    @property
    def bytes(self) -> int:
        """Bytes of index and arena in use."""
        return self.index.nbytes + 8 * int(self.control[k.C_TOP])

    def grow(self, code: int) -> None:
        """Doubles what the kernel found too small.

        Raises:
            Unavailable: OVERLOADED where the ceiling is reached; the state is as it was.
        """
        array = self.arena if code == k.NEED_ARENA else self.index
        if self.index.nbytes + self.arena.nbytes + array.nbytes > self.bytes_max:
            raise Unavailable(
                Code.OVERLOADED,
                "the feature state has reached its ceiling",
                hint="Give the engine more memory (state_bytes_max), or shard the keys.",
                field="state_bytes_max",
                expected=f"at most {self.bytes_max} bytes",
                found=self.index.nbytes + self.arena.nbytes + array.nbytes,
            )
        if code == k.NEED_ARENA:
            larger, used = _arena(2 * self.arena.size), int(self.control[k.C_TOP])
            larger[:used] = self.arena[:used]
            self.arena = larger
        else:
            assert code == k.NEED_INDEX
            index = np.zeros(2 * self.index.size, dtype=np.int64)
            reindex(self.index, index, self.arena)
            self.index = index


def _arena(size: int) -> Words:
    """Words that begin where a line of the processor's cache does."""
    words = np.empty(size + k.LINE_WORDS, dtype=np.int64)
    begin = -(words.ctypes.data // 8) % k.LINE_WORDS
    return words[begin : begin + size]
