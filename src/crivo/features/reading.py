"""Reading: the conditions of a row, the values of series as of an instant, the features of them.

Floats appear in `value_of` alone: one conversion of each integer, then one written order.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from crivo.features import layout as k
from crivo.features.arena import OPTIONS, Words, last_before, rows_of, seek
from crivo.features.facts import fact_of
from crivo.features.members import distinct
from crivo.features.wide import spread

#: SHA-256 (its first 16 hex characters) of `members.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "3c945cbb8d310ef0"


@njit(forceinline=True, **OPTIONS)
def field_of(plan: Words, rows: Words, row: int, field: int) -> int:
    if field == k.FIELD_HOUR:
        hour = 3600 * plan[k.P_SECOND]
        return (rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // hour % 24
    if field == k.FIELD_WEEKDAY:  # 1970-01-01 was a Thursday, and Monday is 0
        day = 86400 * plan[k.P_SECOND]
        return ((rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // day + 3) % 7
    return rows[row + field]


@njit(**OPTIONS)
def holds(plan: Words, rows: Words, row: int, code: int, scratch: Words) -> bool:
    """Whether a condition holds for a row; never where it reads an absent value."""
    at, top = plan[k.P_CODE] + code, k.SCRATCH_STACK - 1
    while plan[at] != k.END:
        operation = plan[at]
        if operation == k.PUSH_FIELD or operation == k.PUSH_VALUE:
            top += 1
            scratch[top] = plan[at + 1]
            if operation == k.PUSH_FIELD:
                scratch[top] = field_of(plan, rows, row, plan[at + 1])
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


@njit(forceinline=True, **OPTIONS)
def _midnight(plan: Words, instant: int) -> int:
    """When the instant's day began in Brasília."""
    day = 86400 * plan[k.P_SECOND]
    return (instant + plan[k.P_BRASILIA]) // day * day - plan[k.P_BRASILIA]


@njit(forceinline=True, **OPTIONS)
def _nightfall(plan: Words, instant: int) -> int:
    """When the night began in which the instant lies; `NEVER` by day."""
    midnight, nightfall = _midnight(plan, instant), plan[k.P_NIGHT_BEGINS]
    if instant - midnight >= nightfall:
        return midnight + nightfall
    if instant - midnight < plan[k.P_NIGHT_ENDS]:
        return midnight + nightfall - 86400 * plan[k.P_SECOND]
    return k.NEVER


