"""A backtest by stretches of the log: each is read and judged by itself, in whatever process.

Where a stretch begins does not depend on how many processes there are, and what is made of them is
put together in the log's order: so any number of processes says the same, byte for byte.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.flows.backtest_bench import Bench, Contest
from crivo.flows.backtest_rows import Answered, Interval, answered
from crivo.flows.ports import BulkReader, Workers
from crivo.governance.backtest_figures import Backtested

#: Events of a stretch at most: part of a second's work.
STRETCH: Final = 16_384
#: How many stretches a log has at least, so that all processes end at about the same time.
STRETCHES_MIN: Final = 24

#: Opens the log in whatever process it is called.
OpenLog = Callable[[], AbstractContextManager[BulkReader]]


@dataclass(slots=True)
class Judged:
    """What was judged: parts in the log's order with the ids of their transfers (uint64[n, 2]).

    `passed` counts what was not, by cause; `read_ns` and `decide_ns` are the time of one core.
    """

    parts: list[tuple[Backtested, npt.NDArray[np.uint64]]] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    read_ns: int = 0
    decide_ns: int = 0

    def add(self, other: Judged) -> None:
        """Takes what follows in the log."""
        self.parts += other.parts
        self.passed.update(other.passed)
        self.read_ns += other.read_ns
        self.decide_ns += other.decide_ns


@dataclass(frozen=True, slots=True)
class _Task:
    """A stretch for another process, and what it needs there."""

    open_log: OpenLog
    contest: Contest
    interval: Interval
    stretch: range


def judge_here(
    log: BulkReader, asked: Contest, interval: Interval, *, end: int
) -> Iterator[Judged]:
    """The decisions of the interval in the log up to `end`, stretch by stretch, in this process.

    Raises:
        Refused: as `answered`. Misconfigured: as `Bench.judge`.
    """
    bench = Bench(asked)
    for stretch in stretches(end):
        yield _judged(log, bench, stretch, interval)


@contextmanager
def judge_by(
    workers: Workers, open_log: OpenLog, asked: Contest, interval: Interval, *, end: int
) -> Iterator[Iterator[Judged]]:
    """What `judge_here` says, for a block in which processes have begun with the stretches.

    Raises:
        Refused, Misconfigured: as `judge_here`. Unavailable: INTERNAL where a process ended.
    """
    tasks = [_Task(open_log, asked, interval, stretch) for stretch in stretches(end)]
    with workers.share(_work, tasks) as parts:
        yield parts


def gather(parts: Iterable[Judged], *, end: int, progress: Callable[[int, int], None]) -> Judged:
    """One of the parts of all stretches of a log of `end` events."""
    whole = Judged()
    for stretch, part in zip(stretches(end), parts, strict=True):
        whole.add(part)
        progress(stretch.stop, end)
    return whole


def stretches(end: int) -> Sequence[range]:
    """The stretches of a log of so many events."""
    size = max(1, min(STRETCH, -(-end // STRETCHES_MIN)))
    return [range(start, min(start + size, end)) for start in range(0, end, size)]


def judge_all(bench: Bench, asked: Iterable[Answered]) -> Judged:
    """All of these, with the time that it took to read and to judge them."""
    found, begun = Judged(), time.perf_counter_ns()
    for each in asked:
        before = time.perf_counter_ns()
        found.parts.append((bench.judge(each), each.ids))
        found.decide_ns += time.perf_counter_ns() - before
    found.read_ns = time.perf_counter_ns() - begun - found.decide_ns
    return found


def _judged(log: BulkReader, bench: Bench, stretch: range, interval: Interval) -> Judged:
    passed: Counter[str] = Counter()
    found = judge_all(bench, answered(log, stretch, interval, passed=passed))
    found.passed = passed
    return found


def _work(task: _Task) -> Judged:
    with task.open_log() as log:
        return _judged(log, _bench(task.contest), task.stretch, task.interval)


@lru_cache(maxsize=1)
def _bench(asked: Contest) -> Bench:
    """The bench of this process, which judges one stretch after the other."""
    return Bench(asked)
