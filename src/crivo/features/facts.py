"""Facts: what was told last of a key, such as a limit or what the directory knows of a person; and
single events, of which the first or last of a window is asked for.

A list in a head is [newest instant at which something was told, block, rows | class], where the
last two are a level of `arena.py`. A row is [instant from which the facts stand, id of the event
(two words), facts…], by instant and id; so what stands later waits behind what stands now. Rows
behind the last that a read can meet are dropped. The row of an event that is no fact has its amount
in their place; where windows begin with tiles, the first event of each tile is all that is listed.

What the first event told, a fact or its amount, stands in the head itself: [instant, id (two
words), values…], where no instant means that there was none.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import layout as k
from crivo.features.arena import Words, last_before, make_room, rows_of
from crivo.features.compiled import OPTIONS

#: SHA-256 (its first 16 hex characters) of `arena.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "997315e1fd8f2d66"

_SIGN: Final = -(1 << 63)


@njit(**OPTIONS)
def fact_room(plan: Words, control: Words, arena: Words, facts: int, head: int) -> bool:
    """Whether the list can take one more row; it drops or moves rows to make it so."""
    at = head + plan[facts + k.F_AT]
    horizon = arena[at] - plan[facts + k.F_KEEP] - 1
    level, width = at + k.FACT_LEVEL, plan[facts + k.F_WIDTH]
    return make_room(control, arena, level, width, horizon, k.NEVER)


@njit(**OPTIONS)
def _is_after(arena: Words, place: int, rows: Words, row: int) -> bool:
    """Whether a row of the list stands after the event's: by instant, then by id (no sign)."""
    if arena[place] != rows[row + k.ROW_OCCURRED_AT]:
        return arena[place] > rows[row + k.ROW_OCCURRED_AT]
    for word in range(2):
        one, two = arena[place + k.FACT_ID + word], rows[row + k.ROW_EVENT + word]
        if one != two:
            return (one ^ _SIGN) > (two ^ _SIGN)
    return False


@njit(**OPTIONS)
def take_fact(plan: Words, arena: Words, facts: int, head: int, rows: Words, row: int) -> None:
    """Puts what the event tells where it belongs; room has been made."""
    at, width = head + plan[facts + k.F_AT], plan[facts + k.F_WIDTH]
    instant, tile = rows[row + k.ROW_OCCURRED_AT], plan[facts + k.F_TILE]
    arena[at] = max(arena[at], min(instant, rows[row + k.ROW_RECEIVED_AT]))
    block = arena[at + k.FACT_LEVEL]
    end = block + rows_of(arena, at + k.FACT_LEVEL) * width
    place = end
    while place > block and _is_after(arena, place - width, rows, row):
        place -= width
    is_listed = False  # instead of a later one of its tile
    if tile > 0:
        if place > block and arena[place - width] // tile == instant // tile:
            return
        is_listed = place < end and arena[place] // tile == instant // tile
    if not is_listed:
        for word in range(end - 1, place - 1, -1):
            arena[word + width] = arena[word]
        arena[at + k.FACT_LEVEL + 1] += 1 << k.ROWS_SHIFT
    arena[place] = instant
    for word in range(2):
        arena[place + k.FACT_ID + word] = rows[row + k.ROW_EVENT + word]
    source = row + plan[facts + k.F_FROM]
    for column in range(width - k.FACT_VALUES):
        arena[place + k.FACT_VALUES + column] = rows[source + column]


@njit(**OPTIONS)
def read_facts(
    plan: Words,
    arena: Words,
    told: int,
    head: int,
    instant: int,
    scratch: Words,
    count: int,
    i: int,
) -> int:
    """Reads the facts of that head as of row i's instant, ABSENT where none was told; flags."""
    value = plan[told + k.D_VALUE] * count + i
    width = plan[told + k.D_WIDTH]
    at, read_at, place = head + plan[told + k.D_AT], instant, -1
    if head != 0 and arena[at] != k.NEVER:
        read_at = max(instant, arena[at] - plan[k.P_SLACK])
        block, rows = arena[at + k.FACT_LEVEL], rows_of(arena, at + k.FACT_LEVEL)
        found = block + last_before(arena, block, rows, width, read_at) * width
        if arena[found] != k.NEVER and arena[found] < read_at:
            place = found + k.FACT_VALUES
    scratch[value] = read_at
    for column in range(width - k.FACT_VALUES):
        value += count
        scratch[value] = arena[place + column] if place >= 0 else k.ABSENT
    return k.BEHIND if read_at != instant else 0


@njit(**OPTIONS)
def take_first(plan: Words, arena: Words, firsts: int, head: int, rows: Words, row: int) -> None:
    """Notes what the event told, if it is the first: by instant, then by id (no sign)."""
    at = head + plan[firsts + k.O_AT]
    if arena[at] != 0 and not _is_after(arena, at, rows, row):
        return
    arena[at] = rows[row + k.ROW_OCCURRED_AT]
    for word in range(2):
        arena[at + k.FIRST_ID + word] = rows[row + k.ROW_EVENT + word]
    for value in range(plan[firsts + k.O_COUNT]):
        arena[at + k.FIRST_VALUES + value] = rows[row + plan[firsts + k.O_FROM] + value]


@njit(**OPTIONS)
def read_first(
    plan: Words, arena: Words, earliest: int, head: int, scratch: Words, count: int, i: int
) -> None:
    """Hands on what was told first of that head, and when; 0 where nothing was."""
    lane = plan[earliest + k.Q_VALUE] * count + i
    at = head + plan[earliest + k.Q_AT]
    scratch[lane] = arena[at] if head != 0 else 0
    for value in range(plan[earliest + k.Q_COUNT]):
        lane += count
        scratch[lane] = arena[at + k.FIRST_VALUES + value] if head != 0 else k.ABSENT
