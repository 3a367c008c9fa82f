"""Values: the features of a batch's rows, from the integers that were read for them.

Floats appear here alone: one conversion of each integer, then one written order.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from crivo.features import layout as k
from crivo.features.arena import Words
from crivo.features.compiled import INLINED, OPTIONS
from crivo.features.reading import begin_of, field_of, night_begins, nightfall
from crivo.features.wide import spread

#: SHA-256 (its first 16 hex characters) of `exposure.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "eae76888ca4323d0"


Floats = np.ndarray[Any, np.dtype[np.float64]]


@njit(**OPTIONS)
def write_values(
    plan: Words,
    rows: Words,
    first: int,
    count: int,
    read: int,
    scratch: Words,
    out: Floats,
    line: int,
) -> None:
    """Fills a line of `out` for each of the `read` rows that are read; and their flags."""
    feature, width = plan[k.P_FEATURES], plan[k.P_N_FEATURES]
    for column in range(width):
        operation, night, hour = plan[feature], plan[feature + 2], plan[feature + 3]
        argument = plan[k.P_ARGUMENTS] + plan[feature + 1]
        place = line * width + column
        for j in range(read):
            i = scratch[k.LANE_READ_ROWS * count + j]
            row = first + i * k.ROW_WORDS
            by_day = night >= 0 and _is_day(plan, night, hour, scratch, count, i)
            number, mark = np.nan, 0
            if not by_day:
                number, mark = _value(plan, argument, operation, rows, row, scratch, count, i)
            out[place] = number
            place += width
            scratch[k.LANE_FLAGS * count + i] |= mark
        feature += k.FEATURE_WORDS


@njit(**INLINED)
def _is_day(plan: Words, night: int, hour: int, scratch: Words, count: int, i: int) -> bool:
    begins = night_begins(plan, hour, scratch, count, i)
    return nightfall(plan, scratch[night * count + i], begins) == k.NEVER


@njit(**INLINED)
def _value(
    plan: Words,
    argument: int,
    operation: int,
    rows: Words,
    row: int,
    scratch: Words,
    count: int,
    i: int,
) -> tuple[float, int]:
    """One feature (null as NaN) and its flags."""
    one = plan[argument]
    if operation == k.OP_COUNT:
        value, limit = scratch[one * count + i], plan[k.P_SATURATION]
        return np.float64(min(value, limit)), (k.SATURATED if value >= limit else 0)
    if operation == k.OP_FIELD:
        return np.float64(field_of(plan, rows, row, one)), 0
    if operation == k.OP_HOLDS:
        return np.float64(scratch[(k.LANE_CONDITIONS + one) * count + i]), 0
    if (
        operation == k.OP_SINCE_LAST
        or operation == k.OP_SINCE_FIRST
        or operation == k.OP_SINCE_EVER
    ):
        age = _age(scratch, one * count + i, count, plan[argument + 1], operation)
        return (np.float64(age) / np.float64(plan[k.P_SECOND]) if age >= 0 else np.nan), 0
    if operation == k.OP_SINCE_WITHIN or operation == k.OP_SINCE_PICK:
        if operation == k.OP_SINCE_PICK:
            age = _age_of_pick(plan, argument, scratch, count, i)
        else:
            age = _age_within(plan, argument, scratch, count, i)
        return (np.float64(age) / np.float64(plan[k.P_SECOND]) if age >= 0 else np.nan), 0
    if operation == k.OP_DISTINCT:
        members = scratch[one * count + i]
        return (np.float64(members) if members >= 0 else np.nan), 0
    if operation == k.OP_LAST or operation == k.OP_AGE:
        fact = scratch[one * count + i]
        if fact == k.ABSENT:
            return np.nan, 0
        if operation == k.OP_LAST:
            return np.float64(fact), 0
        age = max(scratch[plan[argument + 1] * count + i] - fact, 0)
        return np.float64(age) / np.float64(plan[k.P_SECOND]), 0
    if operation == k.OP_FIRST:
        instant, fact = scratch[plan[argument + 1] * count + i], scratch[one * count + i]
        is_told = instant != 0 and instant < scratch[plan[argument + 2] * count + i]
        return (np.float64(fact) if is_told and fact != k.ABSENT else np.nan), 0
    if operation == k.OP_MIN or operation == k.OP_MAX or operation == k.OP_RANK:
        return _of_order(operation, scratch[one * count + i], scratch[(one + 1) * count + i]), 0
    if operation == k.OP_EXPOSED:
        return np.float64(scratch[one * count + i]), 0
    if operation == k.OP_EXPOSED_SINCE:
        since = scratch[one * count + i]
        age = min(rows[row + k.ROW_OCCURRED_AT] - since, plan[argument + 1])
        return (np.float64(age) / np.float64(plan[k.P_SECOND]) if since != 0 else np.nan), 0
    if operation == k.OP_USED:
        return _used(plan, argument, scratch, count, i)
    return _aggregate(plan, argument, operation, rows[row + k.ROW_AMOUNT], scratch, count, i)


@njit(**INLINED)
def _age(scratch: Words, slot: int, count: int, limit: int, operation: int) -> int:
    """Microseconds since the first or last event before the instant, at most `limit`; -1: none.

    Where the last is asked for in a window, `limit` is the window, and none is in it from there on.
    """
    lane = k.VALUE_FIRST if operation == k.OP_SINCE_FIRST else k.VALUE_LAST
    since = scratch[slot + lane * count]
    age = scratch[slot + k.VALUE_AT * count] - since
    if since == k.NEVER or age <= 0 or (operation == k.OP_SINCE_LAST and age >= limit):
        return -1
    return min(age, limit)


@njit(**OPTIONS)
def _age_within(plan: Words, argument: int, scratch: Words, count: int, i: int) -> int:
    """Microseconds since a series' last event, if that lies in a window; -1: it does not."""
    slot = plan[argument] * count + i
    instant, since = scratch[slot + k.VALUE_AT * count], scratch[slot + k.VALUE_LAST * count]
    begins = night_begins(plan, plan[argument + 3], scratch, count, i)
    begin = begin_of(plan, instant, plan[argument + 1], plan[argument + 2], begins)
    return instant - since if begin <= since < instant else -1


