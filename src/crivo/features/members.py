"""Who takes part in an owner's events: a list by which others are counted, each of them once.

The list holds a row for each instant at which a member took part: [instant, member's head, its
instant before, newest | counts], by instant and member. A member's newest row carries a mark, and
to count marks from a row on is to count members seen since then. Marks are counted ahead: the rows
64 and 4,096 apart hold how many follow before the next of their kind.

A reader of the past (never further back than the slack) takes the marks before its instant, and
adds those members that came back since: their first row after it tells when they came before.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.arena import Words, allocate, give_back, rows_of
from crivo.features.compiled import INLINED, OPTIONS

#: SHA-256 (its first 16 hex characters) of `arena.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "38177fa587739e75"


@njit(**OPTIONS)
def first_at(arena: Words, block: int, rows: int, instant: int, member: int) -> int:
    """The first row that is not before (instant, member); `rows` where all are."""
    low = 0
    while rows > 0:
        half = rows >> 1
        row = block + (low + half) * k.MEMBER_ROW
        when = arena[row]
        if when < instant or (when == instant and arena[row + k.R_MEMBER] < member):
            low += half + 1
            rows -= half + 1
        else:
            rows = half
    return low


@njit(**INLINED)
def first_back(arena: Words, block: int, low: int, instant: int) -> int:
    """The first row that is not before the instant; row `low` and all after it are not.

    It is mostly near, so the steps back begin small.
    """
    step = 1
    while low >= step and arena[block + (low - step) * k.MEMBER_ROW] >= instant:
        low -= step
        step *= 2
    if step == 1:
        return low
    base = max(0, low - step)
    return base + first_at(arena, block + base * k.MEMBER_ROW, low - base, instant, k.NEVER)


@njit(**INLINED)
def seek_member(arena: Words, level: int, instant: int) -> int:
    """The first row that is not before the instant, looked for where it was found last.

    As `arena.seek` does, for the list's longest window alone.
    """
    block, packed = arena[level], arena[level + 1]
    rows, low = (packed >> k.ROWS_SHIFT) & k.ROWS_MASK, packed >> k.HINT_SHIFT
    if low > rows or (low > 0 and arena[block + (low - 1) * k.MEMBER_ROW] >= instant):
        low = first_at(arena, block, min(low, rows), instant, k.NEVER)
    else:
        step = 1
        while low + step <= rows and arena[block + (low + step - 1) * k.MEMBER_ROW] < instant:
            low += step
            step *= 2
        if step > 1:
            place = block + low * k.MEMBER_ROW
            low += first_at(arena, place, min(step, rows - low), instant, k.NEVER)
    hint = min(low, k.HINT_MAX)
    arena[level + 1] = (packed & ((1 << k.HINT_SHIFT) - 1)) | (hint << k.HINT_SHIFT)
    return low


@njit(**OPTIONS)
def _mark(arena: Words, block: int, row: int, change: int) -> None:
    """Adds (1) or takes away (−1) a row's mark, and keeps the counts."""
    near = row >> k.NEAR_BITS << k.NEAR_BITS
    far = row >> k.FAR_BITS << k.FAR_BITS
    arena[block + row * k.MEMBER_ROW + k.R_NEWEST] += change
    arena[block + near * k.MEMBER_ROW + k.R_NEWEST] += change << k.NEAR_SHIFT
    arena[block + far * k.MEMBER_ROW + k.R_NEWEST] += change << k.FAR_SHIFT


@njit(**OPTIONS)
def count_again(arena: Words, block: int, first: int, rows: int) -> None:
    """Makes the counts anew, where rows from `first` on have moved."""
    begin = first >> k.FAR_BITS << k.FAR_BITS
    for row in range(begin, rows):
        arena[block + row * k.MEMBER_ROW + k.R_NEWEST] &= 1
    for row in range(begin, rows):
        if arena[block + row * k.MEMBER_ROW + k.R_NEWEST] & 1 != 0:
            near = row >> k.NEAR_BITS << k.NEAR_BITS
            far = row >> k.FAR_BITS << k.FAR_BITS
            arena[block + near * k.MEMBER_ROW + k.R_NEWEST] += 1 << k.NEAR_SHIFT
            arena[block + far * k.MEMBER_ROW + k.R_NEWEST] += 1 << k.FAR_SHIFT


@njit(**OPTIONS)
def marks(arena: Words, block: int, row: int, end: int, rows: int) -> int:
    """How many rows are marked from `row` up to, not including, `end`, of a list of `rows`."""
    count, near, far = 0, 1 << k.NEAR_BITS, 1 << k.FAR_BITS
    if end == rows:
        end = (rows + far - 1) >> k.FAR_BITS << k.FAR_BITS  # a part of a stretch has its count too
    while row < min(end, rows):
        word = arena[block + row * k.MEMBER_ROW + k.R_NEWEST]
        if row & (far - 1) == 0 and row + far <= end:
            count += word >> k.FAR_SHIFT
            row += far
        elif row & (near - 1) == 0 and row + near <= end:
            count += (word >> k.NEAR_SHIFT) & ((2 << k.NEAR_BITS) - 1)
            row += near
        else:
            count += word & 1
            row += 1
    return count


