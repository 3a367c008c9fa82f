"""Compaction: a state copied into another arena, without the blocks that nobody holds.

Heads come first and keep their order, by which members of one instant are listed; then, key by key,
their annexes and blocks. Where a head went is written over its old first word, so that whatever
names a head by its place (links, members, chains of pairs) is told the new one. The old arena is
of no more use then.
"""

from __future__ import annotations

from typing import Any, Final

from numba import njit

from crivo.features import layout as k
from crivo.features.arena import Words, rows_of, words
from crivo.features.compiled import OPTIONS

#: SHA-256 (its first 16 hex characters) of `arena.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "997315e1fd8f2d66"


@njit(**OPTIONS)
def compact(plan: Any, entries: Any, arena: Any, target: Any) -> int:
    """Copies all keys of `entries` from `arena` to `target`; the end of what is in use there.

    All are whole arrays of int64. `entries` are those of an index by the places of their heads;
    they name the new places afterwards. `target` has as many words as `arena` has in use.
    """
    tables, old, new = words(plan), words(arena), words(target)
    top = k.LINE_WORDS  # offset 0 means none, and none went to 0
    for at in range(entries.size):
        head, size = entries[at] & k.OFFSET_MASK, tables[k.P_HEAD_WORDS + _entity(entries[at])]
        _copy(old, head, new, top, size)
        old[head] = top
        entries[at] += top - head
        top += size
    for at in range(entries.size):
        head, entity = entries[at] & k.OFFSET_MASK, _entity(entries[at])
        if tables[k.P_OWN_KEY + entity] == 0:  # a link's key is where its ends lie
            new[head], new[head + 1] = old[new[head]], old[new[head + 1]]
        top = _of_key(tables, old, new, head, entity, top)
        if tables[k.P_EXPOSURE_PAIR] != 0:
            top = _of_exposures(tables, old, new, head, entity, top)
    return top


@njit(**OPTIONS)
def _entity(entry: int) -> int:
    return (entry >> k.OFFSET_BITS) & k.ENTITY_MASK


@njit(**OPTIONS)
def _copy(old: Words, place: int, new: Words, to: int, count: int) -> None:
    for word in range(count):
        new[to + word] = old[place + word]


@njit(**OPTIONS)
def _move(old: Words, new: Words, level: int, width: int, top: int) -> int:
    """Copies the block of a level that stands in a new head; where the next one goes."""
    block = new[level]
    if block == 0:
        return top
    _copy(old, block, new, top, rows_of(new, level) * width)
    new[level] = top
    return top + (1 << (new[level + 1] & k.CLASS_MASK))


@njit(**OPTIONS)
def _of_key(plan: Words, old: Words, new: Words, head: int, entity: int, top: int) -> int:
    """Copies what a new head names: its annex, and the blocks of both."""
    table, annex = plan[k.P_TABLES] + entity * k.TABLE_WORDS, 0
    if plan[k.P_ANNEX_WORDS + entity] != 0 and new[head + k.HEAD_ANNEX] != 0:
        annex = top
        _copy(old, new[head + k.HEAD_ANNEX], new, annex, plan[k.P_ANNEX_WORDS + entity])
        new[head + k.HEAD_ANNEX] = annex
        top += plan[k.P_ANNEX_WORDS + entity]
    for m in range(plan[table + k.T_MEMBERS], plan[table + k.T_MEMBERS_END]):
        level = head + plan[plan[k.P_MEMBERS] + m * k.MEMBERS_WORDS + k.M_AT]
        top = _move(old, new, level, k.MEMBER_ROW, top)
        for row in range(rows_of(new, level)):
            member = new[level] + row * k.MEMBER_ROW + k.R_MEMBER
            new[member] = old[new[member]]
    for a in range(plan[table + k.T_AMOUNTS], plan[table + k.T_AMOUNTS_END]):
        amounts = plan[k.P_AMOUNTS] + a * k.AMOUNTS_WORDS
        base = head if plan[amounts + k.A_EVENT] == k.KIND_TRANSFER else annex
        if base != 0:
            at = base + plan[amounts + k.A_AT]
            top = _move(old, new, at + k.AMOUNT_RAW, k.AMOUNT_ROW, top)
            for n in range(plan[amounts + k.A_LEVELS]):
                top = _move(old, new, at + k.AMOUNT_TILES + 2 * n, k.TILE_ROW, top)
    for f in range(plan[table + k.T_FACTS], plan[table + k.T_FACTS_END]):
        facts = plan[k.P_FACTS] + f * k.FACTS_WORDS
        base = head if plan[facts + k.F_EVENT] == k.KIND_TRANSFER else annex
        if base != 0:
            level = base + plan[facts + k.F_AT] + k.FACT_LEVEL
            top = _move(old, new, level, plan[facts + k.F_WIDTH], top)
    for s in range(plan[table + k.T_SERIES], plan[table + k.T_SERIES_END]):
        series = plan[k.P_SERIES] + s * k.SERIES_WORDS
        base = head if plan[series + k.S_EVENT] == k.KIND_TRANSFER else annex
        for n in range(plan[series + k.S_LEVELS] if base != 0 else 0):
            level = plan[k.P_LEVELS] + (plan[series + k.S_LEVEL] + n) * k.LEVEL_WORDS
            place = base + plan[series + k.S_AT] + k.HEAD_LEVELS + 2 * n
            top = _move(old, new, place, plan[level + k.L_WIDTH], top)
    return top


@njit(**OPTIONS)
def _of_exposures(plan: Words, old: Words, new: Words, head: int, entity: int, top: int) -> int:
    """Copies an account's exposures, and tells it and its pairs where the next pair went."""
    if entity == k.PAIR:
        met = head + plan[k.P_EXPOSURE_PAIR]
        new[met + k.MET_OF_PAYEE] = old[new[met + k.MET_OF_PAYEE]]
        new[met + k.MET_OF_PAYER] = old[new[met + k.MET_OF_PAYER]]
    if entity in (k.PAYER, k.PAYEE):
        own = k.P_EXPOSURE_PAYER if entity == k.PAYER else k.P_EXPOSURE_PAYEE
        at = head + plan[own]
        top = _move(old, new, at, 1, top)
        new[at + k.EXPOSURE_PAIRS] = old[new[at + k.EXPOSURE_PAIRS]]
    return top