@njit(forceinline=True, **OPTIONS)
def _begin(plan: Words, instant: int, length: int, tile: int) -> int:
    """The first microsecond that counts; by day the night's window is one of no use."""
    if tile == k.TILE_TODAY:
        return _midnight(plan, instant)
    if tile == k.TILE_TONIGHT:
        return max(_nightfall(plan, instant), instant - length)
    if tile == 0:
        return instant - length + 1
    return ((instant - length) // tile + 1) * tile


@njit(forceinline=True, **OPTIONS)
def _as_of(plan: Words, arena: Words, at: int, instant: int) -> int:
    """When a series is read: at the instant, but never before its newest event less slack."""
    return max(instant, arena[at + 1] - plan[k.P_SLACK])


@njit(forceinline=True, **OPTIONS)
def read_group(
    plan: Words, arena: Words, group: int, head: int, instant: int, scratch: Words
) -> int:
    """Reads a series of that head as of the instant into the group's values; flags."""
    slot = plan[group + k.G_VALUE]
    at = head + plan[group + k.G_AT]
    if head == 0 or arena[at] == k.NEVER:
        scratch[slot + k.VALUE_AT] = instant
        scratch[slot + k.VALUE_LAST] = scratch[slot + k.VALUE_FIRST] = k.NEVER
        for value in range(slot + k.VALUE_READS, plan[group + k.G_END]):
            scratch[value] = 0
        return 0
    read_at = _as_of(plan, arena, at, instant)
    flags = k.BEHIND if read_at != instant else 0
    scratch[slot + k.VALUE_AT] = read_at
    scratch[slot + k.VALUE_FIRST] = arena[at]
    if plan[group + k.G_LEVELS] != 0:
        _read_edges(plan, arena, group, at + k.HEAD_LEVELS, read_at, scratch)
    return flags


@njit(forceinline=True, **OPTIONS)
def _read_edges(
    plan: Words, arena: Words, group: int, raw: int, instant: int, scratch: Words
) -> None:
    width, slot = plan[group + k.G_WIDTH], plan[group + k.G_VALUE]
    block, high = arena[raw], rows_of(arena, raw) - 1
    if arena[block + high * width] >= instant:
        high = last_before(arena, block, high, width, instant)
    scratch[slot + k.VALUE_LAST] = arena[block + high * width]
    until = block + high * width + 1
    slot += k.VALUE_READS
    edge = plan[k.P_EDGES] + plan[group + k.G_EDGE] * k.EDGE_WORDS
    reads, low = plan[k.P_READS], -1
    for _ in range(plan[group + k.G_EDGES]):
        tile = plan[edge + k.E_TILE]
        begin = _begin(plan, instant, plan[edge + k.E_LENGTH], tile)
        level = raw + 2 * plan[edge + k.E_LEVEL]
        found = low
        if tile == 0 and low >= 0:  # exact windows come longest first: this one begins later
            low += last_before(arena, block + low * width, high + 1 - low, width, begin)
            found = low
        elif tile < 0:
            found = last_before(arena, block, high + 1, width, begin)
        else:
            low = found = seek(arena, level, width, begin)
        since = arena[level] + found * width + 1
        first = reads + plan[edge + k.E_READ]
        for read in range(first, first + plan[edge + k.E_READS]):
            scratch[slot] = arena[until + plan[read]] - arena[since + plan[read]]
            slot += 1
        edge += k.EDGE_WORDS


@njit(forceinline=True, **OPTIONS)
def _age(scratch: Words, slot: int, limit: int, operation: int) -> int:
    """Microseconds since the first or last event before the instant, at most `limit`; -1: none.

    Where the last is asked for in a window, `limit` is the window, and none is in it from there on.
    """
    since = scratch[slot + (k.VALUE_FIRST if operation == k.OP_SINCE_FIRST else k.VALUE_LAST)]
    age = scratch[slot + k.VALUE_AT] - since
    if since == k.NEVER or age <= 0 or (operation == k.OP_SINCE_LAST and age >= limit):
        return -1
    return min(age, limit)


@njit(**OPTIONS)
def _fact(
    plan: Words, arena: Words, argument: int, operation: int, instant: int, scratch: Words
) -> tuple[float, int]:
    """A fact as it stands, or the time since the instant that it names."""
    head = scratch[plan[argument]]
    if head == 0:
        return np.nan, 0
    at, width, column = head + plan[argument + 1], plan[argument + 2], plan[argument + 3]
    value, read_at = fact_of(plan, arena, at, width, column, instant)
    flags = k.BEHIND if read_at != instant else 0
    if value == k.ABSENT:
        return np.nan, flags
    if operation == k.OP_AGE:
        return np.float64(max(read_at - value, 0)) / np.float64(plan[k.P_SECOND]), flags
    return np.float64(value), flags


@njit(**OPTIONS)
def _used(
    plan: Words, arena: Words, argument: int, night: int, instant: int, scratch: Words
) -> tuple[float, int]:
    """What was paid in a window, less what was undone of it, over the limit in force."""
    limit, flags = _fact(plan, arena, argument, k.OP_LAST, instant, scratch)
    if night >= 0 and _nightfall(plan, scratch[night]) == k.NEVER:
        return np.nan, flags
    sent, undone = argument + 4, argument + 6
    most = plan[k.P_SATURATION]
    if scratch[plan[sent]] >= most or scratch[plan[undone]] >= most:
        return np.nan, flags | k.SATURATED
    if np.isnan(limit) or limit == 0.0:
        return np.nan, flags
    total = scratch[plan[sent + 1]] - scratch[plan[undone + 1]]
    return np.float64(max(total, 0)) / limit, flags


@njit(**OPTIONS)
def _distinct_of(
    plan: Words, arena: Words, argument: int, instant: int, scratch: Words
) -> tuple[int, int]:
    """(members, flags); −1 members where it is asked of a night by day."""
    head = scratch[plan[argument]]
    length, tile = plan[argument + 3], plan[argument + 4]
    at = head + plan[argument + 2]
    is_known = head != 0 and arena[at] != k.NEVER
    read_at = _as_of(plan, arena, at, instant) if is_known else instant
    flags = k.BEHIND if read_at != instant else 0
    if tile == k.TILE_TONIGHT and _nightfall(plan, read_at) == k.NEVER:
        return -1, flags
    if not is_known:
        return 0, 0
    begin = _begin(plan, read_at, length, tile)
    count = distinct(arena, head + plan[argument + 1], begin, read_at)
    limit = plan[k.P_MEMBERS_MAX] if tile > 0 else plan[k.P_SATURATION]
    if count >= limit:
        return limit, flags | k.SATURATED
    return count, flags


@njit(**OPTIONS)
def _spread_of(scratch: Words, count: int, total: int, high: int, low: int) -> float:
    return spread(scratch[count], scratch[total], scratch[high], scratch[low])


@njit(forceinline=True, **OPTIONS)
def value_of(
    plan: Words, arena: Words, feature: int, rows: Words, row: int, scratch: Words
) -> tuple[float, int]:
    """One feature (null as NaN) and its flags."""
    operation, argument = plan[feature], plan[k.P_ARGUMENTS] + plan[feature + 1]
    one = plan[argument]
    if operation == k.OP_FIELD:
        return np.float64(field_of(plan, rows, row, one)), 0
    if operation == k.OP_HOLDS:
        return np.float64(int(holds(plan, rows, row, one, scratch))), 0
    if (
        operation == k.OP_SINCE_LAST
        or operation == k.OP_SINCE_FIRST
        or operation == k.OP_SINCE_EVER
    ):
        age = _age(scratch, one, plan[argument + 1], operation)
        return (np.float64(age) / np.float64(plan[k.P_SECOND]) if age >= 0 else np.nan), 0
    if operation == k.OP_DISTINCT:
        members, flags = _distinct_of(plan, arena, argument, rows[row + k.ROW_OCCURRED_AT], scratch)
        return (np.float64(members) if members >= 0 else np.nan), flags
    night, instant = plan[feature + 2], rows[row + k.ROW_OCCURRED_AT]
    if operation == k.OP_LAST or operation == k.OP_AGE:
        return _fact(plan, arena, argument, operation, instant, scratch)
    if operation == k.OP_USED:
        return _used(plan, arena, argument, night, instant, scratch)
    if night >= 0 and _nightfall(plan, scratch[night]) == k.NEVER:
        return np.nan, 0
    return _aggregate(plan, argument, operation, rows[row + k.ROW_AMOUNT], scratch)


@njit(forceinline=True, **OPTIONS)
def _aggregate(
    plan: Words, argument: int, operation: int, amount: int, scratch: Words
) -> tuple[float, int]:
    """A feature of counts and sums."""
    count, limit = scratch[plan[argument]], plan[k.P_SATURATION]
    if operation == k.OP_COUNT:
        return np.float64(min(count, limit)), (k.SATURATED if count >= limit else 0)
    other = scratch[plan[argument + 1]]
    if count >= limit or (operation == k.OP_PER and other >= limit):
        return np.nan, k.SATURATED
    if operation == k.OP_SUM:
        return np.float64(other), 0
    if operation == k.OP_PER:
        return (np.float64(count) / np.float64(other) if other != 0 else np.nan), 0
    if operation == k.OP_DECAYED:
        return _decayed(plan, argument, scratch), 0
    if operation == k.OP_PASS:
        received = scratch[plan[argument + 2]]
        if received >= limit:
            return np.nan, k.SATURATED
        if received == 0:
            return np.nan, 0
        return np.float64(other) / np.float64(scratch[plan[argument + 3]]), 0
    if count == 0:
        return np.nan, 0
    if operation == k.OP_MEAN:
        return np.float64(other) / np.float64(count), 0
    if operation == k.OP_RATIO:
        return np.float64(amount * count) / np.float64(other), 0
    square = _spread_of(
        scratch, plan[argument], plan[argument + 1], plan[argument + 2], plan[argument + 3]
    )
    if operation == k.OP_STD:
        return np.sqrt(square / np.float64(count * count)), 0
    if square == 0.0:
        return np.nan, 0
    return np.float64(amount * count - other) / np.sqrt(square), 0


@njit(forceinline=True, **OPTIONS)
def _decayed(plan: Words, argument: int, scratch: Words) -> float:
    """The window's parts from the oldest on, each weighing half as much as the next."""
    total = 0.0
    for part in range(k.DECAY_PARTS, 0, -1):
        value = scratch[plan[argument + part]]
        if part > 1:
            value -= scratch[plan[argument + part - 1]]
        total = total * 0.5 + np.float64(value)
    return total
