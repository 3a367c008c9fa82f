"""Exposure: since when an account has met accounts that are marked, in one series of its own.

An account is marked from its first accepted report on; two accounts have met from the first
transfer between them on. The later of the two instants is that of the exposure. Both are the least
of a set of events, and may move back; an exposure that has moved takes the place of what it was.

What is kept: in a pair's head [when they met first, the next pair of this payee, the next pair of
this payer]; in the head of a payer or payee [exposures (a level of `arena.py`), the first of its
pairs, since when it is marked (a payee's)]. 0 says none. So who is marked finds all it has met, and
who meets finds the mark; a read counts instants. A row of exposures is an instant alone.

Only here, rows touch the heads of others than their own parties. So this is a step of its own, in
the order of the rows, and nothing else reads or writes these words.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.amounts import make_way, rows_before
from crivo.features.arena import Words, find, growth, has_room, mixed_of, rows_of
from crivo.features.compiled import INLINED, OPTIONS
from crivo.features.reading import begin_of

#: SHA-256 (its first 16 hex characters) of `reading.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "294af80f487409c2"


@njit(**OPTIONS)
def exposures(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
) -> None:
    """Reads and folds this step's part of each row, one row after the other."""
    for i in range(count):
        row = first + i * k.ROW_WORDS
        instant, kind = rows[row + k.ROW_OCCURRED_AT], scratch[k.LANE_KIND * count + i]
        if scratch[k.LANE_IS_READ * count + i] != 0:
            _read(plan, arena, instant, scratch, count, i)
        pair = scratch[k.PAIR * count + i]
        if kind == k.KIND_TRANSFER and pair != 0:
            _meet(plan, control, index, arena, pair, instant)
        payee = scratch[k.PAYEE * count + i]
        if kind == k.KIND_REPORT and payee != 0 and rows[row + k.ROW_ACCEPTED] == 1:
            _mark(plan, control, index, arena, payee, instant)


@njit(**OPTIONS)
def _read(plan: Words, arena: Words, instant: int, scratch: Words, count: int, i: int) -> None:
    """How many exposures lie in each window before the instant, or the last of all (0: none)."""
    place, end = plan[k.P_EXPOSED], plan[k.P_EXPOSED_END]
    while place < end:
        head, found = scratch[plan[place + k.Y_VIEW] * count + i], 0
        level = head + plan[place + k.Y_AT]
        if head != 0 and arena[level] != 0:
            block, tile = arena[level], plan[place + k.Y_TILE]
            found = rows_before(arena, block, rows_of(arena, level), 1, instant)
            if plan[place + k.Y_IS_LAST] != 0:
                found = arena[block + found - 1] if found > 0 else 0
            elif tile != k.TILE_EVER:
                begin = begin_of(plan, instant, plan[place + k.Y_LENGTH], tile, 0)
                found -= rows_before(arena, block, found, 1, begin)
        scratch[plan[place + k.Y_VALUE] * count + i] = found
        place += k.EXPOSED_WORDS


@njit(**OPTIONS)
def _other_role(
    plan: Words, control: Words, index: Words, arena: Words, head: int, table: int
) -> int:
    """The head of the same account in the other table, or 0."""
    one, two = arena[head], arena[head + 1]
    mixed = mixed_of(one, two, table)
    return find(index, control[k.C_INDEX_SIZE], arena, mixed, one, two, table)


@njit(**OPTIONS)
def _stand(control: Words, arena: Words, level: int, instant: int, was: int) -> None:
    """Puts an exposure into its place by time, instead of one at `was` (0: it is new)."""
    if was == instant:
        return
    if was == 0:
        if not has_room(arena, level, 1):
            make_way(control, arena, level, 1, 0)
        row = arena[level] + rows_of(arena, level)
        arena[level + 1] += 1 << k.ROWS_SHIFT
    else:
        row = arena[level] + rows_before(arena, arena[level], rows_of(arena, level), 1, was)
    # It is never later than it was, so that all that moves makes way to the right.
    while row > arena[level] and arena[row - 1] > instant:
        arena[row] = arena[row - 1]
        row -= 1
    arena[row] = instant


@njit(**INLINED)
def _later(one: int, two: int) -> int:
    """The later of two instants; 0 where either has not come."""
    return 0 if one == 0 or two == 0 else max(one, two)


