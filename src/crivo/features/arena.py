"""Keys and series in two arrays of int64: an open-addressing index, and an arena of blocks.

The index maps a key's hash to its head in the arena. A head is [key (two words), series…], and so
is its annex, without the key (`layout.HEAD_ANNEX`). A series there is [first instant, newest
instant, levels…]; a level is [block, hint | rows | class], a block of 2**class words
(`layout.ROWS_SHIFT`). The first level of a series holds its events (one row
for each microsecond), each further one the tiles of one long window. A row is [instant or tile
start, running totals…], where the totals count every event ever inserted up to and including the
row, so that any window is one difference. The first row of a block is the total before it.

Totals may wrap around 64 bits; a window's difference is below 2**63 all the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from crivo.features import layout as k
from crivo.features.compiled import INLINED, OPTIONS

#: SHA-256 (its first 16 hex characters) of `wide.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "0b0800d44fd6e41f"

Words = np.ndarray[Any, np.dtype[np.int64]]


def _words(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    pointer: Any = types.CPointer
    return pointer(array.dtype)(array), generate


#: `words(array)` is the array without its shape: one pointer, indexed alike. An index is then never
#: asked whether it is negative, and a call hands one word on instead of seven.
words: Any = intrinsic(_words)


def _prefetch(typing_context: Any, words: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = builder.gep(arguments[0], [arguments[1]])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        find_or_add: Any = cgutils.get_or_insert_function
        function = find_or_add(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = (number(value) for value in (0, 3, 1))
        builder.call(function, [builder.bitcast(address, byte), read, keep, data])
        return context.get_dummy_value()

    return types.void(words, place), generate


#: `prefetch(words, place)` hints to bring a word near. It reads nothing, so any place will do.
prefetch: Any = intrinsic(_prefetch)


@njit(**INLINED)
def mixed_of(word_0: int, word_1: int, entity: int) -> int:
    """Spreads a key over 64 bits (two rounds of multiply and shift)."""
    mixed = (word_0 ^ (word_1 * 0x1E3779B97F4A7C15)) + entity * 0x2545F4914F6CDD1D
    mixed = (mixed ^ ((mixed >> 32) & k.HALF_MASK)) * 0x14D049BB133111EB
    mixed = (mixed ^ ((mixed >> 29) & k.HALF_MASK)) * 0x3F58476D1CE4E5B9
    return mixed ^ ((mixed >> 32) & k.HALF_MASK)


@njit(**INLINED)
def _tag(mixed: int, entity: int) -> int:
    """What an index entry says of its key: 19 bits of the hash, and which entity it is."""
    return (((mixed >> k.OFFSET_BITS) & k.TAG_MASK) << k.ENTITY_BITS) | entity


@njit(**INLINED)
def find(
    index: Words, size: int, arena: Words, mixed: int, word_0: int, word_1: int, entity: int
) -> int:
    """The head of a key (`mixed_of` it is `mixed`), or 0. Every bit of the key is compared."""
    mask = size - 1
    tag = _tag(mixed, entity)
    at = mixed & mask
    while index[at] != 0:
        entry = index[at]
        if entry >> k.OFFSET_BITS == tag:
            head = entry & k.OFFSET_MASK
            if arena[head] == word_0 and arena[head + 1] == word_1:
                return head
        at = (at + 1) & mask
    return 0


@njit(**INLINED)
def guess(index: Words, size: int, mixed: int, entity: int) -> int:
    """A head of that entity, and mostly the key's own, or 0: its first place alone is looked at."""
    entry = index[mixed & (size - 1)]
    return entry & k.OFFSET_MASK if entry >> k.OFFSET_BITS == _tag(mixed, entity) else 0


@njit(**OPTIONS)
def _enter(index: Words, size: int, head: int, mixed: int, entity: int) -> None:
    mask = size - 1
    at = mixed & mask
    while index[at] != 0:
        at = (at + 1) & mask
    index[at] = (_tag(mixed, entity) << k.OFFSET_BITS) | head


@njit(**OPTIONS)
def reindex(old: Words, index: Words, arena: Words) -> None:
    """Enters every head of `old` into the empty, larger `index`."""
    larger = words(index)
    for at in range(old.size):
        if old[at] != 0:
            head, entity = old[at] & k.OFFSET_MASK, (old[at] >> k.OFFSET_BITS) & k.ENTITY_MASK
            mixed = mixed_of(arena[head], arena[head + 1], entity)
            _enter(larger, index.size, head, mixed, entity)


