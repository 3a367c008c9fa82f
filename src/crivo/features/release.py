"""Release: what no vector can be read of any more is given back, key by key.

A vector is read as of no earlier instant than a bound (`floor`), so that of a key whose newest
event lies before it no window can ever reach further back than from there. So its lists are cut as
if their newest event lay at that bound, by the same rules by which a list that is full drops rows.
A series that lies before every window gives back all its blocks: its head says when its first and
newest event were, and running totals may begin anew, since windows are differences. What stands
ever stays: first and last, facts, first tellings, meetings, extremes ever, exposures.

Blocks are cut in halves where they lie: nothing moves, and nothing need be found room for.
"""

from __future__ import annotations

from typing import Any, Final

from numba import njit

from crivo.features import layout as k
from crivo.features.amounts import dropped, extremes, rows_before, sum_up, unread
from crivo.features.arena import Words, give_back, last_before, rows_of, words
from crivo.features.compiled import OPTIONS
from crivo.features.members import count_again, keep, kept

#: SHA-256 (its first 16 hex characters) of `reading.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "294af80f487409c2"


@njit(**OPTIONS)
def release(
    plan: Any, control: Any, index: Any, arena: Any, floor: int, begin: int, end: int
) -> None:
    """Releases what lies before every vector that is read at `floor` or later, of the keys at the
    places of the index from `begin` up to, not including, `end`.

    The four are whole arrays of int64, as a state holds them.
    """
    tables, own, blocks = words(plan), words(control), words(arena)
    for at in range(begin, end):
        if index[at] != 0:
            entity = (index[at] >> k.OFFSET_BITS) & k.ENTITY_MASK
            _of_key(tables, own, blocks, index[at] & k.OFFSET_MASK, entity, floor)


