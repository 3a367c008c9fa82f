"""Worker processes, begun when there is work and ended with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

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
        with self._begun(len(tasks)) as pool:
            yield from pool.map(work, tasks)

    @contextmanager
    def share(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Iterator[Result]]:
        """The results as `run` has them, for a block in which the others have begun already.

        Whoever asks for a result works while it would wait: on what nobody has begun.

        Raises:
            Unavailable: as `run`.
        """
        with self._begun(len(tasks)) as pool:
            yield _shared([pool.submit(work, task) for task in tasks], work, tasks)

    @contextmanager
    def _begun(self, tasks: int) -> Iterator[ProcessPoolExecutor]:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(self._processes, max(tasks, 1)), mp_context=context)
        try:
            yield pool
        except BrokenProcessPool as broken:
            raise Unavailable(
                Code.INTERNAL,
                "a worker process ended before its work was done",
                hint="Look at the machine's memory, or ask for fewer shards.",
                found=str(broken),
            ) from broken
        finally:
            # Their last tenths of a second, tidying up, are waited for at this one's exit alone.
            pool.shutdown(wait=False, cancel_futures=True)


def _shared(
    asked: Sequence[Future[Result]], work: Callable[[Task], Result], tasks: Sequence[Task]
) -> Iterator[Result]:
    done: dict[int, Result] = {}
    last = len(tasks)
    for place, answer in enumerate(asked):
        while not answer.done() and last > place + 1:
            last -= 1
            # The others go forwards, and of what one of them has begun nothing is taken.
            if asked[last].cancel():
                done[last] = work(tasks[last])
        yield done.pop(place) if place in done else answer.result()
