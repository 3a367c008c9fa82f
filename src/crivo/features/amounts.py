"""Amounts: the events of a key one by one, for what no difference of running totals can tell.

A list in a head is [two extremes of what was dropped, a level of the events, a level for each long
window's tiles], levels as in `arena.py`. An event's row is [instant, amount, extremes of the rows
that end with it], by instant and amount. Row r sums up as many rows as the lowest bit of r + 1
says, so that the extremes of any run of n rows are those of about log n rows. A tile's row is
[start, extremes].

Extremes are two maxima: of the amounts, and of how far they lie below `layout.AMOUNT_TOP`. Both are
0 where there is no event, since nothing moves less than a centavo.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.arena import Words, allocate, give_back, has_room, last_before, rows_of
from crivo.features.compiled import OPTIONS

#: SHA-256 (its first 16 hex characters) of `members.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "c2917fb197f51ca2"


@njit(**OPTIONS)
def rows_before(arena: Words, block: int, rows: int, width: int, instant: int) -> int:
    """How many rows begin before the instant. It is mostly near the end: steps back begin small."""
    step = 1
    while rows >= step and arena[block + (rows - step) * width] >= instant:
        rows -= step
        step *= 2
    if step == 1 or rows == 0:
        return rows
    base = max(0, rows - step)
    if arena[block + base * width] >= instant:
        return base
    return base + last_before(arena, block + base * width, rows - base, width, instant) + 1


@njit(**OPTIONS)
def sum_up(arena: Words, block: int, first: int, rows: int) -> None:
    """Makes the extremes that stand in rows from `first` on."""
    for row in range(first, rows):
        place = block + row * k.AMOUNT_ROW
        high, low = arena[place + 1], k.AMOUNT_TOP - arena[place + 1]
        step = 1
        while (row + 1) & step == 0:
            part = place - step * k.AMOUNT_ROW + k.ROW_SPAN
            high, low = max(high, arena[part]), max(low, arena[part + 1])
            step *= 2
        arena[place + k.ROW_SPAN], arena[place + k.ROW_SPAN + 1] = high, low


@njit(**OPTIONS)
def extremes(arena: Words, block: int, first: int, end: int) -> tuple[int, int]:
    """The extremes of the rows from `first` up to, not including, `end`."""
    high, low, row = 0, 0, end - 1
    while row >= first:
        span = (row + 1) & -(row + 1)
        place = block + row * k.AMOUNT_ROW
        if row + 1 - span >= first:
            high = max(high, arena[place + k.ROW_SPAN])
            low = max(low, arena[place + k.ROW_SPAN + 1])
            row -= span
        else:
            high = max(high, arena[place + 1])
            low = max(low, k.AMOUNT_TOP - arena[place + 1])
            row -= 1
    return high, low


@njit(**OPTIONS)
def tile_extremes(arena: Words, level: int, begin: int, end: int) -> tuple[int, int]:
    """The extremes of the tiles that start from `begin` on, and before `end`."""
    high, low, block = 0, 0, arena[level]
    row = block + rows_before(arena, block, rows_of(arena, level), k.TILE_ROW, end) * k.TILE_ROW
    while row > block and arena[row - k.TILE_ROW] >= begin:
        row -= k.TILE_ROW
        high, low = max(high, arena[row + 1]), max(low, arena[row + 2])
    return high, low


@njit(**OPTIONS)
def standing(arena: Words, block: int, first: int, end: int, amount: int) -> tuple[int, int]:
    """Among the newest rows from `first` up to `end`: twice the lesser amounts, and the equal ones;
    and how many rows were looked at.
    """
    first, found = max(first, end - k.RANKED_MAX), 0
    for place in range(block + first * k.AMOUNT_ROW, block + end * k.AMOUNT_ROW, k.AMOUNT_ROW):
        found += int(arena[place + 1] < amount) + int(arena[place + 1] <= amount)
    return found, max(end - first, 0)


@njit(**OPTIONS)
def unread(plan: Words, arena: Words, amounts: int, raw: int, newest: int) -> int:
    """How many of the oldest events no later read will look at."""
    block, rows, width = arena[raw], rows_of(arena, raw), k.AMOUNT_ROW
    gone = rows
    if plan[amounts + k.A_KEEP] >= 0:
        gone = rows_before(arena, block, rows, width, newest - plan[amounts + k.A_KEEP])
    if plan[amounts + k.A_RANK_KEEP] >= 0:
        outside = rows_before(arena, block, rows, width, newest - plan[amounts + k.A_RANK_KEEP])
        settled = rows_before(arena, block, rows, width, newest - plan[k.P_SLACK])
        gone = min(gone, max(outside, settled - k.RANKED_MAX))
    return gone


@njit(**OPTIONS)
def make_way(control: Words, arena: Words, level: int, width: int, gone: int) -> bool:
    """Room for one more row in a level, without its first `gone` rows; False: there is none."""
    block, rows, size_class = arena[level], rows_of(arena, level), arena[level + 1] & k.CLASS_MASK
    if block == 0:
        block = allocate(control, arena, k.CLASS_MIN)
        if block == 0:
            return False
        arena[level], arena[level + 1] = block, k.CLASS_MIN
        return True
    left, target = rows - gone, block
    if gone * 4 <= rows:  # too little would be won: the same work would soon come again
        target = allocate(control, arena, size_class + 1)
        if target == 0:
            return False
    for word in range(left * width):
        arena[target + word] = arena[block + gone * width + word]
    if target != block:
        give_back(control, arena, block, size_class)
        size_class += 1
    arena[level], arena[level + 1] = target, (left << k.ROWS_SHIFT) | size_class
    return True


@njit(**OPTIONS)
def amount_room(plan: Words, control: Words, arena: Words, amounts: int, head: int) -> bool:
    """Whether each level of the list can take one more row; it drops or moves rows for it."""
    at = head + plan[amounts + k.A_AT]
    raw, newest = at + k.AMOUNT_RAW, arena[head + plan[amounts + k.A_SERIES_AT] + 1]
    if not has_room(arena, raw, k.AMOUNT_ROW):
        gone = unread(plan, arena, amounts, raw, newest)
        high, low = extremes(arena, arena[raw], 0, gone)
        if not make_way(control, arena, raw, k.AMOUNT_ROW, gone):
            return False
        dropped(arena, at, high, low)
        if gone > 0:
            sum_up(arena, arena[raw], 0, rows_of(arena, raw))
    level = plan[k.P_LEVELS] + plan[amounts + k.A_LEVEL] * k.LEVEL_WORDS
    for n in range(plan[amounts + k.A_LEVELS]):
        place = at + k.AMOUNT_TILES + 2 * n
        if not has_room(arena, place, k.TILE_ROW):
            block, rows = arena[place], rows_of(arena, place)
            horizon = newest - plan[level + n * k.LEVEL_WORDS + k.L_KEEP]
            gone = rows_before(arena, block, rows, k.TILE_ROW, horizon)
            if not make_way(control, arena, place, k.TILE_ROW, gone):
                return False
    return True


@njit(**OPTIONS)
def dropped(arena: Words, at: int, high: int, low: int) -> None:
    """Keeps the extremes of what the list will not hold."""
    arena[at], arena[at + 1] = max(arena[at], high), max(arena[at + 1], low)


@njit(**OPTIONS)
def take_amount(
    plan: Words, control: Words, arena: Words, amounts: int, head: int, instant: int, amount: int
) -> None:
    """Puts the event's amount where it belongs."""
    amount_room(plan, control, arena, amounts, head)
    at = head + plan[amounts + k.A_AT]
    newest = arena[head + plan[amounts + k.A_SERIES_AT] + 1]
    low = k.AMOUNT_TOP - amount
    if instant < newest - max(plan[amounts + k.A_KEEP], plan[amounts + k.A_RANK_KEEP]):
        dropped(arena, at, amount, low)
    else:
        _insert(arena, at + k.AMOUNT_RAW, instant, amount)
    level = plan[k.P_LEVELS] + plan[amounts + k.A_LEVEL] * k.LEVEL_WORDS
    for n in range(plan[amounts + k.A_LEVELS]):
        tile = plan[level + n * k.LEVEL_WORDS + k.L_TILE]
        _put_in_tile(arena, at + k.AMOUNT_TILES + 2 * n, instant // tile * tile, amount, low)


@njit(**OPTIONS)
def _insert(arena: Words, raw: int, instant: int, amount: int) -> None:
    block, rows = arena[raw], rows_of(arena, raw)
    row, width = rows, k.AMOUNT_ROW
    while row > 0:
        before = block + (row - 1) * width
        if arena[before] < instant or (arena[before] == instant and arena[before + 1] <= amount):
            break
        arena[before + width], arena[before + width + 1] = arena[before], arena[before + 1]
        row -= 1
    arena[block + row * width], arena[block + row * width + 1] = instant, amount
    arena[raw + 1] += 1 << k.ROWS_SHIFT
    sum_up(arena, block, row, rows + 1)


@njit(**OPTIONS)
def _put_in_tile(arena: Words, level: int, start: int, high: int, low: int) -> None:
    block, rows, width = arena[level], rows_of(arena, level), k.TILE_ROW
    row = block + rows_before(arena, block, rows, width, start) * width
    end = block + rows * width
    if row < end and arena[row] == start:
        arena[row + 1], arena[row + 2] = max(arena[row + 1], high), max(arena[row + 2], low)
        return
    for word in range(end - 1, row - 1, -1):
        arena[word + width] = arena[word]
    arena[row], arena[row + 1], arena[row + 2] = start, high, low
    arena[level + 1] += 1 << k.ROWS_SHIFT