@njit(**OPTIONS)
def _of_key(
    plan: Words, control: Words, arena: Words, head: int, entity: int, floor: int
) -> None:  # fmt: skip
    """Releases what one key's head and annex hold. The series are last: lists ask for them."""
    table = plan[k.P_TABLES] + entity * k.TABLE_WORDS
    annex = arena[head + k.HEAD_ANNEX] if plan[k.P_ANNEX_WORDS + entity] != 0 else 0
    for m in range(plan[table + k.T_MEMBERS], plan[table + k.T_MEMBERS_END]):
        members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
        _of_members(plan, control, arena, members, head, floor)
    for a in range(plan[table + k.T_AMOUNTS], plan[table + k.T_AMOUNTS_END]):
        amounts = plan[k.P_AMOUNTS] + a * k.AMOUNTS_WORDS
        base = head if plan[amounts + k.A_EVENT] == k.KIND_TRANSFER else annex
        if base != 0:
            _of_amounts(plan, control, arena, amounts, base, floor)
    for f in range(plan[table + k.T_FACTS], plan[table + k.T_FACTS_END]):
        facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
        base = head if plan[facts + k.F_EVENT] == k.KIND_TRANSFER else annex
        if base != 0:
            _of_facts(plan, control, arena, facts, base, floor)
    for s in range(plan[table + k.T_SERIES], plan[table + k.T_SERIES_END]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        base = head if plan[series + k.S_EVENT] == k.KIND_TRANSFER else annex
        if base != 0:
            _of_series(plan, control, arena, series, base, floor)


@njit(**OPTIONS)
def _cut(control: Words, arena: Words, level: int, width: int, first: int) -> None:
    """Keeps a level's rows from `first` on, in the least block that holds them; none without."""
    block, size_class = arena[level], arena[level + 1] & k.CLASS_MASK
    left = rows_of(arena, level) - first
    if left == 0:
        give_back(control, arena, block, size_class)
        arena[level] = arena[level + 1] = 0
        return
    for word in range(left * width if first > 0 else 0):
        arena[block + word] = arena[block + first * width + word]
    while size_class > k.CLASS_MIN and left * width <= 1 << (size_class - 1):
        size_class -= 1
        give_back(control, arena, block + (1 << size_class), size_class)
    arena[level + 1] = (left << k.ROWS_SHIFT) | size_class


@njit(**OPTIONS)
def _of_series(
    plan: Words, control: Words, arena: Words, series: int, base: int, floor: int
) -> None:
    """Cuts each level behind the last row before its windows, or gives all of them back."""
    at, levels = base + plan[series + k.S_AT], plan[series + k.S_LEVELS]
    newest, raw = arena[at + 1], at + k.HEAD_LEVELS
    if levels == 0 or arena[raw] == 0 or newest >= floor:
        return
    first = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
    longest = 0
    for level in range(first, first + levels * k.LEVEL_WORDS, k.LEVEL_WORDS):
        longest = max(longest, plan[level + k.L_KEEP])
    is_over = newest <= floor + plan[k.P_SLACK] - longest
    for n in range(levels):
        level, place = first + n * k.LEVEL_WORDS, raw + 2 * n
        width, rows = plan[level + k.L_WIDTH], rows_of(arena, place)
        horizon = floor + plan[k.P_SLACK] - plan[level + k.L_KEEP]
        gone = rows
        if not is_over:
            gone = last_before(arena, arena[place], rows, width, horizon + 1)
        _cut(control, arena, place, width, gone)


@njit(**OPTIONS)
def _of_facts(plan: Words, control: Words, arena: Words, facts: int, base: int, floor: int) -> None:
    """Cuts a list behind the last row before its windows: what stands now, or stood then."""
    at, width = base + plan[facts + k.F_AT], plan[facts + k.F_WIDTH]
    level = at + k.FACT_LEVEL
    if arena[level] == 0 or arena[at] >= floor:
        return
    horizon = floor + plan[k.P_SLACK] - plan[facts + k.F_KEEP] - 1
    gone = last_before(arena, arena[level], rows_of(arena, level), width, horizon + 1)
    _cut(control, arena, level, width, gone)


@njit(**OPTIONS)
def _of_amounts(
    plan: Words, control: Words, arena: Words, amounts: int, base: int, floor: int
) -> None:
    """Drops events and tiles before all windows; the extremes of what is dropped are kept."""
    at, newest = base + plan[amounts + k.A_AT], arena[base + plan[amounts + k.A_SERIES_AT] + 1]
    raw, assumed = at + k.AMOUNT_RAW, floor + plan[k.P_SLACK]
    if newest >= floor:
        return
    if arena[raw] != 0:
        gone = unread(plan, arena, amounts, raw, assumed)
        high, low = extremes(arena, arena[raw], 0, gone)
        dropped(arena, at, high, low)
        _cut(control, arena, raw, k.AMOUNT_ROW, gone)
        sum_up(arena, arena[raw], 0, rows_of(arena, raw))
    level = plan[k.P_LEVELS] + plan[amounts + k.A_LEVEL] * k.LEVEL_WORDS
    for n in range(plan[amounts + k.A_LEVELS]):
        place = at + k.AMOUNT_TILES + 2 * n
        if arena[place] != 0:
            horizon = assumed - plan[level + n * k.LEVEL_WORDS + k.L_KEEP]
            rows = rows_of(arena, place)
            gone = rows_before(arena, arena[place], rows, k.TILE_ROW, horizon)
            _cut(control, arena, place, k.TILE_ROW, gone)


@njit(**OPTIONS)
def _of_members(
    plan: Words, control: Words, arena: Words, members: int, head: int, floor: int
) -> None:
    """Drops who was seen before all windows."""
    at, newest = head + plan[members + k.M_AT], arena[head + plan[members + k.M_OWNER_AT] + 1]
    block, rows, assumed = arena[at], rows_of(arena, at), floor + plan[k.P_SLACK]
    if block == 0 or newest >= floor:
        return
    left = kept(plan, arena, members, block, rows, assumed)
    keep(plan, arena, members, block, rows, assumed, block)
    arena[at + 1] = (left << k.ROWS_SHIFT) | (arena[at + 1] & k.CLASS_MASK)
    count_again(arena, block, 0, left)
    _cut(control, arena, at, k.MEMBER_ROW, 0)
