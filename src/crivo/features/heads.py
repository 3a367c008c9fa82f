"""Heads: the keys of a batch's rows looked up, and made where they are new.

A look-up waits for memory three times: for the place in the index, for the head, for the ends of
its series. So each step is taken for all rows of a batch before the next, and asks for what the
next will look at: the waits of many rows become one.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.arena import (
    Words,
    add_annex,
    create,
    find,
    growth,
    guess,
    mixed_of,
    prefetch,
    rows_of,
)
from crivo.features.compiled import INLINED, OPTIONS

#: SHA-256 (its first 16 hex characters) of `values.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "d1e82e4b0cf20885"


@njit(**OPTIONS)
def take_heads(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
) -> bool:
    """The heads of all views of the rows, 0 where there is none; False where the arena is full.

    Keys of rows that will be folded are made; those that were made before it fills up are found
    when it is tried again.
    """
    for depth in range(plan[k.P_DEPTHS]):
        for view in range(k.VIEWS):
            if _is_asked(plan, view, depth):
                _mix(plan, control, index, rows, first, count, scratch, view)
        for view in range(k.VIEWS):
            if _is_asked(plan, view, depth):
                _approach(plan, control, index, arena, count, scratch, view)
        for view in range(k.VIEWS):
            if _is_asked(plan, view, depth) and not _settle(
                plan, control, index, arena, rows, first, count, scratch, view
            ):
                return False
    return True


@njit(**INLINED)
def _is_asked(plan: Words, view: int, depth: int) -> bool:
    return plan[k.P_LOOKED_FOR + view] != 0 and plan[k.P_DEPTH + view] == depth


@njit(**INLINED)
def _key(
    plan: Words, rows: Words, row: int, view: int, scratch: Words, count: int, i: int
) -> tuple[int, int]:
    """The two words of a key. Both are 0 where the row has none."""
    at = plan[k.P_OWN_KEY + view]
    if at == 0:
        one = scratch[plan[k.P_ONE_END + view] * count + i]
        two = scratch[plan[k.P_OTHER_END + view] * count + i]
        return (0, 0) if one == 0 or two == 0 else (one, two)
    if view == k.INSTITUTION:
        return (rows[row + at] if rows[row + at] != k.ABSENT else 0), 0
    return rows[row + at], rows[row + at + 1]


@njit(**INLINED)
def _mix(
    plan: Words,
    control: Words,
    index: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
    view: int,
) -> None:
    """Hashes a view's keys and asks for their places in the index."""
    mask = control[k.C_INDEX_SIZE] - 1
    lane, table = (k.LANE_MIXED + view) * count, plan[k.P_TABLE_OF + view]
    for i in range(count):
        row = first + i * k.ROW_WORDS
        word_0, word_1 = _key(plan, rows, row, view, scratch, count, i)
        mixed = mixed_of(word_0, word_1, table)
        scratch[lane + i] = mixed
        prefetch(index, mixed & mask)


@njit(**INLINED)
def _approach(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    count: int,
    scratch: Words,
    view: int,
) -> None:
    """Asks for the heads that stand in those places."""
    lane, table = (k.LANE_MIXED + view) * count, plan[k.P_TABLE_OF + view]
    for i in range(count):
        head = guess(index, control[k.C_INDEX_SIZE], scratch[lane + i], table)
        for line in range(head, head + plan[k.P_HEAD_WORDS + table], k.LINE_WORDS):
            prefetch(arena, line)


@njit(**INLINED)
def _settle(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
    view: int,
) -> bool:
    """Finds or makes a view's heads, and their annexes."""
    size = control[k.C_INDEX_SIZE]
    lane, table = (k.LANE_MIXED + view) * count, plan[k.P_TABLE_OF + view]
    touches = view < k.ENTITIES
    for i in range(count):
        row = first + i * k.ROW_WORDS
        word_0, word_1 = _key(plan, rows, row, view, scratch, count, i)
        head = 0
        kind = scratch[k.LANE_KIND * count + i]
        is_touched = touches and kind >= 0 and (plan[k.P_TOUCHED + kind] >> view) & 1 != 0
        is_needed = is_touched or scratch[k.LANE_IS_READ * count + i] != 0
        if is_needed and (word_0 != 0 or word_1 != 0):
            mixed = scratch[lane + i]
            head = find(index, size, arena, mixed, word_0, word_1, table)
            if head == 0 and is_touched:
                head = create(plan, control, index, arena, mixed, word_0, word_1, table)
                if head == 0:
                    return False
        annex = 0
        if head != 0 and plan[k.P_ANNEX_WORDS + table] != 0:
            annex = arena[head + k.HEAD_ANNEX]
            if annex == 0 and touches and kind >= 0 and (plan[k.P_ANNEXED + kind] >> view) & 1:
                annex = add_annex(plan, control, arena, head, table)
                if annex == 0:
                    return False
            if annex != 0:
                for line in range(annex, annex + plan[k.P_ANNEX_WORDS + table], k.LINE_WORDS):
                    prefetch(arena, line)
        scratch[view * count + i] = head
        scratch[(k.LANE_ANNEX + view) * count + i] = annex
    return True


