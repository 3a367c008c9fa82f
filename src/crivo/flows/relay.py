"""Passing a service's log on to another one; what that does not take yet waits in the log's file.

So the file is the spool: a record is synced there before anyone is answered, whatever the other log
does, and is passed on in the order of its numbers once that takes it. A spool is bounded: where as
much waits as may, the log takes nothing until some of it was passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from crivo.domain.errors import Code, Unavailable
from crivo.flows.copy_log import RowLog, StoredRows, copy_next

#: Events of one append to the other log: what one transaction of Kafka takes in a moment.
BATCH: Final = 2_000

#: Raises where a log may not grow up to that end.
Bound = Callable[[int], None]


class Relay:
    """Knows how far another log holds a service's. One thread passes on, any other may ask.

    Args:
        taken: How many events the other log held when it was last heard of.
        spool_max: How many events may wait.
        keep: Told how many the other log holds, whenever that changes.
    """

    def __init__(self, *, taken: int, spool_max: int, keep: Callable[[int], None]) -> None:
        self._spool_max = spool_max
        self._keep = keep
        #: How many events the other log holds, as far as it was heard of.
        self.taken = taken

    def check(self, end: int) -> None:
        """Nothing, if the service's log may grow up to that end.

        Raises:
            Unavailable: LOG_UNAVAILABLE where more would wait than may.
        """
        if end - self.taken > self._spool_max:
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                f"{self._spool_max} events may wait for the log in Kafka, and no more",
                hint="Send the same again once its brokers take what waits; "
                "CRIVO_RELAY__SPOOL_EVENTS says how many may wait.",
            )

    def pass_on(self, source: StoredRows, target: RowLog) -> bool:
        """Whether there was something to pass on to the other log, which holds it now.

        Raises:
            Misconfigured, Unavailable: as `copy_next`.
        """
        self._note(target.end())
        copied = copy_next(source, target, limit=BATCH)
        self._note(target.end())
        return copied > 0

    def _note(self, taken: int) -> None:
        if taken != self.taken:
            self.taken = taken
            self._keep(taken)
