"""The kernel: folds rows into a state of integers and reads vectors from it, as the plan says.

numba's cache of a function looks at its own file and at no other. So `COMPILED_WITH` names the text
of a file whose code is compiled into this one, as that file does for the next: a test compares
them, and writing the new value is what makes the cache forget.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from crivo.features import layout as k
from crivo.features.arena import (
    OPTIONS,
    Words,
    create,
    fetch_place,
    find,
    guess,
    insert,
    prefetch,
    room,
    rows_of,
)
from crivo.features.facts import fact_room, take_fact
from crivo.features.members import member_room, take_part
from crivo.features.reading import holds, read_group, value_of

#: SHA-256 (its first 16 hex characters) of `reading.py`, which names the next, and so on.
COMPILED_WITH: Final = "5333bc2778836e82"


@njit(**OPTIONS)
def _fold_row(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    row: int,
    scratch: Words,
    was_read: bool,
) -> int:
    """Folds one row, or answers what must grow first; then nothing of the row has been counted.

    Where the row was just read, the heads that were found then are in `scratch`.
    """
    kind = rows[row + k.ROW_KIND]
    lateness = rows[row + k.ROW_RECEIVED_AT] - rows[row + k.ROW_OCCURRED_AT]
    if kind == k.KIND_TRANSFER and lateness > plan[k.P_LATENESS]:
        control[k.C_LATE] += 1
        return k.DONE
    if (control[k.C_KEYS] + k.ENTITIES) * 2 > index.size:
        return k.NEED_INDEX
    touched = plan[k.P_TOUCHED + kind]
    for entity in range(k.ENTITIES):
        if was_read and scratch[entity] != 0:
            continue
        if (touched >> entity) & 1 == 0:
            scratch[entity] = 0
            continue
        if not _take_head(plan, control, index, arena, rows, row, entity, scratch):
            return k.NEED_ARENA
    if not _make_room(plan, control, arena, kind, scratch):
        return k.NEED_ARENA
    instant = rows[row + k.ROW_OCCURRED_AT]
    if kind == k.KIND_TRANSFER:
        for m in range(plan[k.P_N_MEMBERS]):
            members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
            if scratch[plan[members + k.M_LINK]] != 0:
                take_part(plan, arena, members, scratch, instant)
    else:
        for f in range(plan[k.P_N_FACTS]):
            facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
            head = scratch[plan[facts + k.F_ENTITY]]
            if plan[facts + k.F_EVENT] == kind and head != 0:
                take_fact(plan, arena, facts, head, rows, row)
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_EVENT] == kind and scratch[plan[series + k.S_ENTITY]] != 0:
            _fold_series(plan, arena, series, rows, row, scratch)
    control[k.C_FOLDED] += 1
    return k.DONE


@njit(forceinline=True, **OPTIONS)
def _key_of(plan: Words, rows: Words, row: int, entity: int, scratch: Words) -> tuple[int, int]:
    """The two words of an entity's key; both 0 where the row has none, or none is kept."""
    if plan[k.P_HEAD_WORDS + entity] == 0:
        return 0, 0
    if entity == k.INSTITUTION:
        ispb = rows[row + k.ROW_PAYEE_ISPB]
        return (ispb if ispb != k.ABSENT else 0), 0
    if plan[k.P_OWN_KEY + entity] != 0:
        place = row + plan[k.P_OWN_KEY + entity]
        return rows[place], rows[place + 1]
    one = scratch[k.PAYER]
    two = scratch[k.PAYEE]
    if entity == k.PAYER_DEVICE:
        two = scratch[k.DEVICE]
    elif entity == k.PAYER_INSTITUTION:
        two = scratch[k.INSTITUTION]
    if one == 0 or two == 0:
        return 0, 0
    return one, two


