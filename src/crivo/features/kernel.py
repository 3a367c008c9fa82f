"""The kernel: folds rows into a state of integers and reads vectors from it, as the plan says.

Rows are worked on in batches, and each step of the plan is taken for all rows of a batch before the
next. Within one table, where an event changes what the next one reads, rows go one after the other.

numba's cache of a function looks at its own file and at no other. So `COMPILED_WITH` names the text
of a file whose code is compiled into this one, as that file does for the next: a test compares
them, and writing the new value is what makes the cache forget.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from crivo.features import frame as f
from crivo.features import layout as k
from crivo.features.arena import Words
from crivo.features.compiled import INLINED, OPTIONS
from crivo.features.exposure import exposure_growth, exposures
from crivo.features.facts import read_facts, read_first
from crivo.features.folding import find_room, fold_key
from crivo.features.frame import bytes_at, floats_at, words_at
from crivo.features.heads import look_ahead, take_heads
from crivo.features.reading import count_members, judge, read_extremes, read_group, read_pick
from crivo.features.values import write_values

#: SHA-256 (its first 16 hex characters) of `folding.py`, which names the next, and so on.
COMPILED_WITH: Final = "ab7a1de353d8b7ae"


@njit(**OPTIONS)
def run(place: int) -> int:
    """Reads each wanted row of the frame at `place`, then folds every one of its rows.

    In order, and from where it stopped before. Where the frame's rows are not folded, no key
    changes and nothing is counted.
    """
    here = words_at(place)
    plan, control = words_at(here[f.PLAN]), words_at(here[f.CONTROL])
    index, arena = words_at(here[f.INDEX]), words_at(here[f.ARENA])
    rows, scratch = words_at(here[f.ROWS]), words_at(here[f.SCRATCH])
    control[k.C_INDEX_SIZE] = here[f.INDEX_SIZE]
    control[k.C_ARENA_SIZE] = here[f.ARENA_SIZE]
    total, limit, folds = here[f.TOTAL], k.BATCH_ROWS, here[f.FOLDS] != 0
    start, line = (control[k.C_ROW], control[k.C_OUT]) if folds else (0, 0)
    while start < total:
        first, count = start * k.ROW_WORDS, min(limit, total - start)
        _begin_batch(plan, rows, first, count, scratch)
        read = _choose(here, start, count, folds, scratch)
        code = _prepare(plan, control, index, arena, rows, first, count, folds, scratch)
        if code == k.NOT_SURE:
            limit = 1
            continue
        if code != k.DONE:
            return code
        _work(plan, control, index, arena, rows, first, count, scratch)
        if read != 0:
            vectors, flags = here[f.VECTORS], bytes_at(here[f.FLAGS])
            _write_vectors(plan, rows, first, count, read, scratch, vectors, line)
            for j in range(read):
                i = scratch[k.LANE_READ_ROWS * count + j]
                flags[line + j] = scratch[k.LANE_FLAGS * count + i]
        start, line, limit = start + count, line + read, k.BATCH_ROWS
        if folds:
            for i in range(count):
                kind = scratch[k.LANE_KIND * count + i]
                control[k.C_LATE if kind < 0 else k.C_FOLDED] += 1
                if kind <= k.KIND_TRANSFER:
                    _reach(control, rows[first + i * k.ROW_WORDS + k.ROW_RECEIVED_AT])
            control[k.C_ROW], control[k.C_OUT] = start, line
    return k.DONE


@njit(**INLINED)
def _reach(control: Words, received_at: int) -> None:
    """Counts a transfer's receipt: what all of a stretch of them lie at or after is reached."""
    control[k.C_STRETCH] += 1
    control[k.C_STRETCH_LEAST] = min(control[k.C_STRETCH_LEAST], received_at)
    if control[k.C_STRETCH] >= control[k.C_STRETCH_SIZE]:
        control[k.C_REACHED] = max(control[k.C_REACHED], control[k.C_STRETCH_LEAST])
        control[k.C_STRETCH], control[k.C_STRETCH_LEAST] = 0, -k.NEVER


