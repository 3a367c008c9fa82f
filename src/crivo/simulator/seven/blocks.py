"""Long registers in parts: numbers in blocks, the least of many draws, and places by time.

None of them needs memory for a whole register of instants and its order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.draws import Bools, Int64s

#: So many numbers at a time.
BLOCK: Final = 65_536
#: So many places are sorted at a time, or as many as one day has.
SORTED_AT_ONCE: Final = 131_072

#: The instants of some places, and the places, which rise from block to block.
Dated = Callable[[], Iterator[tuple[Int64s, Int64s]]]


def blocks(first: int, end: int) -> Iterator[Int64s]:
    """The numbers first .. end - 1."""
    for begin in range(first, end, BLOCK):
        yield np.arange(begin, min(begin + BLOCK, end), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Least:
    """Who has the least draws: all with less than `draw`, of its equals those up to `number`."""

    draw: int
    number: int

    def of(self, draws: Int64s, numbers: Int64s) -> Bools:
        """Which of these are among them."""
        equal = (draws == self.draw) & (numbers <= self.number)
        return np.asarray((draws < self.draw) | equal)


NOBODY: Final = Least(-1, -1)


def least(drawn: Dated, count: int) -> Least:
    """The `count` least of draws of 32 bits, among equals those that come first; or all.

    Args:
        drawn: Draws and rising numbers of all who take part, in blocks; asked three times.
        count: How many are wanted.
    """
    total = sum(len(numbers) for _, numbers in drawn())
    if count <= 0 or total == 0:
        return NOBODY
    everybody = np.empty(total, dtype=np.uint32)
    filled = 0
    for draws, _ in drawn():
        everybody[filled : filled + len(draws)] = draws
        filled += len(draws)
    place = min(count, total) - 1
    everybody.partition(place)
    most = int(everybody[place])
    wanted = place + 1 - int((everybody[: place + 1] < most).sum())
    del everybody
    equal = np.concatenate([numbers[draws == most] for draws, numbers in drawn()])
    return Least(most, int(equal[wanted - 1]))


def by_time(dated: Dated, piece: int) -> Iterator[tuple[Int64s, Int64s]]:
    """Places by their instants, in pieces of that length; among equal instants as they come.

    Args:
        dated: All instants and places, in blocks; asked once for each slice of time.
        piece: The length of all pieces but the last.
    """
    waiting: list[tuple[Int64s, Int64s]] = []
    count = 0
    for first_day, end_day in _slices(dated):
        waiting.append(_within(dated, first_day * DAY, end_day * DAY))
        count += len(waiting[-1][0])
        while count >= piece:
            at, places = _joined(waiting)
            yield at[:piece], places[:piece]
            waiting, count = [(at[piece:], places[piece:])], count - piece
    if count:
        yield _joined(waiting)


def _slices(dated: Dated) -> Iterator[tuple[int, int]]:
    """Spans of days since 1970 that hold no more places than are sorted at once."""
    counts = Counter[int]()
    for at, _ in dated():
        days, found = np.unique(at // DAY, return_counts=True)
        counts.update(dict(zip(days.tolist(), found.tolist(), strict=True)))
    begin, held = min(counts, default=0), 0
    for day in sorted(counts):
        if held and held + counts[day] > SORTED_AT_ONCE:
            yield begin, day
            begin, held = day, 0
        held += counts[day]
    if held:
        yield begin, max(counts) + 1


def _within(dated: Dated, begin: int, end: int) -> tuple[Int64s, Int64s]:
    parts = []
    for at, places in dated():
        mine = (at >= begin) & (at < end)
        parts.append((at[mine], places[mine]))
    at, places = _joined(parts)
    order = np.argsort(at, kind="stable")
    return at[order], places[order]


def _joined(parts: list[tuple[Int64s, Int64s]]) -> tuple[Int64s, Int64s]:
    return np.concatenate([at for at, _ in parts]), np.concatenate([own for _, own in parts])