@njit(forceinline=True, **OPTIONS)
def _take_head(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    row: int,
    entity: int,
    scratch: Words,
) -> bool:
    """Finds or makes the entity's head; False where the arena is full."""
    word_0, word_1 = _key_of(plan, rows, row, entity, scratch)
    scratch[entity] = 0
    if word_0 == 0 and word_1 == 0:
        return True
    head = find(index, arena, word_0, word_1, entity)
    if head == 0:
        head = create(plan, control, index, arena, word_0, word_1, entity)
    scratch[entity] = head
    return head != 0


@njit(**OPTIONS)
def _make_room(plan: Words, control: Words, arena: Words, kind: int, scratch: Words) -> bool:
    """Whether every level and list that the event touches can take one more row."""
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        head = scratch[plan[series + k.S_ENTITY]]
        if plan[series + k.S_EVENT] == kind and head != 0:
            at = head + plan[series + k.S_AT]
            level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
            for n in range(plan[series + k.S_LEVELS]):
                horizon = arena[at + 1] - plan[level + n * k.LEVEL_WORDS + 1]
                place = at + k.HEAD_LEVELS + 2 * n
                if not room(control, arena, place, plan[series + k.S_WIDTH], horizon):
                    return False
    if kind == k.KIND_TRANSFER:
        for m in range(plan[k.P_N_MEMBERS]):
            members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
            if scratch[plan[members + k.M_LINK]] != 0:
                head = scratch[plan[members + k.M_OWNER]]
                if not member_room(plan, control, arena, members, head):
                    return False
        return True
    for f in range(plan[k.P_N_FACTS]):
        facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
        head = scratch[plan[facts + k.F_ENTITY]]
        if plan[facts + k.F_EVENT] == kind and head != 0:
            if not fact_room(plan, control, arena, facts, head):
                return False
    return True


@njit(forceinline=True, **OPTIONS)
def _added(kind: int, amount: int) -> int:
    """What an event adds to a column of that kind."""
    if kind == k.COLUMN_COUNT:
        return 1
    if kind == k.COLUMN_AMOUNT:
        return amount
    # An amount has at most 40 bits, its square 80: in halves, so that no product leaves 63.
    half = k.SQUARE_BITS // 2
    high, low = amount >> half, amount & ((1 << half) - 1)
    middle = 2 * high * low
    rest = ((middle & ((1 << half) - 1)) << half) + low * low
    if kind == k.COLUMN_SQUARE_LOW:
        return rest & ((1 << k.SQUARE_BITS) - 1)
    return high * high + (middle >> half) + (rest >> k.SQUARE_BITS)


@njit(**OPTIONS)
def _fold_series(
    plan: Words, arena: Words, series: int, rows: Words, row: int, scratch: Words
) -> None:
    at = scratch[plan[series + k.S_ENTITY]] + plan[series + k.S_AT]
    instant = rows[row + k.ROW_OCCURRED_AT]
    if arena[at] == k.NEVER or instant < arena[at]:
        arena[at] = instant
    if instant > arena[at + 1]:
        arena[at + 1] = instant
    for column in range(plan[series + k.S_COLUMNS]):
        place = plan[k.P_COLUMNS] + (plan[series + k.S_COLUMN] + column) * k.COLUMN_WORDS
        delta = _added(plan[place], rows[row + k.ROW_AMOUNT])
        if plan[place + 1] >= 0 and not holds(plan, rows, row, plan[place + 1], scratch):
            delta = 0
        scratch[k.SCRATCH_VALUES + column] = delta
    level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
    for n in range(plan[series + k.S_LEVELS]):
        tile = plan[level + n * k.LEVEL_WORDS]
        begin = instant if tile == 0 else instant // tile * tile
        insert(arena, at + k.HEAD_LEVELS + 2 * n, plan[series + k.S_WIDTH], begin, scratch)


