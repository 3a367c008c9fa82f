"""The kernel: folds rows into a state of integers and reads vectors from it, as the plan says.

Floats appear in `_value_of` alone: at most two conversions and one division, in that order.

numba's cache of a function looks at its own file and at no other. So `COMPILED_WITH` names the text
of the file whose code is compiled into this one, as that file does for its own: a test compares
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
    last_before,
    prefetch,
    room,
    rows_of,
    seek,
)

#: SHA-256 (its first 16 hex characters) of `arena.py`, which names that of `layout.py`.
COMPILED_WITH: Final = "d3da1274d6b5f522"


@njit(forceinline=True, **OPTIONS)
def _field(plan: Words, rows: Words, row: int, field: int) -> int:
    if field == k.FIELD_HOUR:
        hour = 3600 * plan[k.P_SECOND]
        return (rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // hour % 24
    if field == k.FIELD_WEEKDAY:  # 1970-01-01 was a Thursday, and Monday is 0
        day = 86400 * plan[k.P_SECOND]
        return ((rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // day + 3) % 7
    return rows[row + field]


@njit(**OPTIONS)
def _holds(plan: Words, rows: Words, row: int, code: int, scratch: Words) -> bool:
    """Whether a condition holds for a row; never where it reads an absent value."""
    at, top = plan[k.P_CODE] + code, k.SCRATCH_STACK - 1
    while plan[at] != k.END:
        operation = plan[at]
        if operation == k.PUSH_FIELD or operation == k.PUSH_VALUE:
            top += 1
            scratch[top] = plan[at + 1]
            if operation == k.PUSH_FIELD:
                scratch[top] = _field(plan, rows, row, plan[at + 1])
                if scratch[top] == k.ABSENT:
                    return False
        elif operation == k.NOT:
            scratch[top] = 1 - scratch[top]
        else:
            one, two = scratch[top - 1], scratch[top]
            top -= 1
            scratch[top] = _join(operation, one, two)
        at += 2
    return scratch[k.SCRATCH_STACK] != 0


@njit(**OPTIONS)
def _join(operation: int, one: int, two: int) -> int:
    if operation == k.AND:
        return one & two
    if operation == k.OR:
        return one | two
    if operation == k.LESS:
        return int(one < two)
    if operation == k.LESS + 1:
        return int(one <= two)
    if operation == k.LESS + 2:
        return int(one == two)
    if operation == k.LESS + 3:
        return int(one != two)
    if operation == k.LESS + 4:
        return int(one >= two)
    return int(one > two)


@njit(**OPTIONS)
def _fold_row(
    plan: Words, control: Words, index: Words, arena: Words, rows: Words, row: int, scratch: Words
) -> int:
    """Folds one row, or answers what must grow first; then nothing of the row has been counted."""
    kind = rows[row + k.ROW_KIND]
    lateness = rows[row + k.ROW_RECEIVED_AT] - rows[row + k.ROW_OCCURRED_AT]
    if kind == k.KIND_TRANSFER and lateness > plan[k.P_LATENESS]:
        control[k.C_LATE] += 1
        return k.DONE
    if (control[k.C_KEYS] + 3) * 2 > index.size:
        return k.NEED_INDEX
    for entity in range(3):
        place = row + k.ROW_PAYER + 2 * entity
        word_0, word_1 = rows[place], rows[place + 1]
        if entity == k.PAIR:  # heads never move, so two of them name the pair
            if plan[k.P_HEAD_WORDS + k.PAIR] == 0:
                continue
            word_0, word_1 = scratch[k.PAYER], scratch[k.PAYEE]
        head = find(index, arena, word_0, word_1, entity)
        if head == 0:
            head = create(plan, control, index, arena, word_0, word_1, entity)
            if head == 0:
                return k.NEED_ARENA
        scratch[entity] = head
    if not _make_room(plan, control, arena, kind, scratch):
        return k.NEED_ARENA
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_EVENT] == kind:
            _fold_series(plan, arena, series, rows, row, scratch)
    control[k.C_FOLDED] += 1
    return k.DONE


@njit(**OPTIONS)
def _make_room(plan: Words, control: Words, arena: Words, kind: int, scratch: Words) -> bool:
    """Whether every level that the event touches can take one more row."""
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_EVENT] == kind:
            at = scratch[plan[series + k.S_ENTITY]] + plan[series + k.S_AT]
            level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
            for n in range(plan[series + k.S_LEVELS]):
                horizon = arena[at + 1] - plan[level + n * k.LEVEL_WORDS + 1]
                place = at + k.HEAD_LEVELS + 2 * n
                if not room(control, arena, place, plan[series + k.S_WIDTH], horizon):
                    return False
    return True


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
        delta = rows[row + k.ROW_AMOUNT] if plan[place] == 1 else 1
        if plan[place + 1] >= 0 and not _holds(plan, rows, row, plan[place + 1], scratch):
            delta = 0
        scratch[k.SCRATCH_VALUES + column] = delta
    level = plan[k.P_LEVELS] + plan[series + k.S_LEVEL] * k.LEVEL_WORDS
    for n in range(plan[series + k.S_LEVELS]):
        tile = plan[level + n * k.LEVEL_WORDS]
        begin = instant if tile == 0 else instant // tile * tile
        insert(arena, at + k.HEAD_LEVELS + 2 * n, plan[series + k.S_WIDTH], begin, scratch)


@njit(forceinline=True, **OPTIONS)
def _read_series(
    plan: Words, arena: Words, series: int, at: int, instant: int, scratch: Words
) -> int:
    """Reads the series as of the instant, but never before its newest less slack; flags."""
    flags = 0
    if arena[at + 1] - plan[k.P_SLACK] > instant:
        instant = arena[at + 1] - plan[k.P_SLACK]
        flags = k.BEHIND
    width, raw = plan[series + k.S_WIDTH], at + k.HEAD_LEVELS
    block, high = arena[raw], rows_of(arena, raw) - 1
    if arena[block + high * width] >= instant:
        high = last_before(arena, block, high, width, instant)
    slot = plan[series + k.S_VALUE]
    scratch[slot + k.VALUE_AT] = instant
    scratch[slot + k.VALUE_LAST] = arena[block + high * width]
    scratch[slot + k.VALUE_FIRST] = arena[at]
    until = block + high * width + 1
    slot += k.VALUE_READS
    edge = plan[k.P_EDGES] + plan[series + k.S_EDGE] * k.EDGE_WORDS
    reads, low = plan[k.P_READS], -1
    for _ in range(plan[series + k.S_EDGES]):
        start, tile = instant - plan[edge + k.E_LENGTH], plan[edge + k.E_TILE]
        begin = start + 1 if tile == 0 else (start // tile + 1) * tile
        level = raw + 2 * plan[edge + k.E_LEVEL]
        if tile == 0 and low >= 0:  # exact windows come longest first: this one begins later
            low += last_before(arena, block + low * width, high + 1 - low, width, begin)
        else:
            low = seek(arena, level, width, begin)
        since = arena[level] + low * width + 1
        first = reads + plan[edge + k.E_READ]
        for read in range(first, first + plan[edge + k.E_READS]):
            scratch[slot] = arena[until + plan[read]] - arena[since + plan[read]]
            slot += 1
        edge += k.EDGE_WORDS
    return flags


@njit(forceinline=True, **OPTIONS)
def _age(scratch: Words, slot: int, limit: int, last: int) -> int:
    """Microseconds since the first or last event before the instant, at most `limit`; -1: none."""
    since = scratch[slot + (k.VALUE_LAST if last != 0 else k.VALUE_FIRST)]
    age = scratch[slot + k.VALUE_AT] - since
    if since == k.NEVER or age <= 0 or (last != 0 and age >= limit):
        return -1
    return min(age, limit)


@njit(forceinline=True, **OPTIONS)
def _value_of(
    plan: Words, feature: int, rows: Words, row: int, scratch: Words
) -> tuple[int, int, int]:
    """One feature as (numerator, denominator, flags); a denominator of 0 is null."""
    operation, one, two = plan[feature], plan[feature + 1], plan[feature + 2]
    if operation == k.OP_FIELD:
        return _field(plan, rows, row, one), 1, 0
    if operation == k.OP_HOLDS:
        return int(_holds(plan, rows, row, one, scratch)), 1, 0
    if operation == k.OP_SINCE_LAST or operation == k.OP_SINCE_FIRST:
        age = _age(scratch, one, two, int(operation == k.OP_SINCE_LAST))
        return age, (plan[k.P_SECOND] if age >= 0 else 0), 0
    count, limit = scratch[one], plan[k.P_SATURATION]
    if operation == k.OP_COUNT:
        return min(count, limit), 1, (k.SATURATED if count >= limit else 0)
    if count >= limit or (operation == k.OP_PER and scratch[two] >= limit):
        return 0, 0, k.SATURATED
    if operation == k.OP_SUM:
        return scratch[two], 1, 0
    if operation == k.OP_PER:
        return count, scratch[two], 0
    if operation == k.OP_MEAN:
        return scratch[two], count, 0
    return rows[row + k.ROW_AMOUNT] * count, scratch[two], 0


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
    payer = find(index, arena, rows[row + k.ROW_PAYER], rows[row + k.ROW_PAYER + 1], k.PAYER)
    payee = find(index, arena, rows[row + k.ROW_PAYEE], rows[row + k.ROW_PAYEE + 1], k.PAYEE)
    scratch[k.PAYER], scratch[k.PAYEE], scratch[k.PAIR] = payer, payee, 0
    if payer != 0 and payee != 0:
        scratch[k.PAIR] = find(index, arena, payer, payee, k.PAIR)
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        head = scratch[plan[series + k.S_ENTITY]]
        at = head + plan[series + k.S_AT]
        if head != 0 and arena[at] != k.NEVER:
            flags |= _read_series(plan, arena, series, at, instant, scratch)
        else:
            slot = plan[series + k.S_VALUE]
            scratch[slot + k.VALUE_LAST] = scratch[slot + k.VALUE_FIRST] = k.NEVER
            for value in range(slot + k.VALUE_READS, plan[series + k.S_VALUE_END]):
                scratch[value] = 0
    feature = plan[k.P_FEATURES]
    for column in range(plan[k.P_N_FEATURES]):
        above, below, mark = _value_of(plan, feature, rows, row, scratch)
        number: float = np.nan
        if below == 1:
            number = np.float64(above)
        elif below != 0:
            number = np.float64(above) / np.float64(below)
        out[line, column] = number
        flags |= mark
        feature += k.FEATURE_WORDS
    return flags


@njit(**OPTIONS)
def _fetch(plan: Words, index: Words, arena: Words, rows: Words, row: int) -> None:
    """Asks for the memory of rows to come: places in the index, then heads, then ends of series.

    A row by itself waits for each of them in turn; asked for in three steps some rows apart, each
    has come by the time the next is looked for in it. Nothing is read for its value here, so a
    wrong guess costs a wait and no more.
    """
    far = row + 3 * k.STEP_WORDS
    if far < rows.size:
        fetch_place(index, rows[far + k.ROW_PAYER], rows[far + k.ROW_PAYER + 1], k.PAYER)
        fetch_place(index, rows[far + k.ROW_PAYEE], rows[far + k.ROW_PAYEE + 1], k.PAYEE)
    middle = row + 2 * k.STEP_WORDS
    if middle < rows.size:
        payer = guess(index, rows[middle + k.ROW_PAYER], rows[middle + k.ROW_PAYER + 1], k.PAYER)
        payee = guess(index, rows[middle + k.ROW_PAYEE], rows[middle + k.ROW_PAYEE + 1], k.PAYEE)
        fetch_place(index, payer, payee, k.PAIR)
        for line in range(0, plan[k.P_HEAD_WORDS + k.PAYER], k.LINE_WORDS):
            prefetch(arena, payer + line)
        for line in range(0, plan[k.P_HEAD_WORDS + k.PAYEE], k.LINE_WORDS):
            prefetch(arena, payee + line)
    near = row + k.STEP_WORDS
    if near < rows.size:
        payer = guess(index, rows[near + k.ROW_PAYER], rows[near + k.ROW_PAYER + 1], k.PAYER)
        payee = guess(index, rows[near + k.ROW_PAYEE], rows[near + k.ROW_PAYEE + 1], k.PAYEE)
        prefetch(arena, guess(index, payer, payee, k.PAIR))
        _fetch_series(plan, arena, payer, k.PAYER)
        _fetch_series(plan, arena, payee, k.PAYEE)
    soon = row + k.STEP_WORDS // 2
    if soon < rows.size:
        payer = guess(index, rows[soon + k.ROW_PAYER], rows[soon + k.ROW_PAYER + 1], k.PAYER)
        payee = guess(index, rows[soon + k.ROW_PAYEE], rows[soon + k.ROW_PAYEE + 1], k.PAYEE)
        _fetch_series(plan, arena, guess(index, payer, payee, k.PAIR), k.PAIR)


@njit(**OPTIONS)
def _fetch_series(plan: Words, arena: Words, head: int, entity: int) -> None:
    """Asks for the last row of each level of a key, and for those around its window's edge."""
    for s in range(plan[k.P_N_SERIES]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        if plan[series + k.S_ENTITY] == entity and head != 0:
            level = head + plan[series + k.S_AT] + k.HEAD_LEVELS
            for at in range(level, level + 2 * plan[series + k.S_LEVELS], 2):
                width = plan[series + k.S_WIDTH]
                edge = arena[at] + (arena[at + 1] >> k.HINT_SHIFT) * width
                prefetch(arena, edge)
                prefetch(arena, edge + width)
                prefetch(arena, arena[at] + (rows_of(arena, at) - 1) * width)


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
            _fetch(plan, index, arena, rows, row)
        reads = wanted.size != 0 and wanted[control[k.C_ROW]]
        if reads:
            line = control[k.C_OUT]
            flags[line] = _read_row(plan, index, arena, rows, row, scratch, out, line)
        code = _fold_row(plan, control, index, arena, rows, row, scratch)
        if code != k.DONE:
            return code
        control[k.C_ROW] += 1
        if reads:
            control[k.C_OUT] += 1
    return k.DONE