@njit(**OPTIONS)
def _meet(plan: Words, control: Words, index: Words, arena: Words, pair: int, instant: int) -> None:
    """Notes a transfer of a pair, where it is the first of them."""
    met = pair + plan[k.P_EXPOSURE_PAIR]
    before = arena[met + k.MET_FIRST]
    if before != 0 and before <= instant:
        return
    payer, payee = arena[pair], arena[pair + 1]
    of_payer, of_payee = payer + plan[k.P_EXPOSURE_PAYER], payee + plan[k.P_EXPOSURE_PAYEE]
    arena[met + k.MET_FIRST] = instant
    if before == 0:
        arena[met + k.MET_OF_PAYEE] = arena[of_payee + k.EXPOSURE_PAIRS]
        arena[met + k.MET_OF_PAYER] = arena[of_payer + k.EXPOSURE_PAIRS]
        arena[of_payee + k.EXPOSURE_PAIRS] = arena[of_payer + k.EXPOSURE_PAIRS] = pair
    marked = arena[of_payee + k.EXPOSURE_MARKED]
    if marked != 0:
        _stand(control, arena, of_payer, max(marked, instant), _later(marked, before))
    known = _other_role(plan, control, index, arena, payer, k.PAYEE)
    if known != 0:
        marked = arena[known + plan[k.P_EXPOSURE_PAYEE] + k.EXPOSURE_MARKED]
        if marked != 0:
            _stand(control, arena, of_payee, max(marked, instant), _later(marked, before))


@njit(**OPTIONS)
def _mark(
    plan: Words, control: Words, index: Words, arena: Words, payee: int, instant: int
) -> None:
    """Marks an account, where that is its first mark, and tells all it has met."""
    own = payee + plan[k.P_EXPOSURE_PAYEE]
    before = arena[own + k.EXPOSURE_MARKED]
    if before != 0 and before <= instant:
        return
    arena[own + k.EXPOSURE_MARKED] = instant
    pair = arena[own + k.EXPOSURE_PAIRS]
    while pair != 0:
        met = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_FIRST]
        level = arena[pair] + plan[k.P_EXPOSURE_PAYER]
        _stand(control, arena, level, max(instant, met), _later(before, met))
        pair = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_OF_PAYEE]
    payer = _other_role(plan, control, index, arena, payee, k.PAYER)
    pair = arena[payer + plan[k.P_EXPOSURE_PAYER] + k.EXPOSURE_PAIRS] if payer != 0 else 0
    while pair != 0:
        met = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_FIRST]
        level = arena[pair + 1] + plan[k.P_EXPOSURE_PAYEE]
        _stand(control, arena, level, max(instant, met), _later(before, met))
        pair = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_OF_PAYER]


@njit(**OPTIONS)
def exposure_growth(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
) -> int:
    """The most words of the arena that this step may newly take for these rows."""
    words = 0
    for i in range(count):
        kind = scratch[k.LANE_KIND * count + i]
        payer, payee = scratch[k.PAYER * count + i], scratch[k.PAYEE * count + i]
        row = first + i * k.ROW_WORDS
        if kind == k.KIND_TRANSFER and payer != 0 and payee != 0:
            words += growth(arena, payer + plan[k.P_EXPOSURE_PAYER], 1, count)
            words += growth(arena, payee + plan[k.P_EXPOSURE_PAYEE], 1, count)
        if kind == k.KIND_REPORT and payee != 0 and rows[row + k.ROW_ACCEPTED] == 1:
            words += _growth_of_mark(plan, control, index, arena, payee, count)
    return words


@njit(**OPTIONS)
def _growth_of_mark(
    plan: Words, control: Words, index: Words, arena: Words, payee: int, count: int
) -> int:
    """`exposure_growth` for one mark: of all that a first one tells."""
    own, words = payee + plan[k.P_EXPOSURE_PAYEE], 0
    if arena[own + k.EXPOSURE_MARKED] != 0:
        return 0
    pair = arena[own + k.EXPOSURE_PAIRS]
    while pair != 0:
        words += growth(arena, arena[pair] + plan[k.P_EXPOSURE_PAYER], 1, count)
        pair = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_OF_PAYEE]
    payer = _other_role(plan, control, index, arena, payee, k.PAYER)
    pair = arena[payer + plan[k.P_EXPOSURE_PAYER] + k.EXPOSURE_PAIRS] if payer != 0 else 0
    while pair != 0:
        words += growth(arena, arena[pair + 1] + plan[k.P_EXPOSURE_PAYEE], 1, count)
        pair = arena[pair + plan[k.P_EXPOSURE_PAIR] + k.MET_OF_PAYER]
    return words