@njit(**OPTIONS)
def _find_heads(
    plan: Words, index: Words, arena: Words, rows: Words, row: int, scratch: Words
) -> None:
    """The heads of all views that are read; 0 where there is none."""
    for entity in range(k.ENTITIES):
        word_0, word_1 = _key_of(plan, rows, row, entity, scratch)
        scratch[entity] = 0
        if plan[k.P_VIEWED + entity] != 0 and (word_0 != 0 or word_1 != 0):
            scratch[entity] = find(index, arena, word_0, word_1, entity)
    payer, payee = row + k.ROW_PAYER, row + k.ROW_PAYEE
    receiving = sending = turned = 0
    if plan[k.P_VIEWED + k.PAYER_RECEIVING] != 0:
        receiving = find(index, arena, rows[payer], rows[payer + 1], k.PAYEE)
    if plan[k.P_VIEWED + k.PAYEE_SENDING] != 0:
        sending = find(index, arena, rows[payee], rows[payee + 1], k.PAYER)
    if plan[k.P_VIEWED + k.PAIR_REVERSED] != 0 and receiving != 0 and sending != 0:
        turned = find(index, arena, sending, receiving, k.PAIR)
    scratch[k.PAYER_RECEIVING], scratch[k.PAYEE_SENDING] = receiving, sending
    scratch[k.PAIR_REVERSED] = turned


@njit(**OPTIONS)
def _read_row(
    plan: Words,
    index: Words,
    arena: Words,
    rows: Words,
    row: int,
    scratch: Words,
    out: np.ndarray[Any, Any],
    line: int,
) -> int:
    """Fills a line of `out` with the row's vector, of events before it alone; flags."""
    instant = rows[row + k.ROW_OCCURRED_AT]
    flags = k.LATE if rows[row + k.ROW_RECEIVED_AT] - instant > plan[k.P_LATENESS] else 0
    _find_heads(plan, index, arena, rows, row, scratch)
    for g in range(plan[k.P_N_GROUPS]):
        group = plan[k.P_GROUPS] + g * k.GROUP_WORDS
        head = scratch[plan[group + k.G_VIEW]]
        flags |= read_group(plan, arena, group, head, instant, scratch)
    feature = plan[k.P_FEATURES]
    for column in range(plan[k.P_N_FEATURES]):
        number, mark = value_of(plan, arena, feature, rows, row, scratch)
        out[line, column] = number
        flags |= mark
        feature += k.FEATURE_WORDS
    return flags


@njit(**OPTIONS)
def _fetch(plan: Words, index: Words, arena: Words, rows: Words, row: int, scratch: Words) -> None:
    """Asks for the memory of rows to come: places in the index, then heads, then ends of series.

    A row by itself waits for each of them in turn; asked for in steps some rows apart, each has
    come by the time the next is looked for in it. Nothing is read for its value here, so a wrong
    guess costs a wait and no more.
    """
    far = row + 4 * k.STEP_WORDS
    if far < rows.size:
        for view in range(k.VIEWS):
            if plan[k.P_FETCHED + view] != 0 and plan[k.P_OWN_KEY + view] != 0:
                at = far + plan[k.P_OWN_KEY + view]
                fetch_place(index, rows[at], rows[at + 1], plan[k.P_TABLE_OF + view])
    middle = row + 3 * k.STEP_WORDS
    if middle < rows.size:
        _guess(plan, index, rows, middle, scratch)
        for view in range(k.VIEWS):
            head = scratch[k.SCRATCH_GUESS + view]
            if head != 0:
                for line in range(0, plan[k.P_HEAD_WORDS + plan[k.P_TABLE_OF + view]], 8):
                    prefetch(arena, head + line)
            elif plan[k.P_FETCHED + view] != 0 and plan[k.P_ONE_END + view] >= 0:
                one = scratch[k.SCRATCH_GUESS + plan[k.P_ONE_END + view]]
                other = scratch[k.SCRATCH_GUESS + plan[k.P_OTHER_END + view]]
                fetch_place(index, one, other, plan[k.P_TABLE_OF + view])
    near = row + 2 * k.STEP_WORDS
    if near < rows.size:
        _guess(plan, index, rows, near, scratch)
        for view in range(k.VIEWS):
            if plan[k.P_ONE_END + view] < 0:
                _fetch_series(plan, arena, scratch[k.SCRATCH_GUESS + view], view)
            else:
                prefetch(arena, scratch[k.SCRATCH_GUESS + view])
    soon = row + k.STEP_WORDS
    if soon < rows.size:
        _guess(plan, index, rows, soon, scratch)
        for view in range(k.VIEWS):
            if plan[k.P_ONE_END + view] >= 0:
                _fetch_series(plan, arena, scratch[k.SCRATCH_GUESS + view], view)