@njit(**OPTIONS)
def look_ahead(plan: Words, arena: Words, count: int, scratch: Words) -> int:
    """Asks for the last row of each level, and for those around its window's edge.

    Answers with the most words of the arena that blocks may newly take for these rows.
    """
    words = 0
    kinds = 1 << k.KIND_TRANSFER
    for i in range(count):
        kinds |= 1 << max(scratch[k.LANE_KIND * count + i], 0)
    for view in range(k.VIEWS):
        if plan[k.P_LOOKED_FOR + view] != 0:
            table = plan[k.P_TABLES] + plan[k.P_TABLE_OF + view] * k.TABLE_WORDS
            for s in range(plan[table + k.T_SERIES], plan[table + k.T_SERIES_END]):
                series = plan[k.P_SERIES] + s * k.SERIES_WORDS
                at, kind = plan[series + k.S_AT] + k.HEAD_LEVELS, plan[series + k.S_EVENT]
                level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
                for _ in range(plan[series + k.S_LEVELS] if (kinds >> kind) & 1 != 0 else 0):
                    words += _look_at(
                        arena, at, plan[level + k.L_WIDTH], kind, count, scratch, view
                    )
                    level += k.LEVEL_WORDS
                    at += 2
            for m in range(plan[table + k.T_MEMBERS], plan[table + k.T_MEMBERS_END]):
                at, width = plan[plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS + k.M_AT], k.MEMBER_ROW
                words += _look_at(arena, at, width, k.KIND_TRANSFER, count, scratch, view)
            for f in range(plan[table + k.T_FACTS], plan[table + k.T_FACTS_END]):
                facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
                at, width = plan[facts + k.F_AT] + k.FACT_LEVEL, plan[facts + k.F_WIDTH]
                kind = plan[facts + k.F_EVENT]
                if (kinds >> kind) & 1 != 0:
                    words += _look_at(arena, at, width, kind, count, scratch, view)
            for a in range(plan[table + k.T_AMOUNTS], plan[table + k.T_AMOUNTS_END]):
                amounts = plan[k.P_AMOUNTS] + a * k.AMOUNTS_WORDS
                at, kind = plan[amounts + k.A_AT] + k.AMOUNT_RAW, plan[amounts + k.A_EVENT]
                words += _look_at(arena, at, k.AMOUNT_ROW, kind, count, scratch, view)
                for n in range(plan[amounts + k.A_LEVELS]):
                    tiles = at + k.AMOUNT_TILES - k.AMOUNT_RAW + 2 * n
                    words += _look_at(arena, tiles, k.TILE_ROW, kind, count, scratch, view)
    return words


@njit(**INLINED)
def _look_at(
    arena: Words, at: int, width: int, kind: int, count: int, scratch: Words, view: int
) -> int:
    """`look_ahead` for one level. Of what is no transfer, a row that is none alone is asked for."""
    words, lanes = 0, k.LANE_HEAD if kind == k.KIND_TRANSFER else k.LANE_ANNEX
    for i in range(count):
        head = scratch[(lanes + view) * count + i]
        if head != 0 and (kind == k.KIND_TRANSFER or scratch[k.LANE_KIND * count + i] == kind):
            level = head + at
            edge = arena[level] + (arena[level + 1] >> k.HINT_SHIFT) * width
            last = arena[level] + rows_of(arena, level) * width
            prefetch(arena, edge)
            prefetch(arena, last - width)
            if width >= k.LINE_WORDS:  # else the next row lies in the same line, or the next
                prefetch(arena, edge + width)
                prefetch(arena, last)
            if view < k.ENTITIES:
                words += growth(arena, level, width, count)
    return words
