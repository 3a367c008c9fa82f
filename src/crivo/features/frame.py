"""A frame: where everything lies that a compiled function works on, as words of one array.

To hand an array to a compiled function takes a third of a microsecond, and a decision hands over
thirty. So whoever calls often writes the addresses down once, and hands over that one address. Who
makes a frame keeps its arrays alive, and writes it anew when one of them moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from crivo.features.arena import Words

#: SHA-256 (its first 16 hex characters) of `heads.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "52f7f81d7dc40308"

# The words of the kernel's frame: where plan, state and rows lie, and how long they are; whether a
# vector of a row is wanted (a byte each; 0: of none), and where vectors and their flags go; whether
# the rows are folded, too.
PLAN, CONTROL, INDEX, INDEX_SIZE, ARENA, ARENA_SIZE, SCRATCH = 0, 1, 2, 3, 4, 5, 6
ROWS, TOTAL, WANTED, VECTORS, FLAGS, FOLDS, FRAME_WORDS = 7, 8, 9, 10, 11, 12, 13

# A float64 without its sign; of all greater than infinity, which are no numbers, one is null.
MAGNITUDE: Final = 0x7FFF_FFFF_FFFF_FFFF
INFINITY: Final = 0x7FF0_0000_0000_0000
NULL_BITS: Final = 0x7FF8_0000_0000_0000


def _pointer(kind: Any) -> Any:
    def typed(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        pointer: Any = types.CPointer
        return pointer(kind)(types.int64), generate

    return intrinsic(typed)


#: The words, floats or bytes at an address, as `arena.words` gives those of an array.
words_at: Any = _pointer(types.int64)
floats_at: Any = _pointer(types.float64)
halves_at: Any = _pointer(types.int32)
bytes_at: Any = _pointer(types.uint8)


def address(array: NDArray[Any]) -> int:
    """Where the data of a C-ordered array begins."""
    assert array.flags.c_contiguous, "a frame names whole arrays"
    place: int = array.__array_interface__["data"][0]
    return place


def write(frame: Words, arrays: Mapping[int, NDArray[Any]]) -> None:
    """Writes down where each array lies, at its place in the frame."""
    for place, array in arrays.items():
        frame[place] = address(array)


def new_frame(count: int = FRAME_WORDS) -> tuple[Words, int]:
    """A frame of so many words, and its own address."""
    frame = np.zeros(count, dtype=np.int64)
    return frame, address(frame)