@njit(**OPTIONS)
def _guess(plan: Words, index: Words, rows: Words, row: int, scratch: Words) -> None:
    """Guesses the heads of a row's views; 0 where there is none."""
    for view in range(k.VIEWS):
        head = 0
        if plan[k.P_FETCHED + view] != 0:
            if view == k.INSTITUTION:
                head = guess(index, rows[row + k.ROW_PAYEE_ISPB], 0, view)
            elif plan[k.P_ONE_END + view] < 0:
                at = row + plan[k.P_OWN_KEY + view]
                head = guess(index, rows[at], rows[at + 1], plan[k.P_TABLE_OF + view])
            else:
                one = scratch[k.SCRATCH_GUESS + plan[k.P_ONE_END + view]]
                other = scratch[k.SCRATCH_GUESS + plan[k.P_OTHER_END + view]]
                if one != 0 and other != 0:
                    head = guess(index, one, other, plan[k.P_TABLE_OF + view])
        scratch[k.SCRATCH_GUESS + view] = head


@njit(**OPTIONS)
def _fetch_series(plan: Words, arena: Words, head: int, view: int) -> None:
    """Asks for the last row of each level of a key, and for those around its window's edge.

    What is no transfer is rare: its series are mostly empty, and not worth asking for.
    """
    if head == 0:
        return
    table = plan[k.P_TABLE_OF + view]
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_ENTITY] == table and plan[series + k.S_EVENT] == k.KIND_TRANSFER:
            level = head + plan[series + k.S_AT] + k.HEAD_LEVELS
            for at in range(level, level + 2 * plan[series + k.S_LEVELS], 2):
                width = plan[series + k.S_WIDTH]
                edge = arena[at] + (arena[at + 1] >> k.HINT_SHIFT) * width
                prefetch(arena, edge)
                prefetch(arena, edge + width)
                prefetch(arena, arena[at] + (rows_of(arena, at) - 1) * width)
    for m in range(plan[k.P_N_MEMBERS]):
        members = plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS
        if plan[members + k.M_OWNER] == table:
            at = head + plan[members + k.M_AT]
            prefetch(arena, arena[at])
            prefetch(arena, arena[at] + (rows_of(arena, at) - 1) * k.MEMBER_ROW)


@njit(**OPTIONS)
def read(
    plan: Words,
    index: Words,
    arena: Words,
    rows: Words,
    scratch: Words,
    out: np.ndarray[Any, Any],
) -> int:
    """Fills `out` (float64[1, F]) with the vector of the only row; its flags."""
    return _read_row(plan, index, arena, rows, 0, scratch, out, 0)


@njit(**OPTIONS)
def run(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    scratch: Words,
    wanted: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    flags: np.ndarray[Any, Any],
) -> int:
    """Reads each wanted row, then folds every row, in order, from where it stopped before."""
    while control[k.C_ROW] * k.ROW_WORDS < rows.size:
        row = control[k.C_ROW] * k.ROW_WORDS
        if rows.size > k.ROW_WORDS:
            _fetch(plan, index, arena, rows, row, scratch)
        reads = wanted.size != 0 and wanted[control[k.C_ROW]]
        if reads:
            line = control[k.C_OUT]
            flags[line] = _read_row(plan, index, arena, rows, row, scratch, out, line)
        code = _fold_row(plan, control, index, arena, rows, row, scratch, reads)
        if code != k.DONE:
            return code
        control[k.C_ROW] += 1
        if reads:
            control[k.C_OUT] += 1
    return k.DONE
