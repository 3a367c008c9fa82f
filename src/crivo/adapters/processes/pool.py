"""Worker processes, begun when there is work and ended with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import Result, Task


class ProcessPool:
    """Plays `Workers` with so many processes; each starts anew, with nothing of this one's state.

    What a task raises must survive the way between processes: `CrivoError` is sent as it is.
    """

    def __init__(self, processes: int) -> None:
        assert processes >= 1
        self._processes = processes

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """The results of `work` over the tasks, in their order.

        Raises:
            Unavailable: INTERNAL where a process ended by itself, as it does without memory.
        """
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(self._processes, max(len(tasks), 1)), mp_context=context)
        try:
            yield from pool.map(work, tasks)
        except BrokenProcessPool as broken:
            raise Unavailable(
                Code.INTERNAL,
                "a worker process ended before its work was done",
                hint="Look at the machine's memory, or ask for fewer shards.",
                found=str(broken),
            ) from broken
        finally:
            pool.shutdown(cancel_futures=True)
