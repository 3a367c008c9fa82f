"""Random draws that are the same integers on every machine: a named Philox stream and no floats."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]  # of what there are many in memory
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_HALF: Final = np.uint64(32)

#: `below` maps 32 random bits onto 0..bound-1, so no bound may need more bits than that.
BOUND_MAX: Final = 2**32
#: What Philox makes each time that its counter moves on.
_WORDS_A_STEP: Final = 4


class Draws:
    """One stream of randomness, named by the seed and by what is drawn from it.

    Only the raw words of the bit generator are used: numpy promises those for good, while the
    methods of its `Generator` may change between releases. A stream a purpose and day means that a
    new typology or a longer world leaves what the others drew as it was.
    """

    def __init__(self, seed: int, *names: str | int) -> None:
        text = "|".join(("crivo.simulator", str(seed), *(str(name) for name in names)))
        self._key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
        self._bits = np.random.Philox(key=self._key)

    def begin_at(self, place: int) -> None:
        """What is drawn next is what a fresh stream gives after `place` words.

        Each answer of `words`, `below`, `between`, `spans` and `chance` takes one word, so that a
        long column can be drawn in parts. The generator makes four words at a time.
        """
        self._bits = np.random.Philox(key=self._key)
        self._bits.advance(place // _WORDS_A_STEP)
        self._bits.random_raw(place % _WORDS_A_STEP)

    def words(self, count: int) -> Words:
        """`count` uniform words of 64 bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def below(self, bound: int, count: int) -> Int64s:
        """`count` integers of 0..bound-1 (multiply and shift: the bias is below 2^-32 a value)."""
        assert 1 <= bound <= BOUND_MAX
        return ((self.words(count) >> _HALF) * np.uint64(bound) >> _HALF).astype(np.int64)

    def below_each(self, bounds: Int64s) -> Int64s:
        """For each bound (1..2^32) one integer below it."""
        words = self.words(len(bounds)) >> _HALF
        return (words * bounds.astype(np.uint64) >> _HALF).astype(np.int64)

    def between(self, low: int, high: int, count: int) -> Int64s:
        """`count` integers of low..high-1."""
        return low + self.below(high - low, count)

    def spans(self, low: int, high: int, count: int) -> Int64s:
        """`count` spans of low..high-1 microseconds, in whole milliseconds from `low`."""
        return low + self.below((high - low) // 1000, count) * 1000

    def one(self, low: int, high: int) -> int:
        """One integer of low..high-1."""
        return int(self.between(low, high, 1)[0])

    def chance(self, per_mille: int | Int64s, count: int) -> Bools:
        """`count` answers, each true with the given probability in thousandths."""
        return np.asarray(self.below(1000, count) < per_mille)

    def quota(self, per_mille: Int64s) -> Bools:
        """Answers true with those probabilities in thousandths, whose number is not left to luck.

        Systematic sampling in random order: it is the sum of the probabilities, rounded up or down.
        """
        return self.quota_along(self.shuffled(np.arange(len(per_mille), dtype=np.int64)), per_mille)

    def quota_along(self, order: Int64s, per_mille: Int64s) -> Bools:
        """The same in that order of places: whatever the order sorts by has its part, too."""
        reached = np.cumsum(per_mille[order]) + self.below(1000, 1)
        answers = np.zeros(len(per_mille), dtype=np.bool_)
        answers[order] = np.diff(reached // 1000, prepend=0) > 0
        return answers

    def chosen(self, cumulative: Int64s, count: int) -> Int64s:
        """`count` indices, index i with weight cumulative[i] - cumulative[i - 1]."""
        return np.searchsorted(
            cumulative, self.below(int(cumulative[-1]), count), side="right"
        ).astype(np.int64)

    def shuffled(self, values: Int64s) -> Int64s:
        """The values in random order."""
        return values[np.argsort(self.words(len(values)), kind="stable")]


def cumulated(weights: Int64s | tuple[int, ...]) -> Int64s:
    """Running totals of the weights, as `chosen` wants them."""
    totals = np.cumsum(np.asarray(weights, dtype=np.int64))
    assert 1 <= totals[-1] <= BOUND_MAX
    return totals


def mixed(values: Int64s, salt: int) -> Words:
    """64 well-mixed bits of each value (splitmix64's finaliser), for names that hide the count."""
    word = values.astype(np.uint64) + np.array([salt & (2**64 - 1)], dtype=np.uint64)
    word = word * np.array([0x9E3779B97F4A7C15], dtype=np.uint64)
    word = (word ^ (word >> np.uint64(30))) * np.array([0xBF58476D1CE4E5B9], dtype=np.uint64)
    word = (word ^ (word >> np.uint64(27))) * np.array([0x94D049BB133111EB], dtype=np.uint64)
    return word ^ (word >> np.uint64(31))
