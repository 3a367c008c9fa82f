"""Folding: one event into what a key's head or annex keeps of its kind, and the room for it."""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.amounts import amount_room, take_amount
from crivo.features.arena import Words, has_room, insert, make_room
from crivo.features.compiled import INLINED, OPTIONS
from crivo.features.facts import fact_room, take_fact, take_first
from crivo.features.members import member_room, take_part

#: SHA-256 (its first 16 hex characters) of `frame.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "2c32447815a2aecd"


@njit(**OPTIONS)
def find_room(plan: Words, control: Words, arena: Words, scratch: Words) -> bool:
    """Whether every level and list that the only row touches can take one more row."""
    kind = scratch[k.LANE_KIND]
    lanes = k.LANE_HEAD if kind == k.KIND_TRANSFER else k.LANE_ANNEX
    for place in range(plan[k.P_N_TABLES]):
        table = plan[k.P_ORDER + place]
        own, head = plan[k.P_TABLES] + table * k.TABLE_WORDS, scratch[lanes + table]
        if head == 0 or kind < 0:
            continue
        for m in range(plan[own + k.T_MEMBERS], plan[own + k.T_MEMBERS_END]):
            members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
            takes_part = kind == k.KIND_TRANSFER and scratch[plan[members + k.M_LINK]] != 0
            if takes_part and not member_room(plan, control, arena, members, head):
                return False
        for s in range(plan[own + k.T_SERIES], plan[own + k.T_SERIES_END]):
            series = plan[k.P_SERIES] + s * k.SERIES_WORDS
            at = head + plan[series + k.S_AT]
            levels = plan[series + k.S_LEVELS] if plan[series + k.S_EVENT] == kind else 0
            # The events' level is last: a read takes the others to be there where it is.
            for back in range(levels):
                n = levels - 1 - back
                level = plan[k.P_LEVELS] + (plan[series + k.S_LEVEL] + n) * k.LEVEL_WORDS
                horizon = arena[at + 1] - plan[level + k.L_KEEP]
                at_level, width = at + k.HEAD_LEVELS + 2 * n, plan[level + k.L_WIDTH]
                begin = begin_of_level(plan, series, level, arena[at + 1])
                if not make_room(control, arena, at_level, width, horizon, begin):
                    return False
        for x in range(plan[own + k.T_FACTS], plan[own + k.T_FACTS_END]):
            facts = plan[k.P_FACTS] + x * k.FACTS_WORDS
            is_told = plan[facts + k.F_EVENT] == kind
            if is_told and not fact_room(plan, control, arena, facts, head):
                return False
        for a in range(plan[own + k.T_AMOUNTS], plan[own + k.T_AMOUNTS_END]):
            amounts = plan[k.P_AMOUNTS] + a * k.AMOUNTS_WORDS
            is_listed = plan[amounts + k.A_EVENT] == kind
            if is_listed and not amount_room(plan, control, arena, amounts, head):
                return False
    return True


@njit(**INLINED)
def begin_of_level(plan: Words, series: int, level: int, newest: int) -> int:
    """The instant of a new level's first row: of a series that was released its newest event's.

    One that counts first transfers alone knows no newest one: it begins before all.
    """
    tile = plan[level + k.L_TILE]
    if newest == k.NEVER or plan[series + k.S_LINK] >= 0:
        return k.NEVER
    return newest if tile == 0 else newest // tile * tile


@njit(**INLINED)
def _holds(condition: int, scratch: Words, count: int, i: int) -> bool:
    """Whether row i meets a condition; -1 is none, which every row meets."""
    return condition < 0 or scratch[(k.LANE_CONDITIONS + condition) * count + i] != 0