@njit(**OPTIONS)
def _age_of_pick(plan: Words, argument: int, scratch: Words, count: int, i: int) -> int:
    """Microseconds since an event (0: there is none), at most a limit; -1: it has not been."""
    since = scratch[plan[argument] * count + i]
    instant = scratch[plan[argument + 1] * count + i]
    return min(instant - since, plan[argument + 2]) if since != 0 and since < instant else -1


@njit(**INLINED)
def _of_order(operation: int, one: int, two: int) -> float:
    """The least or greatest amount, of two extremes (0: none); or a rank, of what is less and how
    many there are.
    """
    if two == 0:
        return np.nan
    if operation == k.OP_MAX:
        return np.float64(one)
    if operation == k.OP_MIN:
        return np.float64(k.AMOUNT_TOP - two)
    return np.float64(one) / np.float64(2 * two)


@njit(**INLINED)
def _used(plan: Words, argument: int, scratch: Words, count: int, i: int) -> tuple[float, int]:
    """What was paid in a window, less what was undone of it, over the limit in force."""
    limit, most = scratch[plan[argument] * count + i], plan[k.P_SATURATION]
    sent, undone = plan[argument + 1] * count + i, plan[argument + 3] * count + i
    if scratch[sent] >= most or scratch[undone] >= most:
        return np.nan, k.SATURATED
    if limit == k.ABSENT or limit == 0:
        return np.nan, 0
    paid = scratch[plan[argument + 2] * count + i] - scratch[plan[argument + 4] * count + i]
    return np.float64(max(paid, 0)) / np.float64(limit), 0


@njit(**INLINED)
def _aggregate(
    plan: Words,
    argument: int,
    operation: int,
    amount: int,
    scratch: Words,
    count: int,
    i: int,
) -> tuple[float, int]:
    """A feature of counts and sums, none of them of a window that is too full."""
    events, limit = scratch[plan[argument] * count + i], plan[k.P_SATURATION]
    other = scratch[plan[argument + 1] * count + i]
    if events >= limit or (operation == k.OP_PER and other >= limit):
        return np.nan, k.SATURATED
    if operation == k.OP_SUM:
        return np.float64(other), 0
    if operation == k.OP_PER:
        return (np.float64(events) / np.float64(other) if other != 0 else np.nan), 0
    if operation == k.OP_DECAYED:
        return _decayed(plan, argument, scratch, count, i), 0
    if operation == k.OP_PASS:
        received = scratch[plan[argument + 2] * count + i]
        if received >= limit:
            return np.nan, k.SATURATED
        if received == 0:
            return np.nan, 0
        return np.float64(other) / np.float64(scratch[plan[argument + 3] * count + i]), 0
    if events == 0:
        return np.nan, 0
    if operation == k.OP_MEAN:
        return np.float64(other) / np.float64(events), 0
    if operation == k.OP_RATIO:
        return np.float64(amount * events) / np.float64(other), 0
    high = scratch[plan[argument + 2] * count + i]
    low = scratch[plan[argument + 3] * count + i]
    square = spread(events, other, high, low)
    if operation == k.OP_STD:
        return np.sqrt(square / np.float64(events * events)), 0
    if square == 0.0:
        return np.nan, 0
    return np.float64(amount * events - other) / np.sqrt(square), 0


@njit(**INLINED)
def _decayed(plan: Words, argument: int, scratch: Words, count: int, i: int) -> float:
    """The window's parts from the oldest on, each weighing half as much as the next."""
    total = 0.0
    for part in range(k.DECAY_PARTS, 0, -1):
        value = scratch[plan[argument + part] * count + i]
        if part > 1:
            value -= scratch[plan[argument + part - 1] * count + i]
        total = total * 0.5 + np.float64(value)
    return total