@njit(**OPTIONS)
def _choose(here: Words, start: int, count: int, folds: bool, scratch: Words) -> int:
    """Says of each row of a batch whether it is read, and lists those that are; how many they are.

    Rows that are not folded are folded as nothing.
    """
    wanted, is_any, read = bytes_at(here[f.WANTED]), here[f.WANTED] != 0, 0
    for i in range(count):
        is_read = is_any and wanted[start + i] != 0
        scratch[k.LANE_IS_READ * count + i] = int(is_read)
        if is_read:
            scratch[k.LANE_READ_ROWS * count + read] = i
            read += 1
        if not folds:
            scratch[k.LANE_KIND * count + i] = -1
    return read


@njit(**OPTIONS)
def _write_vectors(
    plan: Words,
    rows: Words,
    first: int,
    count: int,
    read: int,
    scratch: Words,
    vectors: int,
    line: int,
) -> None:
    """Fills the lines of the rows that are read, every null with the same bits."""
    write_values(plan, rows, first, count, read, scratch, floats_at(vectors), line)
    bits, width = words_at(vectors), plan[k.P_N_FEATURES]
    for place in range(line * width, (line + read) * width):
        if bits[place] & f.MAGNITUDE > f.INFINITY:
            bits[place] = f.NULL_BITS


@njit(**OPTIONS)
def _work(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    scratch: Words,
) -> None:
    for place in range(plan[k.P_N_TABLES]):
        table = plan[k.P_ORDER + place]
        _work_on_table(plan, control, arena, rows, first, count, table, scratch)
    if plan[k.P_EXPOSURE_PAIR] != 0:
        exposures(plan, control, index, arena, rows, first, count, scratch)


@njit(**OPTIONS)
def _begin_batch(plan: Words, rows: Words, first: int, count: int, scratch: Words) -> None:
    """What the rows say by themselves: kinds, conditions, what they add to columns."""
    for i in range(count):
        row = first + i * k.ROW_WORDS
        kind = rows[row + k.ROW_KIND]
        lateness = rows[row + k.ROW_RECEIVED_AT] - rows[row + k.ROW_OCCURRED_AT]
        is_late = kind == k.KIND_TRANSFER and lateness > plan[k.P_LATENESS]
        scratch[k.LANE_KIND * count + i] = -1 if is_late else kind
        flags = k.BEHIND if kind == k.KIND_TRANSFER and lateness > plan[k.P_READ_BACK] else 0
        scratch[k.LANE_FLAGS * count + i] = flags | (k.LATE if is_late else 0)
    judge(plan, rows, first, count, scratch)
    for column in range(plan[k.P_N_COLUMNS]):
        place = plan[k.P_COLUMNS] + column * k.COLUMN_WORDS
        kind, condition = plan[place], (k.LANE_CONDITIONS + plan[place + 1]) * count
        lane = (plan[k.P_LANE_COLUMNS] + column) * count
        for i in range(count):
            delta = _added(kind, rows[first + i * k.ROW_WORDS + k.ROW_AMOUNT])
            scratch[lane + i] = delta * scratch[condition + i] if plan[place + 1] >= 0 else delta


@njit(**INLINED)
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
def _prepare(
    plan: Words,
    control: Words,
    index: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    folds: bool,
    scratch: Words,
) -> int:
    """Finds the heads and sees that nothing can grow too large halfway.

    Many rows are begun only where they surely find room; one row by itself has it made first.
    """
    if folds and (control[k.C_KEYS] + k.ENTITIES * count) * 2 > control[k.C_INDEX_SIZE]:
        return k.NEED_INDEX
    end = control[k.C_TOP] + count * plan[k.P_ROW_WORDS]
    if folds and count > 1 and end > control[k.C_ARENA_SIZE]:
        return k.NOT_SURE
    if not take_heads(plan, control, index, arena, rows, first, count, scratch):
        return k.NEED_ARENA
    needed = look_ahead(plan, arena, count, scratch)
    if not folds:
        return k.DONE
    told = 0
    if plan[k.P_EXPOSURE_PAIR] != 0:
        told = exposure_growth(plan, control, index, arena, rows, first, count, scratch)
    needed += told
    if control[k.C_TOP] + needed <= control[k.C_ARENA_SIZE]:
        return k.DONE
    if count > 1:
        return k.NOT_SURE
    is_found = find_room(plan, control, arena, scratch)
    return (
        k.DONE if is_found and control[k.C_TOP] + told <= control[k.C_ARENA_SIZE] else k.NEED_ARENA
    )


