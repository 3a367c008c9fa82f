"""Reading: the conditions of a batch's rows, and the integers of series as of an instant."""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.amounts import extremes, rows_before, standing, tile_extremes
from crivo.features.arena import Words, last_before, later, rows_of, seek
from crivo.features.compiled import INLINED, OPTIONS
from crivo.features.members import first_back, marks, returned, seek_member

#: SHA-256 (its first 16 hex characters) of `amounts.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "9538d44d18ef7097"


@njit(**INLINED)
def field_of(plan: Words, rows: Words, row: int, field: int) -> int:
    if field == k.FIELD_HOUR:
        hour = 3600 * plan[k.P_SECOND]
        return (rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // hour % 24
    if field == k.FIELD_WEEKDAY:  # 1970-01-01 was a Thursday, and Monday is 0
        day = 86400 * plan[k.P_SECOND]
        return ((rows[row + k.ROW_OCCURRED_AT] + plan[k.P_BRASILIA]) // day + 3) % 7
    return rows[row + field]


@njit(**OPTIONS)
def judge(plan: Words, rows: Words, first: int, count: int, scratch: Words) -> None:
    """Whether each condition holds for each row; it never does where it reads an absent value."""
    known, stack = k.LANE_KNOWN * count, k.LANE_STACK * count
    for condition in range(plan[k.P_N_CONDITIONS]):
        at = plan[k.P_CODE] + plan[plan[k.P_CONDITIONS] + condition]
        top = stack - count
        for word in range(known, known + count):
            scratch[word] = 1
        while plan[at] != k.END:
            operation, argument = plan[at], plan[at + 1]
            if operation == k.PUSH_VALUE:
                top += count
                for word in range(top, top + count):
                    scratch[word] = argument
            elif operation == k.PUSH_FIELD:
                top += count
                for i in range(count):
                    value = field_of(plan, rows, first + i * k.ROW_WORDS, argument)
                    scratch[top + i] = value
                    if value == k.ABSENT:
                        scratch[known + i] = 0
            elif operation == k.NOT:
                for word in range(top, top + count):
                    scratch[word] = 1 - scratch[word]
            else:
                top -= count
                for word in range(top, top + count):
                    scratch[word] = _join(operation, scratch[word], scratch[word + count])
            at += 2
        for i in range(count):
            lane = (k.LANE_CONDITIONS + condition) * count
            scratch[lane + i] = scratch[stack + i] & scratch[known + i]


@njit(**INLINED)
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


@njit(**INLINED)
def _midnight(plan: Words, instant: int) -> int:
    """When the instant's day began in Brasília."""
    day = 86400 * plan[k.P_SECOND]
    return (instant + plan[k.P_BRASILIA]) // day * day - plan[k.P_BRASILIA]


@njit(**INLINED)
def night_begins(plan: Words, lane: int, scratch: Words, count: int, i: int) -> int:
    """How long after midnight row i's night begins: at the hour that was told, or the policy's."""
    hour = scratch[lane * count + i] if lane >= 0 else k.ABSENT
    return hour * 3600 * plan[k.P_SECOND] if 0 <= hour < 24 else plan[k.P_NIGHT_BEGINS]


@njit(**INLINED)
def nightfall(plan: Words, instant: int, begins: int) -> int:
    """When the night began in which the instant lies; `NEVER` by day."""
    midnight, ends = _midnight(plan, instant), plan[k.P_NIGHT_ENDS]
    since, over_midnight = instant - midnight, begins >= ends
    if since >= begins and (over_midnight or since < ends):
        return midnight + begins
    if over_midnight and since < ends:
        return midnight + begins - 86400 * plan[k.P_SECOND]
    return k.NEVER


@njit(**INLINED)
def begin_of(plan: Words, instant: int, length: int, tile: int, begins: int) -> int:
    """The first microsecond that counts; by day the night's window is one of no use.

    `begins` is the account's own night's; another's begins at the policy's hour.
    """
    if tile == k.TILE_TODAY:
        return _midnight(plan, instant)
    if tile == k.TILE_TONIGHT:
        return max(nightfall(plan, instant, plan[k.P_NIGHT_BEGINS]), instant - length)
    if tile == k.TILE_OWN_NIGHT:
        return max(nightfall(plan, instant, begins), instant - length)
    if tile == 0:
        return instant - length + 1
    return ((instant - length) // tile + 1) * tile


@njit(**INLINED)
def _as_of(plan: Words, arena: Words, at: int, instant: int) -> int:
    """When a series is read: at the instant, but never before its newest event less slack."""
    return max(instant, arena[at + 1] - plan[k.P_SLACK])


@njit(**INLINED)
def read_group(
    plan: Words,
    arena: Words,
    group: int,
    head: int,
    instant: int,
    scratch: Words,
    count: int,
    i: int,
) -> int:
    """Reads a series of that head as of row i's instant into the group's values; flags."""
    slot = plan[group + k.G_VALUE] * count + i
    at = head + plan[group + k.G_AT]
    if head == 0 or arena[at] == k.NEVER:
        scratch[slot + k.VALUE_AT * count] = instant
        scratch[slot + k.VALUE_FIRST * count] = k.NEVER
        _read_nothing(plan, group, k.NEVER, scratch, slot, count, i)
        return 0
    read_at = _as_of(plan, arena, at, instant)
    scratch[slot + k.VALUE_AT * count] = read_at
    scratch[slot + k.VALUE_FIRST * count] = arena[at]
    raw = at + k.HEAD_LEVELS
    if plan[group + k.G_LEVELS] != 0 and arena[raw] == 0:  # released: it is read after its newest
        _read_nothing(plan, group, arena[at + 1], scratch, slot, count, i)
    elif plan[group + k.G_LEVELS] != 0:
        begins = night_begins(plan, plan[group + k.G_NIGHT], scratch, count, i)
        _read_edges(plan, arena, group, raw, read_at, begins, scratch, slot, count)
    return k.BEHIND if read_at != instant else 0


@njit(**INLINED)
def _read_nothing(
    plan: Words, group: int, last: int, scratch: Words, slot: int, count: int, i: int
) -> None:
    """What a group reads where no event lies in any window, the last one being at `last`."""
    scratch[slot + k.VALUE_LAST * count] = last
    end = plan[group + k.G_END] * count + i
    for value in range(slot + k.VALUE_READS * count, end, count):
        scratch[value] = 0


@njit(**INLINED)
def _read_edges(
    plan: Words,
    arena: Words,
    group: int,
    raw: int,
    instant: int,
    begins: int,
    scratch: Words,
    slot: int,
    count: int,
) -> None:
    width = plan[group + k.G_WIDTH]
    block, high = arena[raw], rows_of(arena, raw) - 1
    if arena[block + high * width] >= instant:
        high = last_before(arena, block, high, width, instant)
    until = block + high * width
    scratch[slot + k.VALUE_LAST * count] = arena[until]
    slot += k.VALUE_READS * count
    edge = plan[k.P_EDGES] + plan[group + k.G_EDGE] * k.EDGE_WORDS
    last_edge = edge + plan[group + k.G_EDGES] * k.EDGE_WORDS
    read, low = plan[k.P_READS] + plan[edge + k.E_READ], -1
    while edge < last_edge:
        tile = plan[edge + k.E_TILE]
        begin = begin_of(plan, instant, plan[edge + k.E_LENGTH], tile, begins)
        if tile == 0 and low >= 0:  # exact windows come longest first: this one begins later
            low = later(arena, block, low, high, width, begin)
            since = block + low * width
        elif tile < 0:
            since = block + last_before(arena, block, high + 1, width, begin) * width
        else:
            level = raw + 2 * plan[edge + k.E_LEVEL]
            tile_width = plan[edge + k.E_WIDTH]
            low = seek(arena, level, tile_width, begin)
            since = arena[level] + low * tile_width
        end = read + plan[edge + k.E_READS]
        while read < end:
            scratch[slot] = arena[until + plan[read]] - arena[since + plan[read]]
            slot += count
            read += 1
        edge += k.EDGE_WORDS


@njit(**OPTIONS)
def count_members(
    plan: Words,
    arena: Words,
    counts: int,
    end: int,
    instant: int,
    scratch: Words,
    count: int,
    i: int,
) -> int:
    """Fills the values of one row's counts of members; flags. −1 is asked of a night by day.

    Windows of one list follow each other: those who took part in a shorter one are counted once.
    """
    flags, list_before, low, found = 0, 0, 0, 0
    while counts < end:
        head = scratch[plan[counts + k.N_VIEW] * count + i]
        value = plan[counts + k.N_VALUE] * count + i
        length, tile = plan[counts + k.N_LENGTH], plan[counts + k.N_TILE]
        is_longest = plan[counts + k.N_IS_LONGEST]
        begins = night_begins(plan, plan[counts + k.N_NIGHT], scratch, count, i)
        at, series = head + plan[counts + k.N_AT], head + plan[counts + k.N_SERIES_AT]
        counts += k.COUNT_WORDS
        is_known = head != 0 and arena[series] != k.NEVER
        read_at = _as_of(plan, arena, series, instant) if is_known else instant
        if read_at != instant:
            flags |= k.BEHIND
        is_nightly = tile == k.TILE_TONIGHT or tile == k.TILE_OWN_NIGHT
        if is_nightly and nightfall(plan, read_at, begins) == k.NEVER:
            scratch[value] = -1
            continue
        scratch[value] = 0
        if not is_known or arena[at] == 0:
            continue
        begin = begin_of(plan, read_at, length, tile, begins)
        block, rows = arena[at], rows_of(arena, at)
        if at != list_before or (low < rows and arena[block + low * k.MEMBER_ROW] < begin):
            low, found, list_before = rows, 0, at
        if is_longest != 0:
            edge = seek_member(arena, at, begin)
        else:
            edge = first_back(arena, block, low, begin)
        found += marks(arena, block, edge, low, rows)
        low = edge
        limit = plan[k.P_MEMBERS_MAX] if tile > 0 else plan[k.P_SATURATION]
        members = found + returned(arena, at, edge, begin, read_at)
        if members >= limit:
            flags |= k.SATURATED
        scratch[value] = min(members, limit)
    return flags


@njit(**OPTIONS)
def read_extremes(
    plan: Words,
    arena: Words,
    extreme: int,
    head: int,
    amount: int,
    scratch: Words,
    count: int,
    i: int,
) -> None:
    """Reads a window of a list of amounts, as of when its group was read, into two lanes.

    They are its extremes (`amounts.py`), or where `amount` stands in it (`amounts.standing`).
    """
    one = two = 0
    at, raw = head + plan[extreme + k.X_AT], head + plan[extreme + k.X_AT] + k.AMOUNT_RAW
    if head != 0 and (arena[raw] != 0 or arena[at] != 0):
        instant = scratch[plan[extreme + k.X_READ_AT] * count + i]
        tile, block = plan[extreme + k.X_TILE], arena[raw]
        end = rows_before(arena, block, rows_of(arena, raw), k.AMOUNT_ROW, instant)
        first = begin = since = 0
        if tile != k.TILE_EVER:
            begins = night_begins(plan, plan[extreme + k.X_NIGHT], scratch, count, i)
            begin = since = begin_of(plan, instant, plan[extreme + k.X_LENGTH], tile, begins)
            if tile > 0 and plan[extreme + k.X_IS_RANK] == 0:
                since = max(begin, (instant - 1) // tile * tile)
            first = rows_before(arena, block, end, k.AMOUNT_ROW, since)
        if plan[extreme + k.X_IS_RANK] != 0:
            one, two = standing(arena, block, first, end, amount)
        else:
            one, two = extremes(arena, block, first, end)
        if plan[extreme + k.X_IS_RANK] == 0 and tile > 0:
            level = at + k.AMOUNT_TILES + 2 * plan[extreme + k.X_LEVEL]
            high, low = tile_extremes(arena, level, begin, since)
            one, two = max(one, high), max(two, low)
        if tile == k.TILE_EVER:
            one, two = max(one, arena[at]), max(two, arena[at + 1])
    lane = plan[extreme + k.X_VALUE] * count + i
    scratch[lane], scratch[lane + count] = one, two


@njit(**OPTIONS)
def read_pick(
    plan: Words, arena: Words, pick: int, head: int, scratch: Words, count: int, i: int
) -> None:
    """Reads the first or last event of a window of a list, as of when its group was read.

    Two lanes say when it was, 0 where there is none, and its amount.
    """
    lane = plan[pick + k.K_VALUE] * count + i
    scratch[lane] = scratch[lane + count] = 0
    at, width = head + plan[pick + k.K_AT], plan[pick + k.K_WIDTH]
    if head == 0 or arena[at] == k.NEVER:
        return
    instant, tile = scratch[plan[pick + k.K_READ_AT] * count + i], plan[pick + k.K_TILE]
    begin = k.NEVER + 1
    if tile != k.TILE_EVER:
        begins = night_begins(plan, plan[pick + k.K_NIGHT], scratch, count, i)
        begin = begin_of(plan, instant, plan[pick + k.K_LENGTH], tile, begins)
    block, rows = arena[at + k.FACT_LEVEL], rows_of(arena, at + k.FACT_LEVEL)
    # The first row lies before every window: it says that there was nothing, or what was dropped.
    if plan[pick + k.K_IS_FIRST] != 0:
        row = last_before(arena, block, rows, width, begin) + 1
    else:
        row = last_before(arena, block, rows, width, instant)
    place = block + row * width
    if row < rows and begin <= arena[place] < instant:
        scratch[lane], scratch[lane + count] = arena[place], arena[place + k.FACT_VALUES]