@njit(**OPTIONS)
def create(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    mixed: int,
    word_0: int,
    word_1: int,
    entity: int,
) -> int:
    """A new head whose series hold nothing, or 0 where the arena is full."""
    size = plan[k.P_HEAD_WORDS + entity]
    head = control[k.C_TOP]
    if head + size > control[k.C_ARENA_SIZE]:
        return 0
    control[k.C_TOP] = head + size
    control[k.C_KEYS] += 1
    arena[head], arena[head + 1] = word_0, word_1
    for word in range(head + k.HEAD_SERIES, head + size):
        arena[word] = 0
    _empty(plan, arena, entity, head, True)
    _enter(index, control[k.C_INDEX_SIZE], head, mixed, entity)
    return head


@njit(**OPTIONS)
def add_annex(plan: Words, control: Words, arena: Words, head: int, entity: int) -> int:
    """A new annex of a head that has none, which holds nothing; or 0 where the arena is full."""
    size, annex = plan[k.P_ANNEX_WORDS + entity], control[k.C_TOP]
    if annex + size > control[k.C_ARENA_SIZE]:
        return 0
    control[k.C_TOP] = annex + size
    arena[head + k.HEAD_ANNEX] = annex
    for word in range(annex, annex + size):
        arena[word] = 0
    _empty(plan, arena, entity, annex, False)
    return annex