@njit(**OPTIONS)
def _work_on_table(
    plan: Words,
    control: Words,
    arena: Words,
    rows: Words,
    first: int,
    count: int,
    table: int,
    scratch: Words,
) -> None:
    """Reads and folds one table's part of each row, one row after the other."""
    own = plan[k.P_TABLES] + table * k.TABLE_WORDS
    groups = plan[k.P_GROUPS] + plan[own + k.T_GROUP] * k.GROUP_WORDS
    groups_end = plan[k.P_GROUPS] + plan[own + k.T_GROUPS_END] * k.GROUP_WORDS
    counts = plan[k.P_COUNTS] + plan[own + k.T_COUNT] * k.COUNT_WORDS
    counts_end = plan[k.P_COUNTS] + plan[own + k.T_COUNTS_END] * k.COUNT_WORDS
    told = plan[k.P_TOLD] + plan[own + k.T_TOLD] * k.TOLD_WORDS
    told_end = plan[k.P_TOLD] + plan[own + k.T_TOLD_END] * k.TOLD_WORDS
    alone = plan[own + k.T_EXTREME] + plan[own + k.T_EARLIEST] + plan[own + k.T_PICK]
    alone_end = plan[own + k.T_EXTREMES_END] + plan[own + k.T_EARLIEST_END]
    alone_end += plan[own + k.T_PICKS_END]
    for i in range(count):
        row = first + i * k.ROW_WORDS
        if scratch[k.LANE_IS_READ * count + i] != 0:
            earliest = rows[row + k.ROW_RECEIVED_AT] - plan[k.P_READ_BACK]
            instant = max(rows[row + k.ROW_OCCURRED_AT], earliest)
            flags, group = 0, groups
            for facts in range(told, told_end, k.TOLD_WORDS):  # one of them may be a night's hour
                head = scratch[plan[facts + k.D_VIEW] * count + i]
                flags |= read_facts(plan, arena, facts, head, instant, scratch, count, i)
            while group < groups_end:
                head = scratch[plan[group + k.G_VIEW] * count + i]
                flags |= read_group(plan, arena, group, head, instant, scratch, count, i)
                group += k.GROUP_WORDS
            if counts < counts_end:
                flags |= count_members(plan, arena, counts, counts_end, instant, scratch, count, i)
            scratch[k.LANE_FLAGS * count + i] |= flags
            if alone < alone_end:
                _read_alone(plan, arena, rows, first, own, scratch, count, i)
        kind = scratch[k.LANE_KIND * count + i]
        lanes = k.LANE_HEAD if kind == k.KIND_TRANSFER else k.LANE_ANNEX
        head = scratch[(lanes + table) * count + i]
        if head != 0 and kind >= 0:
            fold_key(plan, control, arena, rows, row, own, head, kind, scratch, count, i)


@njit(**OPTIONS)
def _read_alone(
    plan: Words,
    arena: Words,
    rows: Words,
    first: int,
    own: int,
    scratch: Words,
    count: int,
    i: int,
) -> None:
    """Reads what is kept of single events: amounts in a list, and what was told first or last."""
    amount = rows[first + i * k.ROW_WORDS + k.ROW_AMOUNT]
    for x in range(plan[own + k.T_EXTREME], plan[own + k.T_EXTREMES_END]):
        extreme = plan[k.P_EXTREMES] + x * k.EXTREME_WORDS
        head = scratch[plan[extreme + k.X_VIEW] * count + i]
        read_extremes(plan, arena, extreme, head, amount, scratch, count, i)
    for q in range(plan[own + k.T_EARLIEST], plan[own + k.T_EARLIEST_END]):
        earliest = plan[k.P_EARLIEST] + q * k.EARLIEST_WORDS
        head = scratch[plan[earliest + k.Q_VIEW] * count + i]
        read_first(plan, arena, earliest, head, scratch, count, i)
    for p in range(plan[own + k.T_PICK], plan[own + k.T_PICKS_END]):
        pick = plan[k.P_PICKS] + p * k.PICK_WORDS
        head = scratch[plan[pick + k.K_VIEW] * count + i]
        read_pick(plan, arena, pick, head, scratch, count, i)
