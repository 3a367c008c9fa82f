"""Taking rows as another log stored them: the number of the last is all that is known of the rest.

A log's own writer knows the ids of all it holds; one that is given numbered rows needs none,
however long the log is, and whatever of it brokers have let go of.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Final

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import Intake, Part, read_ends
from crivo.adapters.kafka.manifest import (
    find_manifest,
    make_manifest,
    number_kept,
    writer_kept,
)
from crivo.adapters.kafka.writer import Sent, TransactionWriter
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import EventRow
from crivo.flows.group_commit import Waiting, call_directly, unwritten
from crivo.flows.ports import Manifest

#: Records at the end of a partition that are looked through for a number; more where none has one.
_LAST: Final = 16


class KafkaRows:
    """A `RowLog`: the log of a cluster, made like the one whose rows it takes where there is none.

    Who opens it is the log's one writer. After a failure it is opened anew: what was begun is ended
    by that, and the end says how much of it is there.

    Raises:
        Misconfigured: LOG_MISMATCH where another log is there, or no topics.
        Unavailable: LOG_UNAVAILABLE.
    """

    def __init__(self, cluster: Cluster, manifest: Manifest) -> None:
        _make_like(cluster, manifest)
        # Taking the writer's name ends whatever another one had begun: asked after that.
        self._writer = TransactionWriter(
            cluster,
            settled=self._settle,
            recount=partial(number_behind, cluster, manifest.partitions),
            whose=partial(writer_kept, cluster),
            notify=call_directly,
            seal=list,
        )
        self._end = self._put_end = number_behind(cluster, manifest.partitions)
        self._writer.take_over(self._end)
        self._writer.start()

    def append_stored(self, rows: Sequence[EventRow]) -> None:
        """Appends rows, which follow upon what is here, as one transaction. Rows that are here are
        passed over, and those of a failed attempt are tried again until they are: so the same rows
        may be given until they are taken.

        Raises:
            Misconfigured, Unavailable: as the writer's attempt.
        """
        new = [row for row in rows if row[0] >= self._put_end]
        if new:
            waiting = Waiting(self._writer)
            self._writer.put(Sent(new, waiting.done, stored=new))
            self._put_end = new[-1][0] + 1
            waiting.wait()
        elif rows and rows[-1][0] >= self._end:
            self._writer.check()
            raise unwritten("what it was given before is on its way")

    def end(self) -> int:
        """The number that follows the newest row."""
        return self._end

    def close(self) -> None:
        """Ends its client."""
        self._writer.close()

    def _settle(self, group: list[Sent]) -> None:
        self._end = group[-1].rows[-1][0] + 1


def _make_like(cluster: Cluster, manifest: Manifest) -> None:
    check_same(cluster, find_manifest(cluster) or make_manifest(cluster, manifest), manifest)


def check_same(cluster: Cluster, there: Manifest, manifest: Manifest) -> None:
    """Nothing, if the log that a cluster holds is the one of that manifest.

    Raises:
        Misconfigured: LOG_MISMATCH.
    """
    if there != manifest:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"{cluster.brokers} holds another log already",
            hint="Give this one a space of its own: kafka://HOST:PORT/NAME.",
            field="log_id",
            expected=manifest.log_id,
            found=there.log_id,
        )


def number_behind(cluster: Cluster, partitions: int) -> int:
    """The number behind the greatest that a log's writer gave; 0 where there is none.

    Brokers keep it. Of a log that was written before they did, numbers grow within a partition: the
    last records of each tell it.

    Raises:
        Refused: ROW_MALFORMED for a number on what is no event.
        Misconfigured, Unavailable: as `answered`.
    """
    if (kept := number_kept(cluster)) > 0:
        return kept
    left = {
        part: each for part, each in read_ends(cluster, partitions).items() if each[0] < each[1]
    }
    behind, count = 0, _LAST
    while left:
        starts = {part: max(low, high - count) for part, (low, high) in left.items()}
        found = _numbers_behind(cluster, starts, {part: high for part, (_, high) in left.items()})
        behind = max(behind, *found.values(), 0)
        left = {
            part: each
            for part, each in left.items()
            if part not in found and starts[part] > each[0]
        }
        count *= _LAST
    return behind


def _numbers_behind(
    cluster: Cluster, starts: dict[Part, int], ends: dict[Part, int]
) -> dict[Part, int]:
    """By partition, the number behind the last of these records that bears one."""
    found: dict[Part, int] = {}
    with closing(Intake(cluster, starts, ends, numbered_from=0)) as intake:
        for part in starts:
            waiting = intake.waiting[part]
            while waiting or part in intake.open:
                intake.await_more(part)
                while waiting:
                    key, _ = waiting.popleft()
                    found[part] = key // 2 + 1
    return found