@njit(**OPTIONS)
def _empty(plan: Words, arena: Words, entity: int, base: int, of_transfers: bool) -> None:
    """Says of what stands in a head, or in an annex, that nothing was ever inserted."""
    table = plan[k.P_TABLES] + entity * k.TABLE_WORDS
    for s in range(plan[table + k.T_SERIES], plan[table + k.T_SERIES_END]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if (plan[series + k.S_EVENT] == k.KIND_TRANSFER) == of_transfers:
            at = base + plan[series + k.S_AT]
            arena[at] = arena[at + 1] = k.NEVER
    for f in range(plan[table + k.T_FACTS], plan[table + k.T_FACTS_END]):
        facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
        if (plan[facts + k.F_EVENT] == k.KIND_TRANSFER) == of_transfers:
            arena[base + plan[facts + k.F_AT]] = k.NEVER


@njit(**OPTIONS)
def last_before(arena: Words, block: int, rows: int, width: int, instant: int) -> int:
    """The last row that begins before the instant; 0 where even the first does not."""
    low = 0
    while rows > 1:
        half = rows >> 1
        if arena[block + (low + half) * width] < instant:
            low += half
        rows -= half
    return low


@njit(**INLINED)
def later(arena: Words, block: int, low: int, high: int, width: int, instant: int) -> int:
    """`last_before` among the rows from `low`, which is before the instant, up to `high`.

    It is mostly near, so the steps begin small.
    """
    step = 1
    while low + step <= high and arena[block + (low + step) * width] < instant:
        low += step
        step *= 2
    if step > 1:
        left = min(step, high + 1 - low)
        low += last_before(arena, block + low * width, left, width, instant)
    return low


@njit(**INLINED)
def seek(arena: Words, level: int, width: int, instant: int) -> int:
    """`last_before` for an edge that mostly moves on: looks first where it was found last.

    The place is kept in the level's second word. It is a hint: any place gives the same answer.
    """
    block, packed = arena[level], arena[level + 1]
    rows, low = (packed >> k.ROWS_SHIFT) & k.ROWS_MASK, packed >> k.HINT_SHIFT
    if low >= rows or arena[block + low * width] >= instant:
        low = last_before(arena, block, min(low + 1, rows), width, instant)
    else:
        low = later(arena, block, low, rows - 1, width, instant)
    hint = min(low, k.HINT_MAX)
    arena[level + 1] = (packed & ((1 << k.HINT_SHIFT) - 1)) | (hint << k.HINT_SHIFT)
    return low


@njit(**INLINED)
def rows_of(arena: Words, level: int) -> int:
    """How many rows a level has."""
    return (arena[level + 1] >> k.ROWS_SHIFT) & k.ROWS_MASK


@njit(**OPTIONS)
def allocate(control: Words, arena: Words, size_class: int) -> int:
    """A block of 2**size_class words, or 0."""
    block = control[k.C_FREE + size_class]
    if block != 0:
        control[k.C_FREE + size_class] = arena[block]
        control[k.C_FREE_WORDS] -= 1 << size_class
        return block
    block = control[k.C_TOP]
    if block + (1 << size_class) > control[k.C_ARENA_SIZE]:
        return 0
    control[k.C_TOP] = block + (1 << size_class)
    return block


@njit(**OPTIONS)
def give_back(control: Words, arena: Words, block: int, size_class: int) -> None:
    """Has a block of 2**size_class words wait for the next who asks for one."""
    arena[block] = control[k.C_FREE + size_class]
    control[k.C_FREE + size_class] = block
    control[k.C_FREE_WORDS] += 1 << size_class


@njit(**INLINED)
def growth(arena: Words, at: int, width: int, count: int) -> int:
    """The most words that the level at `at` may newly take, per row, for `count` more rows.

    Blocks that double up to one of 2·(rows + count)·width words take twice as much in all.
    """
    packed = arena[at + 1]
    words = 1 << (packed & k.CLASS_MASK)
    if arena[at] != 0 and (((packed >> k.ROWS_SHIFT) & k.ROWS_MASK) + count) * width <= words:
        return 0
    return 4 * words + 8 * width


@njit(**INLINED)
def has_room(arena: Words, at: int, width: int) -> bool:
    """Whether the level at `at` can take one more row as it is."""
    packed = arena[at + 1]
    after = ((packed >> k.ROWS_SHIFT) & k.ROWS_MASK) + 1
    return arena[at] != 0 and after * width <= 1 << (packed & k.CLASS_MASK)


@njit(**OPTIONS)
def make_room(control: Words, arena: Words, at: int, width: int, horizon: int, begin: int) -> bool:
    """Whether the level at `at` can take one more row; it drops or moves rows to make it so.

    Rows up to the last one at or before `horizon` are behind every read: that last one stays as
    the total before the window. A level without a block begins with such a row at `begin`: where
    that is not `NEVER`, all that was before is released, and what comes late joins it.
    """
    block, rows, size_class = arena[at], rows_of(arena, at), arena[at + 1] & k.CLASS_MASK
    if block == 0:
        size_class = k.CLASS_MIN
        while (1 << size_class) < 2 * width:
            size_class += 1
        block = allocate(control, arena, size_class)
        if block == 0:
            return False
        arena[block] = begin
        for word in range(block + 1, block + width):
            arena[word] = 0
        arena[at], arena[at + 1] = block, (1 << k.ROWS_SHIFT) | size_class
        return True
    if has_room(arena, at, width):
        return True
    keep = last_before(arena, block, rows, width, horizon + 1)
    left = rows - keep
    target = block
    if keep * 4 < rows:  # too little would be won: the same work would soon come again
        target = allocate(control, arena, size_class + 1)
        if target == 0:
            return False
    for word in range(left * width):
        arena[target + word] = arena[block + keep * width + word]
    if target != block:
        give_back(control, arena, block, size_class)
        size_class += 1
    arena[at], arena[at + 1] = target, (left << k.ROWS_SHIFT) | size_class
    return True


@njit(**INLINED)
def insert(
    arena: Words, at: int, width: int, instant: int, scratch: Words, delta: int, stride: int
) -> None:
    """Adds an event's columns to the row of its instant, made if new, and to all later rows.

    What is added to the first column stands in `scratch[delta]`, to each next a stride further.
    """
    end = arena[at] + rows_of(arena, at) * width
    row = end - width
    if arena[row] < instant:
        arena[end] = instant
        for column in range(1, width):
            arena[end + column] = arena[row + column] + scratch[delta]
            delta += stride
        arena[at + 1] += 1 << k.ROWS_SHIFT
    elif arena[row] == instant:
        for column in range(1, width):
            arena[row + column] += scratch[delta]
            delta += stride
    else:
        _insert_before(arena, at, width, instant, scratch, delta, stride)


@njit(**OPTIONS)
def _insert_before(
    arena: Words, at: int, width: int, instant: int, scratch: Words, delta: int, stride: int
) -> None:
    """`insert` where a later row stands."""
    block, rows = arena[at], rows_of(arena, at)
    end = block + rows * width
    row = block + last_before(arena, block, rows, width, instant + 1) * width
    if arena[row] < instant:  # else the event shares its row, or is older than any read can reach
        row += width
        for word in range(end - 1, row - 1, -1):
            arena[word + width] = arena[word]
        arena[row] = instant
        for column in range(1, width):
            arena[row + column] = arena[row - width + column]
        arena[at + 1] += 1 << k.ROWS_SHIFT
        end += width
    for later in range(row, end, width):
        for column in range(1, width):
            arena[later + column] += scratch[delta + (column - 1) * stride]