@njit(**OPTIONS)
def member_room(plan: Words, control: Words, arena: Words, members: int, head: int) -> bool:
    """Whether the owner's list can take one more row; it drops or moves rows to make it so."""
    at = head + plan[members + k.M_AT]
    block, rows, size_class = arena[at], rows_of(arena, at), arena[at + 1] & k.CLASS_MASK
    if block == 0:
        block = allocate(control, arena, k.CLASS_MIN)
        if block == 0:
            return False
        arena[at], arena[at + 1] = block, k.CLASS_MIN
        return True
    if (rows + 1) * k.MEMBER_ROW <= 1 << size_class:
        return True
    newest = arena[head + plan[members + k.M_OWNER_AT] + 1]
    left = kept(plan, arena, members, block, rows, newest)
    target = block
    if left * 4 > rows * 3:  # too little would be won: the same work would soon come again
        target = allocate(control, arena, size_class + 1)
        if target == 0:
            return False
    left = keep(plan, arena, members, block, rows, newest, target)
    if target != block:
        give_back(control, arena, block, size_class)
        size_class += 1
    arena[at], arena[at + 1] = target, (left << k.ROWS_SHIFT) | size_class
    count_again(arena, target, 0, left)
    return True


@njit(**OPTIONS)
def _floor(plan: Words, arena: Words, members: int, block: int, rows: int, newest: int) -> int:
    """Marked rows before this one that are older than a day count in no window: it is full."""
    if plan[members + k.M_CAPPED] == 0:
        return 0
    settled, found = newest - plan[k.P_SLACK], 0
    for row in range(rows - 1, -1, -1):
        place = block + row * k.MEMBER_ROW
        if arena[place] < settled and arena[place + k.R_NEWEST] & 1 != 0:
            found += 1
            if found == plan[k.P_MEMBERS_MAX]:
                return row
    return 0


@njit(**OPTIONS)
def _stays(plan: Words, arena: Words, members: int, row: int, newest: int, is_full: bool) -> bool:
    instant = arena[row]
    if arena[row + k.R_NEWEST] & 1 == 0:
        return instant >= newest - plan[k.P_SLACK]
    if is_full and instant < newest - plan[k.P_SLACK] - 86400 * plan[k.P_SECOND]:
        return False
    return instant >= newest - plan[members + k.M_KEEP]


@njit(**OPTIONS)
def kept(plan: Words, arena: Words, members: int, block: int, rows: int, newest: int) -> int:
    """How many rows some window may still read."""
    floor, left = _floor(plan, arena, members, block, rows, newest), 0
    for row in range(rows):
        place = block + row * k.MEMBER_ROW
        left += int(_stays(plan, arena, members, place, newest, row < floor))
    return left


@njit(**OPTIONS)
def keep(
    plan: Words, arena: Words, members: int, block: int, rows: int, newest: int, target: int
) -> int:
    """Moves the rows that stay to `target`, in their order; how many they are."""
    floor, left = _floor(plan, arena, members, block, rows, newest), 0
    for row in range(rows):
        place = block + row * k.MEMBER_ROW
        if _stays(plan, arena, members, place, newest, row < floor):
            for word in range(k.MEMBER_ROW):
                arena[target + left * k.MEMBER_ROW + word] = arena[place + word]
            left += 1
    return left


@njit(**OPTIONS)
def _row_of(arena: Words, block: int, rows: int, instant: int, member: int) -> int:
    """Where the member's row of that instant stands in the arena, or -1."""
    row = first_at(arena, block, rows, instant, member)
    place = block + row * k.MEMBER_ROW
    if row == rows or arena[place] != instant or arena[place + k.R_MEMBER] != member:
        return -1
    return place


@njit(**OPTIONS)
def take_part(arena: Words, at: int, member: int, before: int, instant: int) -> None:
    """The member took part in an event of the list's owner at that instant; room has been made.

    `before` is when the two met last, as their link's series says without this event.
    """
    block, rows = arena[at], rows_of(arena, at)
    is_newest = before < instant
    follower = -1
    while before > instant:  # back to the row that follows this instant
        follower = _row_of(arena, block, rows, before, member)
        if follower < 0:
            return  # dropped, being older than any read; so is what would stand before it
        before = arena[follower + k.R_BEFORE]
    if before == instant:
        return
    if follower >= 0:
        arena[follower + k.R_BEFORE] = instant
    elif before != k.NEVER:
        former = _row_of(arena, block, rows, before, member)
        if former >= 0:
            _mark(arena, block, (former - block) // k.MEMBER_ROW, -1)
    row = first_at(arena, block, rows, instant, member)
    place = block + row * k.MEMBER_ROW
    for word in range(block + rows * k.MEMBER_ROW - 1, place - 1, -1):
        arena[word + k.MEMBER_ROW] = arena[word]
    arena[place], arena[place + k.R_MEMBER] = instant, member
    arena[place + k.R_BEFORE], arena[place + k.R_NEWEST] = before, 0
    arena[at + 1] += 1 << k.ROWS_SHIFT
    if row != rows:
        arena[place + k.R_NEWEST] = int(is_newest)
        count_again(arena, block, row, rows + 1)
    elif is_newest:
        _mark(arena, block, row, 1)


@njit(**OPTIONS)
def returned(arena: Words, at: int, low: int, begin: int, instant: int) -> int:
    """What a reader of the past adds to the marks from row `low` on: members that came back since,
    less those that came since.
    """
    block, count, row = arena[at], 0, rows_of(arena, at) - 1
    while row >= low and arena[block + row * k.MEMBER_ROW] >= instant:
        place = block + row * k.MEMBER_ROW
        count -= arena[place + k.R_NEWEST] & 1
        count += int(begin <= arena[place + k.R_BEFORE] < instant)
        row -= 1
    return count
