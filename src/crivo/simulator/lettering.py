"""Letters for numbers, whole columns at a time: digits, hexadecimal, permuted numbers, as bytes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.simulator.draws import Int64s, Words, mixed

Names = npt.NDArray[np.bytes_]
Letters = npt.NDArray[np.uint8]  # a row of ASCII codes for each name

_HEX: Final = b"0123456789abcdef"
#: Odd and no multiple of five, so that multiplying by it permutes 0 .. 10^n - 1.
_SPREAD: Final = 387_420_489


def digits(values: Int64s, width: int) -> Letters:
    """The last `width` decimal digits of each value."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def hexadecimal(words: Words) -> Letters:
    """Sixteen hexadecimal digits of each word."""
    shifts = np.arange(60, -1, -4, dtype=np.uint64)
    nibbles = (words[:, None] >> shifts & np.uint64(15)).astype(np.int64)
    return np.frombuffer(_HEX, dtype=np.uint8)[nibbles]


def permuted(seed: int, values: Int64s, size: int) -> Int64s:
    """Other numbers below `size`, a power of ten; different values below it stay different."""
    return (values * _SPREAD + seed % 1_000_003 * 7919) % size


def spread(values: Int64s, salt: int) -> Int64s:
    """32 well-mixed bits of each value: a draw that belongs to the value, whoever asks."""
    return (mixed(values, salt) >> np.uint64(32)).astype(np.int64)


def joined(matrix: Letters) -> Names:
    """The rows as names."""
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel()


def prefixed(prefix: bytes, letters: Letters) -> Names:
    """The prefix before each row, as names."""
    front = np.broadcast_to(np.frombuffer(prefix, dtype=np.uint8), (len(letters), len(prefix)))
    return joined(np.concatenate([front, letters], axis=1))