@njit(**INLINED)
def fold_key(
    plan: Words,
    control: Words,
    arena: Words,
    rows: Words,
    row: int,
    own: int,
    head: int,
    kind: int,
    scratch: Words,
    count: int,
    i: int,
) -> None:
    """Folds an event of that kind into the members, facts and series of one key's head or annex."""
    instant = rows[row + k.ROW_OCCURRED_AT]
    if kind == k.KIND_TRANSFER:
        for h in range(plan[own + k.T_MEETING], plan[own + k.T_MEETINGS_END]):
            meeting = plan[k.P_MEETINGS] + h * k.MEETING_WORDS
            if _holds(plan[meeting + k.H_CONDITION], scratch, count, i):
                last = head + plan[meeting + k.H_AT]
                before = arena[last] if arena[last] != 0 else k.NEVER
                scratch[plan[meeting + k.H_VALUE] * count + i] = before
                arena[last] = max(arena[last], instant)
        for m in range(plan[own + k.T_MEMBERS], plan[own + k.T_MEMBERS_END]):
            members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
            link, member = plan[members + k.M_LINK], plan[members + k.M_MEMBER]
            takes_part = _holds(plan[members + k.M_CONDITION], scratch, count, i)
            if scratch[link * count + i] != 0 and takes_part:
                at = head + plan[members + k.M_AT]
                if not has_room(arena, at, k.MEMBER_ROW):
                    member_room(plan, control, arena, members, head)
                before = scratch[plan[members + k.M_BEFORE] * count + i]
                take_part(arena, at, scratch[member * count + i], before, instant)
    for x in range(plan[own + k.T_FACTS], plan[own + k.T_FACTS_END]):
        facts = plan[k.P_FACTS] + x * k.FACTS_WORDS
        is_told = plan[facts + k.F_EVENT] == kind
        if is_told and _holds(plan[facts + k.F_CONDITION], scratch, count, i):
            level = head + plan[facts + k.F_AT] + k.FACT_LEVEL
            if not has_room(arena, level, plan[facts + k.F_WIDTH]):
                fact_room(plan, control, arena, facts, head)
            take_fact(plan, arena, facts, head, rows, row)
    for o in range(plan[own + k.T_FIRSTS], plan[own + k.T_FIRSTS_END]):
        firsts = plan[k.P_FIRSTS] + o * k.FIRSTS_WORDS
        is_told = plan[firsts + k.O_EVENT] == kind
        if is_told and _holds(plan[firsts + k.O_CONDITION], scratch, count, i):
            take_first(plan, arena, firsts, head, rows, row)
    for a in range(plan[own + k.T_AMOUNTS], plan[own + k.T_AMOUNTS_END]):
        amounts = plan[k.P_AMOUNTS] + a * k.AMOUNTS_WORDS
        is_listed = plan[amounts + k.A_EVENT] == kind
        if is_listed and _holds(plan[amounts + k.A_CONDITION], scratch, count, i):
            amount = rows[row + k.ROW_AMOUNT]
            take_amount(plan, control, arena, amounts, head, instant, amount)
    for s in range(plan[own + k.T_SERIES], plan[own + k.T_SERIES_END]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_EVENT] == kind:
            _fold_series(plan, control, arena, series, head, instant, scratch, count, i)


@njit(**INLINED)
def _fold_series(
    plan: Words,
    control: Words,
    arena: Words,
    series: int,
    head: int,
    instant: int,
    scratch: Words,
    count: int,
    i: int,
) -> None:
    at, levels = head + plan[series + k.S_AT], plan[series + k.S_LEVELS]
    newest, link, back = arena[at + 1], plan[series + k.S_LINK], k.NEVER
    if plan[series + k.S_EVENT] == k.KIND_TRANSFER:
        scratch[(k.LANE_BEFORE + plan[series + k.S_ENTITY]) * count + i] = newest
        scratch[(k.LANE_FIRST + plan[series + k.S_ENTITY]) * count + i] = arena[at]
    if link >= 0:
        back = scratch[(k.LANE_FIRST + link) * count + i]
        if scratch[link * count + i] == 0 or (back != k.NEVER and back <= instant):
            levels = 0  # the two have met before
    delta = (plan[k.P_LANE_COLUMNS] + plan[series + k.S_COLUMN]) * count + i
    level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
    place = at + k.HEAD_LEVELS
    for _ in range(levels):
        tile, width = plan[level + k.L_TILE], plan[level + k.L_WIDTH]
        begin = instant if tile == 0 else instant // tile * tile
        if not has_room(arena, place, width):
            horizon = newest - plan[level + k.L_KEEP]
            first = begin_of_level(plan, series, level, newest)
            make_room(control, arena, place, width, horizon, first)
        insert(arena, place, width, begin, scratch, delta, count)
        level += k.LEVEL_WORDS
        place += 2
    if back != k.NEVER and levels != 0:
        _take_back(plan, arena, series, at, back, scratch, count, i)
    if arena[at] == k.NEVER or instant < arena[at]:
        arena[at] = instant
    if instant > newest:
        arena[at + 1] = instant


@njit(**OPTIONS)
def _take_back(
    plan: Words, arena: Words, series: int, at: int, was: int, scratch: Words, count: int, i: int
) -> None:
    """Counts a first transfer no longer, since an earlier one of the same two has come."""
    back = k.LANE_BACK * count + i
    scratch[back] = -1
    level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
    place = at + k.HEAD_LEVELS
    for _ in range(plan[series + k.S_LEVELS]):
        # Its row is there, or lies behind every read with all that was dropped: none is made.
        tile = plan[level + k.L_TILE]
        begin = was if tile == 0 else was // tile * tile
        insert(arena, place, plan[level + k.L_WIDTH], begin, scratch, back, count)
        level += k.LEVEL_WORDS
        place += 2
